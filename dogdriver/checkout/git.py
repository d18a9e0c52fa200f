"""git, as a program, with a configuration of its own: nothing of the machine's or the user's is read."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from dogdriver.checkout.address import Address
from dogdriver.checkout.process import Completed, Mask, environment, run, unmasked
from dogdriver.errors import CheckoutError
from dogdriver.model.text import shortened
from dogdriver.network import UNTRUSTED

CONFIG = """\
[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "http"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "git"]
	allow = always
[protocol "file"]
	allow = always
[core]
	hooksPath = /dev/null
	autocrlf = false
[fetch]
	recurseSubmodules = false
[gc]
	auto = 0
[maintenance]
	auto = false
[http]
	lowSpeedLimit = 1
	lowSpeedTime = 30
[safe]
	directory = *
"""
PERMANENT = (  # what git says, and what to do; trying again will not help
    ("certificate", UNTRUSTED),
    ("couldn't find remote ref", "there is no such branch, tag or commit; correct `ref`"),
    ("not our ref", "there is no such commit; correct `ref`"),
    ("unadvertised object", "the server gives no commit by its hash; use a branch or a tag"),
    ("could not read Username", "there is no such public repository; correct the address, or use ssh with a key"),
    ("Authentication failed", "it is not public; use ssh with a key"),
    ("Permission denied", "the daemon's ssh key is not accepted there; give it access"),
    ("Host key verification failed", "the host's key is not known; add it to the known_hosts of the daemon's user"),
    ("does not appear to be a git repository", "there is no git repository; correct the address"),
    ("not found", "there is no such repository; correct the address"),
)
UNREACHABLE = (
    ("Could not resolve host", "the host's name is not known; correct the address or fix the network"),
    ("Connection refused", "nothing listens there; correct the address or try later"),
    ("unable to access", "the server cannot be reached; correct the address or try later"),
)
DISK_FULL = (("No space left on device", "the disk of the data directory is full; make room"),)
LEAST_FREE = 1024 * 1024  # bytes; git does not say why it cannot write a file


class Git:
    """The few git commands that a checkout needs. *home* becomes its empty home directory.

    A command that takes longer than *seconds* is killed.
    """

    def __init__(self, home: Path, *, environ: Mapping[str, str], seconds: float, mask: Mask = unmasked) -> None:
        self._home = home
        self._mask = mask
        self._seconds = seconds
        self._env = {
            **environment(environ),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / "config"),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=15",
        }

    async def fetch(self, repository: Path, address: Address, ref: str) -> tuple[str, str]:
        """(commit, tree) of *ref* at *address*, fetched into the bare *repository* without its history.

        What stands there already saves transfer. Where that is the trouble (a half-written pack, a lock left by a
        killed daemon) it is thrown away and fetched again, once. The half of a repository is never left: it may be
        what fills the disk. Raises CheckoutError.
        """
        for last in (False, True):
            await self._init(repository)
            before = await self._git(repository, "rev-parse", "--verify", "--quiet", "refs/test")
            wanted = ("--end-of-options", address.text, f"+{ref}:refs/test")
            done = await self._git(repository, "fetch", "--quiet", "--depth=1", "--no-tags", "--force", *wanted)
            if not (done.ok or _advice(done, PERMANENT + UNREACHABLE)):
                shutil.rmtree(repository, ignore_errors=True)
            if done.ok or done.code is None or last or _advice(done, PERMANENT + DISK_FULL):
                break
        self._expect(done, address, ref)
        named = await self._git(repository, "rev-parse", "refs/test^{commit}", "refs/test^{tree}")
        self._expect(named, address, ref)
        if before.ok and before.out != (await self._git(repository, "rev-parse", "refs/test")).out:
            await self._git(repository, "gc", "--quiet", "--prune=now")
        commit, tree = named.out.split()
        return commit, tree

    async def export(self, repository: Path, tree: str, directory: Path) -> None:
        """Write the files of *tree* into *directory*, which must exist and be empty. Raises CheckoutError."""
        with TemporaryDirectory(dir=repository, prefix="index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            for words in (("read-tree", tree), ("checkout-index", "--all", "--quiet")):
                done = await self._git(repository, f"--work-tree={directory}", *words, extra_env=index)
                if not done.ok:
                    why = DISK_FULL[0][1] if shutil.disk_usage(directory).free < LEAST_FREE else _own_words(done)
                    raise CheckoutError(f"The files of the test cannot be written: {why}.")

    async def subtree(self, repository: Path, tree: str, path: str) -> str:
        """The hash of the folder *path* in *tree*. Raises CheckoutError where there is none."""
        done = await self._git(repository, "rev-parse", "--verify", "--end-of-options", f"{tree}:{path}")
        if not done.ok:
            raise CheckoutError(f"There is no folder {path} in the test's repository; correct `path`.")
        return done.out.split()[-1]

    async def hash_folder(self, repository: Path, directory: Path) -> str:
        """The tree hash that git would give *directory*, all its files included; they are kept in *repository*.

        Raises CheckoutError where a file of it cannot be read.
        """
        await self._init(repository)
        with TemporaryDirectory(dir=repository, prefix="index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            added = await self._git(
                directory,
                f"--git-dir={repository}",
                f"--work-tree={directory}",
                "add",
                "--all",
                "--force",
                extra_env=index,
            )
            tree = await self._git(repository, "write-tree", extra_env=index)
        if not (added.ok and tree.ok):
            shutil.rmtree(repository, ignore_errors=True)
            raise CheckoutError(f"The test's folder cannot be read: {_own_words(tree if added.ok else added)}.")
        return tree.out.strip()

    async def _init(self, repository: Path) -> None:
        if (repository / "HEAD").exists():
            return
        _make_empty(repository)
        done = await self._git(repository, "init", "--quiet", "--bare", ".")
        if not done.ok:
            raise CheckoutError(f"A place for the test's repository cannot be made: {_own_words(done)}.")

    async def _git(self, cwd: Path, *words: str, extra_env: Mapping[str, str] | None = None) -> Completed:
        self._home.mkdir(parents=True, exist_ok=True)
        config = self._home / "config"
        if not config.exists() or config.read_text(encoding="utf-8") != CONFIG:
            config.write_text(CONFIG, encoding="utf-8")
        try:
            env = {**self._env, **(extra_env or {})}
            return await run(("git", *words), env=env, cwd=cwd, seconds=self._seconds, mask=self._mask)
        except FileNotFoundError:
            raise CheckoutError("There is no git on this machine; install it.") from None

    def _expect(self, done: Completed, address: Address, ref: str) -> None:
        if done.ok:
            return
        what = f"The test repository {address.text} ({ref}) cannot be fetched"
        if done.code is None:
            raise CheckoutError(f"{what}: no answer within {self._seconds:g} s; correct the address or try later.")
        raise CheckoutError(f"{what}: {_advice(done, PERMANENT + UNREACHABLE + DISK_FULL) or _own_words(done)}.")


def _make_empty(repository: Path) -> None:
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)


def _advice(done: Completed, known: tuple[tuple[str, str], ...]) -> str | None:
    return next((advice for sign, advice in known if sign.lower() in done.err.lower()), None)


def _own_words(done: Completed) -> str:
    """The line in which git says what is wrong, cut short."""
    if done.code is None:
        return "it took too long"
    lines = [line for line in done.err.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    lines = lines or done.err.splitlines() or [f"git ended with {done.code}"]
    return shortened("".join(c for c in lines[0] if c.isprintable()), 300).rstrip(".")

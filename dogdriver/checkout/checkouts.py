"""Test repositories on disk."""

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from tempfile import mkdtemp

from packaging.utils import canonicalize_name

from dogdriver.checkout import built_in
from dogdriver.checkout.address import Address, check_ref, parse
from dogdriver.checkout.files import Entry, copy_folder, find_entry, inside
from dogdriver.checkout.git import Git
from dogdriver.checkout.process import Mask, unmasked
from dogdriver.checkout.requirements import Sites, reconcile
from dogdriver.errors import CheckoutError
from dogdriver.model import Prepared, Test

Fill = Callable[[Path], Awaitable[Prepared]]
MOST_KEPT = 20  # repositories and sites
MOST_TREES = 4  # the one that runs, and a few for who wants to look


class TestCheckouts:
    """Makes a directory of its own for every run, so that nothing that happens meanwhile, or happened before, matters.

    Under *directory*: `repositories` (bare, one per address and ref, so that only what is new is transferred), `trees`
    (what runs; the newest few are kept) and `sites` (installed requirements). *environ* is where PATH, the proxies and
    uv's own settings are taken from. *packages* (name → version) are the daemon's own, by default what is installed.
    A git or uv that takes longer than *seconds* or *install_seconds* is killed; its words go through *mask*.
    """

    __test__ = False  # not a pytest class

    def __init__(
        self,
        directory: Path,
        *,
        environ: Mapping[str, str],
        packages: Mapping[str, str] | None = None,
        seconds: float = 120.0,
        install_seconds: float = 300.0,
        mask: Mask = unmasked,
    ) -> None:
        directory = directory.resolve()
        found = installed() if packages is None else packages
        own = {str(canonicalize_name(name)): version for name, version in found.items()}
        self._own = own
        self._repositories = directory / "repositories"
        self._trees = directory / "trees"
        self._git = Git(directory / "home", environ=environ, seconds=seconds, mask=mask)
        self._sites = Sites(directory / "sites", own=own, environ=environ, seconds=install_seconds, mask=mask)
        self._kept = (
            (self._repositories, MOST_KEPT),
            (directory / "sites", MOST_KEPT),
            (self._trees, MOST_TREES),
        )
        self._lock = asyncio.Lock()  # git's own locks would make a second one fail instead of wait

    async def prepare(self, test: Test) -> Prepared:
        """Fetch, resolve, install the requirements. Raises CheckoutError or LoadTestError (no such entry)."""
        if test.built_in:
            fill: Fill = partial(_built_in, test)
        else:
            fill = partial(self._prepare, test, parse(test.url), check_ref(test.ref))
        try:
            async with self._lock:
                return await self._in_new_tree(fill)
        except OSError as error:
            raise CheckoutError(
                f"The test cannot be put into the data directory ({error.strerror}); make room there or fix its owner."
            ) from error

    async def _in_new_tree(self, fill: Fill) -> Prepared:
        self._trees.mkdir(parents=True, exist_ok=True)
        root = Path(mkdtemp(dir=self._trees, prefix="test-"))
        try:
            prepared = await fill(root)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
        await asyncio.to_thread(self._prune)
        return prepared

    async def _prepare(self, test: Test, address: Address, ref: str, root: Path) -> Prepared:
        repository = self._repositories / hashlib.sha256(f"{address.text} {ref}".encode()).hexdigest()[:32]
        commit, tree = await self._check_out(address, ref, repository, root)
        folder = inside(root, root, test.path or ".", "the test's `path`")
        entry = find_entry(root, folder, test.name)
        repository.touch()
        content = tree
        if folder != root and all(file.is_relative_to(folder) for file in entry.files):
            content = await self._git.subtree(repository, tree, folder.relative_to(root).as_posix())
        site, notes = await self._install(entry, root, tree)
        if (root / ".gitmodules").exists():
            notes = ("the test's repository has submodules; they are not fetched", *notes)
        return Prepared(
            directory=str(folder),
            site=str(site) if site else None,
            entry=entry.options,
            name=test.name,
            content=content,
            commit=commit,
            notes=notes,
        )

    async def _check_out(self, address: Address, ref: str, repository: Path, root: Path) -> tuple[str | None, str]:
        """Commit (of a folder as it stands: None) and tree of what is put into *root*."""
        if address.folder and ref == "HEAD" and not _is_bare(Path(address.text)):
            await asyncio.to_thread(copy_folder, Path(address.text), root)
            shutil.rmtree(repository, ignore_errors=True)  # else it would grow with every edit
            return None, await self._git.hash_folder(repository, root)
        commit, tree = await self._git.fetch(repository, address, ref)
        await self._git.export(repository, tree, root)
        return commit, tree

    async def _install(self, entry: Entry, root: Path, tree: str) -> tuple[Path | None, tuple[str, ...]]:
        """Where the requirements of *entry* are installed, and what is to be said of them."""
        if entry.requirements is None:
            return None, ()
        wanted = reconcile(entry.requirements, root, self._own)
        return await self._sites.install(wanted, folder=entry.requirements.parent, content=tree), wanted.notes

    def _prune(self) -> None:
        """Keep the newest of everything; what a killed daemon left half-made goes with the old."""
        for directory, kept in self._kept:
            if directory.exists():
                newest = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
                for path in newest[kept:]:
                    shutil.rmtree(path, ignore_errors=True)


async def _built_in(test: Test, root: Path) -> Prepared:
    content = await asyncio.to_thread(built_in.write, test, root)
    entry = find_entry(root, root, test.name)
    return Prepared(str(root), None, entry.options, test.name, content=content, commit=None)


def installed() -> dict[str, str]:
    """The packages that this process can import, with their versions; without dogDriver itself."""
    found = {str(canonicalize_name(d.metadata["Name"])): d.version for d in distributions() if d.metadata["Name"]}
    found.pop("dogdriver", None)
    return found


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()

"""What a test needs besides the daemon's own packages: reconciled with them, and installed into a directory."""

import hashlib
import json
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import uv
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dogdriver.checkout.files import inside, read
from dogdriver.checkout.process import Completed, Mask, environment, run, unmasked
from dogdriver.errors import CheckoutError
from dogdriver.model.text import shortened
from dogdriver.network import UNTRUSTED

MOST_NESTED = 10  # files that include one another

_OPTION = re.compile(r"(?P<name>--?[a-z-]+?)(?:[\s=]+|(?<=^-[a-z]))(?P<value>\S.*)?")
_USERINFO = re.compile(r"//[^/\s]*@")
_HASHES = re.compile(r"\s+--\w")


@dataclass(frozen=True, slots=True)
class Requirements:
    """*lines* are what is left to be installed, *notes* say which pins gave way to the daemon's own versions.

    *hashes* are the `--hash` options by package. *exact* is False where the lines alone do not say what is installed
    (a folder of the repository, another file of constraints).
    """

    lines: tuple[str, ...]
    notes: tuple[str, ...]
    hashes: Mapping[str, str]
    exact: bool


def reconcile(file: Path, root: Path, own: Mapping[str, str]) -> Requirements:
    """The requirements in *file*, and in the files it includes, without those that *own* (name → version) meets.

    A requirement that asks for another version of a package of ours is relaxed to ours: both cannot be imported into
    one process. Raises CheckoutError for a file that cannot be read, lies outside *root*, or is malformed.
    """
    lines: list[str] = []
    notes: list[str] = []
    hashes: dict[str, str] = {}
    exact = True
    for line in _lines(file, root):
        if line.startswith("-"):
            exact = exact and not line.startswith("-c ")
            lines.append(line)
            continue
        text, options = _split(line)
        wanted = _requirement(text)
        if wanted is None:
            exact = False  # a folder or a bare address
            lines.append(text)
            continue
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(wanted.name)
        version = own.get(name)
        if version is None:
            hashes.update({name: options} if options else {})
            exact = exact and not wanted.url
            lines.append(text)
            continue
        if wanted.url or not wanted.specifier.contains(version, prereleases=True):
            notes.append(f"requirement relaxed: {text} → {version}, the daemon's own version")
        if wanted.extras:
            lines.append(f"{wanted.name}[{','.join(sorted(wanted.extras))}]")
    return Requirements(tuple(lines), tuple(notes), hashes, exact)


def _lines(file: Path, root: Path, depth: int = 0) -> Iterator[str]:
    """Logical lines, comments removed, included files in their place."""
    shown = file.relative_to(root)
    if depth > MOST_NESTED:
        raise CheckoutError(f"The requirements include one another ({shown}); remove one of the includes.")
    for raw in re.sub(r"\\\r?\n", " ", read(file, root)).splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        option = _OPTION.fullmatch(line) if line.startswith("-") else None
        name, value = (option["name"], (option["value"] or "").strip()) if option else ("", "")
        if name in {"-r", "--requirement"}:
            yield from _lines(inside(root, file.parent, value, f"included in {shown}"), root, depth + 1)
        elif name in {"-c", "--constraint"}:
            yield f"-c {inside(root, file.parent, value, f'included in {shown}')}"
        elif name in {"-e", "--editable"}:
            yield value
        elif name in {"-f", "--find-links"} and "://" not in value:
            yield f"--find-links {inside(root, file.parent, value, f'a place of packages in {shown}')}"
        elif line:
            yield line


def _split(line: str) -> tuple[str, str]:
    match = _HASHES.search(line)
    return (line[: match.start()], line[match.start() :].strip()) if match else (line, "")


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        if "/" in text or text.startswith("."):
            return None
        shown, why = shortened(_USERINFO.sub("//***@", text), 200), str(error).splitlines()[0]
        raise CheckoutError(f"The requirement {shown!r} is malformed ({why}); correct it.") from None


class Sites:
    """Installed requirements under *directory*. *own* are the daemon's packages (normalised name → version).

    A site holds only what the daemon does not have, so that no package is there twice. It is found again by its
    requirements, the daemon's versions, the Python and the platform; what an unpinned requirement meant on the first
    day, it means until one of these changes.
    """

    def __init__(
        self, directory: Path, *, own: Mapping[str, str], environ: Mapping[str, str], seconds: float,
        mask: Mask = unmasked,
    ) -> None:  # fmt: skip
        self._mask = mask
        self._directory = directory
        self._own = own
        self._seconds = seconds
        self._env = {
            **environment(environ),
            **{name: value for name, value in environ.items() if name.startswith("UV_")},
            **({"HOME": environ["HOME"]} if "HOME" in environ else {}),
        }

    async def install(self, wanted: Requirements, *, folder: Path, content: str) -> Path | None:
        """The directory with *wanted* in it; None: there is nothing to install. Raises CheckoutError.

        Relative paths in the requirements count from *folder*, whose state is *content*."""
        if not any(not line.startswith("-") for line in wanted.lines):
            return None
        site = self._directory / self._key(wanted, content)
        if not site.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            work = Path(mkdtemp(dir=self._directory, prefix="new-"))
            try:
                await self._fill(work, wanted, folder)
                (work / "site").mkdir(exist_ok=True)
                if not site.exists():
                    (work / "site").rename(site)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        site.touch()
        return site

    def _key(self, wanted: Requirements, content: str) -> str:
        parts = [
            wanted.lines, sorted(wanted.hashes.items()), sorted(self._own.items()),
            sys.implementation.cache_tag, sysconfig.get_platform(), None if wanted.exact else content,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    async def _fill(self, work: Path, wanted: Requirements, folder: Path) -> None:
        """Resolve everything with our versions as constraints, then install what we do not have."""
        asked, pins, chosen = work / "asked.txt", work / "constraints.txt", work / "chosen.txt"
        asked.write_text("\n".join(wanted.lines) + "\n", encoding="utf-8")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in self._own.items()), encoding="utf-8")
        resolved = await self._uv(
            work, folder, "compile", "--no-header", "--no-annotate", "--emit-index-url", "--emit-find-links",
            "--constraints", pins, "--output-file", chosen, asked,
        )  # fmt: skip
        if not resolved.ok:
            raise CheckoutError(_explained(resolved, self._seconds))
        lines = [line for line in chosen.read_text(encoding="utf-8").splitlines() if self._missing(line)]
        chosen.write_text("\n".join(line + _hashes(line, wanted) for line in lines) + "\n", encoding="utf-8")
        done = await self._uv(work, folder, "install", "--no-deps", "--target", work / "site", "--requirements", chosen)
        if not done.ok:
            raise CheckoutError(_explained(done, self._seconds))

    def _missing(self, line: str) -> bool:
        return _name(line) not in self._own

    async def _uv(self, work: Path, cwd: Path, command: str, *words: str | Path) -> Completed:
        common = ("--quiet", "--no-progress", "--python", sys.executable, "--cache-dir", work / "cache")
        try:
            program = uv.find_uv_bin()
        except FileNotFoundError:
            raise CheckoutError("There is no uv beside this Python; install dogDriver's dependencies.") from None
        argv = (program, "pip", command, *common, *words)
        return await run(argv, env=self._env, cwd=cwd, seconds=self._seconds, mask=self._mask)


def _name(line: str) -> str:
    return canonicalize_name(re.split(r"[\s=@\[;<>~!]", line, maxsplit=1)[0])


def _hashes(line: str, wanted: Requirements) -> str:
    options = wanted.hashes.get(_name(line))
    return f" {options}" if options else ""


def _explained(done: Completed, seconds: float) -> str:
    if done.code is None:
        return f"The test's requirements were not installed within {seconds:g} s; make them fewer or try later."
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in done.err.splitlines()]
    text = shortened(_USERINFO.sub("//***@", "; ".join(line.rstrip(".") for line in lines if line)), 700)
    if "certificate" in text:
        return f"The test's requirements cannot be installed: {UNTRUSTED}. uv says: {text}."
    if "unsatisfiable" in text:
        return (
            f"The test's requirements cannot be met together with the daemon's own packages: {text}. Change them, or "
            "use a daemon whose packages they fit."
        )
    return f"The test's requirements cannot be installed: {text or 'uv says nothing'}. Correct them or try later."

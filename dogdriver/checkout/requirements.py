"""What a test needs besides the daemon's own packages, as requirements that can go together with them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dogdriver.checkout.place import inside, read
from dogdriver.errors import CheckoutError

NESTED = 10  # files deep

_OPTION = re.compile(r"(?P<name>--?[a-z-]+?)(?:[\s=]+|(?<=^-[a-z]))(?P<value>\S.*)?")
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
    if depth > NESTED:
        raise CheckoutError(f"The requirements include one another ({shown}); take the circle out.")
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
        raise CheckoutError(
            f"The requirement {text[:200]!r} is malformed ({str(error).splitlines()[0]}); correct it."
        ) from None

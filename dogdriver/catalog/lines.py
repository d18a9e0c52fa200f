"""Where in a TOML text a key stands; tomllib says it for syntax errors only."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TRIPLE = re.compile(r"\"{3}|'{3}")


def locate(text: str, path: Path) -> int | None:
    """The line (from 1) of the key at *path*, or of the nearest thing around it that has a line; None: nothing has.

    *text* is TOML that tomllib has read; keys inside inline tables are found at the line of the whole table.
    """
    lines = _scan(text)
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _scan(text: str) -> Mapping[Path, int]:
    found: dict[Path, int] = {}
    counts: Counter[Path] = Counter()
    table: Path = ()
    quoted = False
    for number, line in enumerate(text.split("\n"), 1):
        if not quoted:
            if header := _HEADER.fullmatch(line.rstrip()):
                table = _enter(_names(header[2]), counts, array=header[1] == "[[")
                _note(found, table, number)
            elif key := _KEY.match(line):
                _note(found, (*table, *_names(key[1])), number)
        quoted ^= len(_TRIPLE.findall(line)) % 2 == 1
    return found


def _note(found: dict[Path, int], path: Path, number: int) -> None:
    for end in range(1, len(path) + 1):
        found.setdefault(path[:end], number)


def _enter(names: list[str], counts: Counter[Path], *, array: bool) -> Path:
    """The path of a table, with the index of the newest element wherever it goes through an array of tables."""
    path: Path = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if array and position == len(names) - 1:
            counts[path] += 1
        if counts[path]:
            path = (*path, counts[path] - 1)
    return path


def _names(dotted: str) -> list[str]:
    """The parts of a dotted key, as tomllib reads them."""
    try:
        here: object = tomllib.loads(f"{dotted} = 0")
    except ValueError:  # a line inside an array that looks like a header
        return [dotted]
    names: list[str] = []
    while here and isinstance(here, dict):
        name, here = next(iter(here.items()))
        names.append(name)
    return names

"""The values of a TOML file: what may stand as a name, an endpoint, a number …, and in which line a key stands.

Each function that takes a value gives it checked and in its own type, or raises a ValueError that says what may stand
there. The same may stand in ServiceBook's answers.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dogdriver.catalog.schedule import duration
from dogdriver.checkout.address import Address, check_ref
from dogdriver.checkout.address import parse as parse_address
from dogdriver.errors import CheckoutError
from dogdriver.metrics.points import REDUCTIONS, is_reduction
from dogdriver.model import CLIENT_PREFIX, Better

Key = tuple[str | int, ...]
"""The way to a value in the document: names of tables and keys, and places in arrays of tables."""
LONGEST = 100

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TRIPLE = re.compile(r"\"{3}|'{3}")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value.strip()


def name(value: Any) -> str:
    """Of a project or a deployment: it becomes part of addresses, file names and tags."""
    word = text(value)
    if len(word) > LONGEST or not word.isprintable() or set(word) & set("/\\") or word in {".", ".."}:
        raise ValueError(f"must be at most {LONGEST} printable characters without `/` and `\\`")
    return word


def metric_name(value: Any) -> str:
    word = text(value)
    if len(word) > LONGEST or not _METRIC.fullmatch(word):
        raise ValueError(f"must be at most {LONGEST} letters, digits, `_`, `-` and `.`")
    if word.startswith(CLIENT_PREFIX):
        raise ValueError(f"must not begin with `{CLIENT_PREFIX}`; these are what the load generator measures itself")
    return word


def endpoint(value: Any) -> str:
    """An address without its last slashes."""
    word = text(value)
    wanted = "must be one address such as https://host/path, without user, query and fragment"
    try:
        parts = urlsplit(word)
        proper = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        raise ValueError(wanted) from None
    if not proper or not word.isprintable() or set(word) & set(" \\,?#@<>\"'{}"):
        raise ValueError(wanted)
    return word.rstrip("/")


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - one kind of error for all values
    return value


def number(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return parse


def whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def one_of(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in words:
            raise ValueError("must be " + " or ".join(f'"{word}"' for word in words))
        return str(value)

    return parse


def better(value: Any) -> Better:
    return Better(one_of("lower", "higher")(value))


def reduce(value: Any) -> str:
    if not isinstance(value, str) or not is_reduction(value):
        raise ValueError(f"must be {REDUCTIONS}")
    return value


def seconds(value: Any) -> float:
    return duration(text(value))


def ref(value: Any) -> str:
    try:
        return check_ref(text(value))
    except CheckoutError as error:
        raise ValueError(error.message) from None


def folder(value: Any) -> str:
    """A path inside a repository; "" is its root."""
    word = text(value).rstrip("/")
    if word.startswith("/") or not word.isprintable() or ".." in word.split("/") or "\\" in word:
        raise ValueError("must be a folder inside the repository, such as load/tests")
    return "" if word == "." else word


def environment(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) and "\0" not in v for v in value.values()):
        raise ValueError("must be a table of texts")
    for variable in value:
        if not _VARIABLE.fullmatch(variable):
            raise ValueError(f"{variable!r} is not the name of a variable")
    return dict(value)


def variables(value: Any) -> tuple[str, ...]:
    """Names of variables that a test gets from the daemon's environment; its own settings are not for tests."""
    if not isinstance(value, list) or not all(isinstance(v, str) and _VARIABLE.fullmatch(v) for v in value):
        raise ValueError('must be a list of names of variables, such as ["SHOP_PASSWORD"]')
    if own := [v for v in value if v.startswith("DOGDRIVER_")]:
        raise ValueError(f"names {', '.join(own)}; a test gets none of dogDriver's own settings")
    return tuple(dict.fromkeys(value))


def address(here: Path) -> Callable[[Any], Address]:
    """The address of a test; a path that begins with `./` or `../` counts from the folder *here*."""

    def parse(value: Any) -> Address:
        word = text(value)
        try:
            if word in {".", ".."} or word.startswith(("./", "../")):
                word = str((here / word).resolve())
            return parse_address(word)
        except CheckoutError as error:
            raise ValueError(error.message) from None
        except (OSError, RuntimeError):
            raise ValueError(f"the folder {word!r} cannot be found") from None

    return parse


# Where a key stands; tomllib says it for syntax errors only


def line_of(text: str, key: Key) -> int | None:
    """The line (from 1) of *key*, or of the nearest thing around it that has a line; None: nothing has.

    *text* is TOML that tomllib has read; keys inside inline tables are found at the line of the whole table.
    """
    lines = _lines(text)
    for end in range(len(key), 0, -1):
        if key[:end] in lines:
            return lines[key[:end]]
    return None


def _lines(text: str) -> Mapping[Key, int]:
    found: dict[Key, int] = {}
    counts: Counter[Key] = Counter()
    table: Key = ()
    quoted = False
    for number, line in enumerate(text.split("\n"), 1):
        if not quoted:
            if header := _HEADER.fullmatch(line.rstrip()):
                table = _table_key(_dotted_parts(header[2]), counts, array=header[1] == "[[")
                _keep(found, table, number)
            elif key := _KEY.match(line):
                _keep(found, (*table, *_dotted_parts(key[1])), number)
        quoted ^= len(_TRIPLE.findall(line)) % 2 == 1
    return found


def _keep(found: dict[Key, int], key: Key, number: int) -> None:
    for end in range(1, len(key) + 1):
        found.setdefault(key[:end], number)


def _table_key(names: list[str], counts: Counter[Key], *, array: bool) -> Key:
    """The key of a table, with the index of the newest element wherever it goes through an array of tables."""
    key: Key = ()
    for position, name in enumerate(names):
        key = (*key, name)
        if array and position == len(names) - 1:
            counts[key] += 1
        if counts[key]:
            key = (*key, counts[key] - 1)
    return key


def _dotted_parts(dotted: str) -> list[str]:
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

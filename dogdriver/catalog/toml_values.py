"""What may stand as a name, an endpoint, a number …, in the file and in ServiceBook.

Each function refuses with a ValueError that says what it takes.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dogdriver.catalog.schedule import duration
from dogdriver.checkout.address import Address, check_ref, parse
from dogdriver.errors import CheckoutError
from dogdriver.metrics.points import is_reduction
from dogdriver.model import CLIENT_PREFIX, Better

LONGEST = 100

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
    def take(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return take


def one_of(*words: str) -> Callable[[Any], str]:
    def take(value: Any) -> str:
        if value not in words:
            raise ValueError("must be " + " or ".join(f'"{word}"' for word in words))
        return str(value)

    return take


def better(value: Any) -> Better:
    return Better(one_of("lower", "higher")(value))


def reduce(value: Any) -> str:
    if not isinstance(value, str) or not is_reduction(value):
        raise ValueError("must be mean, max, min, sum, last or p0 to p100")
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


def address(here: Path) -> Callable[[Any], Address]:
    """The address of a test; a path that begins with `./` or `../` counts from the folder *here*."""

    def take(value: Any) -> Address:
        word = text(value)
        try:
            if word in {".", ".."} or word.startswith(("./", "../")):
                word = str((here / word).resolve())
            return parse(word)
        except CheckoutError as error:
            raise ValueError(error.message) from None
        except (OSError, RuntimeError):
            raise ValueError(f"the folder {word!r} cannot be found") from None

    return take

"""`requests` of [project.test]: what the built-in test asks for, as texts or tables."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from dogdriver.catalog import toml_values as values
from dogdriver.model.built_in import HttpRequest

MOST = 50  # so many endpoints are told apart
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LONGEST_PATH = 2000
LONGEST_BODY = 100_000
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_STATUSES = range(100, 600)


def requests(value: Any) -> tuple[HttpRequest, ...]:
    """Raises ValueError, which names the request by its number."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise ValueError(f'must be a list of 1 to {MOST} paths or tables, such as ["/", "/api/items"]')
    return tuple(_request(one, number) for number, one in enumerate(value, 1))


def _request(value: Any, number: int) -> HttpRequest:
    table = {"path": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise ValueError(f"no. {number} must be a path or a table with a `path`")  # noqa: TRY004 - one kind of error
    if unknown := sorted(set(table) - set(KEYS)):
        raise ValueError(f"no. {number}: `{unknown[0]}` is not known here; known are {', '.join(KEYS)}")
    if "path" not in table:
        raise ValueError(f"no. {number}: `path` is missing; add it")
    read: dict[str, Any] = {}
    for key, given in table.items():
        try:
            read[key] = KEYS[key](given)
        except ValueError as error:
            raise ValueError(f"no. {number}: `{key}` {error}") from None
    if isinstance(table.get("body"), dict | list):
        names = {name.lower() for name in read.get("headers", {})}
        read["headers"] = {
            **({} if "content-type" in names else {"Content-Type": "application/json"}), **read.get("headers", {}),
        }  # fmt: skip
    return HttpRequest(**read)


def _path(value: Any) -> str:
    word = values.text(value)
    if not word.startswith("/"):
        raise ValueError("must begin with `/`; it belongs to the deployment's endpoint")
    if len(word) > LONGEST_PATH or not word.isprintable() or set(word) & set(" \\#"):
        raise ValueError(f"must be at most {LONGEST_PATH} printable characters without spaces, `\\` and `#`")
    return word


def _method(value: Any) -> str:
    return values.one_of(*METHODS)(value.upper() if isinstance(value, str) else value)


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) and _plain(one) for one in value.values()):
        raise ValueError("must be a table of texts without line breaks")
    for name in value:
        if not _HEADER.fullmatch(name):
            raise ValueError(f"names {name!r}, which is not the name of a header")
    return dict(value)


def _plain(text: str) -> bool:
    return not set(text) & set("\r\n\0")


def _body(value: Any) -> str:
    if isinstance(value, dict | list):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except TypeError:
            raise ValueError("holds a date or a time, which JSON has not; write it as a text") from None
    if not isinstance(value, str) or len(value) > LONGEST_BODY:
        raise ValueError(f"must be a text of at most {LONGEST_BODY} characters, or a table, which is sent as JSON")
    return value


def _expect(value: Any) -> tuple[int, ...]:
    statuses = value if isinstance(value, list) else [value]
    if not statuses or any(isinstance(one, bool) or one not in _STATUSES for one in statuses):
        raise ValueError("must be a status such as 200, or a list of them")
    return tuple(statuses)


KEYS: Mapping[str, Callable[[Any], Any]] = {
    "path": _path,
    "method": _method,
    "headers": _headers,
    "body": _body,
    "weight": values.number(0.001, 1_000_000),
    "expect": _expect,
}

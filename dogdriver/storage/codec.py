"""How values become columns and come back: times, JSON, compressed JSON, text that a database can hold."""

import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_time(at: datetime) -> int:
    """Microseconds since 1970; *at* must be aware."""
    return (at - EPOCH) // MICROSECOND


def from_time(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def to_time_or_null(at: datetime | None) -> int | None:
    return None if at is None else to_time(at)


def from_time_or_null(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_time(microseconds)


def to_text(text: str) -> str:
    """*text*, with what UTF-8 cannot say (half characters, as file names may hold) written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text


def to_row(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that can be bound, whatever text is in them."""
    return {name: to_text(value) if isinstance(value, str) else value for name, value in columns.items()}


def insertion(table: str, row: Iterable[str]) -> str:
    """The INSERT of *row*, all of whose names are our own."""
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    return f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - no name comes from outside


def upsert(table: str, row: Sequence[str], *, key: Sequence[str]) -> str:
    """The INSERT of *row*, or the UPDATE of what is there under its *key*; all names are our own."""
    others = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
    return f"{insertion(table, row)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {others}"


def _plain(value: Any) -> Any:
    """For what msgspec does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return to_text(value)
    if isinstance(value, Mapping):
        return {_clean(name): _clean(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return value


_encoder = msgspec.json.Encoder(enc_hook=_plain, order="deterministic")


def to_bytes(value: Any) -> bytes:
    """JSON in UTF-8, equal for equal values. A number that is none (NaN, infinite) is null."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_clean(msgspec.to_builtins(value, enc_hook=_plain)))


def to_json(value: Any) -> str:
    return to_bytes(value).decode()


def to_json_or_null(value: Any) -> str | None:
    return None if value is None else to_json(value)


@cache
def _decoder(wanted: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def from_json(text: str | bytes, wanted: type[T]) -> T:
    value: T = _decoder(cast("Hashable", wanted)).decode(text)
    return value


def from_json_or_null(text: str | bytes | None, wanted: type[T]) -> T | None:
    return None if text is None else from_json(text, wanted)


def pack(value: Any) -> bytes:
    return zlib.compress(to_bytes(value))


def unpack(body: bytes, wanted: type[T]) -> T:
    return from_json(zlib.decompress(body), wanted)

"""How the fields of a Struct stand in the columns of a table: by their names and types, without a list of them.

A time is microseconds, an enum its value, whatever has parts is JSON (compressed in a BLOB). A field that no statement
asks for needs no column of its own: together those stand in the column `more`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from enum import Enum
from functools import cached_property, partial
from operator import attrgetter
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec
from msgspec.structs import FieldInfo, fields

from dogdriver.storage.codec import from_json, from_time, pack, to_json, to_row, to_time, unpack
from dogdriver.storage.migrations import migrations

S = TypeVar("S", bound=msgspec.Struct)

MORE = "more"


class _Field(NamedTuple):
    """*column* is None for one of those that stand in MORE."""

    name: str
    column: str | None
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    default: Any


class Columns(Generic[S]):
    """*renamed* gives the columns that are called otherwise than their field, *apart* the fields kept elsewhere."""

    def __init__(
        self, table: str, kind: type[S], *, renamed: Mapping[str, str] | None = None, apart: tuple[str, ...] = ()
    ) -> None:
        self._table, self._kind, self._renamed, self._apart = table, kind, renamed or {}, apart

    @cached_property
    def _fields(self) -> list[_Field]:
        every = _fields(self._kind, _columns(self._table), self._renamed)
        return [one for one in every if one.name not in self._apart]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (*(one.column for one in self._fields if one.column), MORE)

    def row(self, value: S) -> dict[str, Any]:
        """The columns of *value*, which can be bound."""
        row: dict[str, Any] = {}
        more: dict[str, Any] = {}
        for name, column, write, _, default in self._fields:
            said = getattr(value, name)
            if column:
                row[column] = None if said is None else write(said)
            elif said != default:
                more[name] = said
        return to_row(row | {MORE: to_json(more) if more else None})

    def value(self, row: sqlite3.Row, **apart: Any) -> S:
        """What *row* holds; a field whose column was not selected has its default. *apart* comes from elsewhere."""
        there = set(row.keys())
        more = from_json(row[MORE], dict[str, msgspec.Raw]) if MORE in there and row[MORE] else {}
        for name, column, _, read, _ in self._fields:
            if column is None:
                if name in more:
                    apart[name] = read(more[name])
            elif column in there:
                said = row[column]
                apart[name] = None if said is None else read(said)
        return self._kind(**apart)


def _fields(kind: type[msgspec.Struct], table: Mapping[str, str], renamed: Mapping[str, str]) -> Iterator[_Field]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        column, hint = renamed.get(field.name, field.name), hints[field.name]
        if column in table:
            write, read = _conversion(hint, packed=table[column] == "BLOB")
            yield _Field(field.name, column, write, read, None)
        else:
            yield _Field(field.name, None, _same, partial(_decoded, hint=hint), _default(field))


def _conversion(hint: Any, *, packed: bool) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    kinds = [one for one in get_args(hint) if one is not NoneType] if NoneType in get_args(hint) else [hint]
    kind = kinds[0]
    if kind in {str, int, float}:
        return _same, _same
    if kind is datetime:
        return to_time, from_time
    if isinstance(kind, type) and issubclass(kind, Enum):
        return attrgetter("value"), kind
    return (pack, partial(unpack, wanted=hint)) if packed else (to_json, partial(from_json, wanted=hint))


def _same(value: Any) -> Any:
    return value


def _decoded(value: msgspec.Raw, *, hint: Any) -> Any:
    return from_json(bytes(value), hint)


def _default(field: FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else msgspec.NODEFAULT


def _columns(name: str) -> Mapping[str, str]:
    """The columns of a table in the newest schema, with their types."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(";\n".join(step.sql for step in migrations()))
        return dict(database.execute("SELECT name, type FROM pragma_table_info(?)", (name,)))

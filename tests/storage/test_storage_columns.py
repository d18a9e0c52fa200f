"""Fields of a Struct in columns: those of their own, and those that stand together."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest
from msgspec import Struct
from msgspec.structs import replace

from dogdriver.model import ClientMeasures, Latency, Load, MetricState, MetricValue, Tally
from dogdriver.storage.codec import insertion
from dogdriver.storage.columns import MORE, Columns
from dogdriver.storage.migrations import migrations
from dogdriver.storage.runs import Runs
from dogdriver.storage.transitions import Transitions
from tests.storage.made import Direct, at, done, fresh, reading, run


class Place(Struct, frozen=True):
    name: str
    hosts: tuple[str, ...] = ()


class Wider(MetricValue, frozen=True, kw_only=True):
    """As a value might become."""

    region: str | None = None
    seen: datetime | None = None
    worst: MetricState = MetricState.SETTLED
    places: tuple[Place, ...] = ()


VALUES = Columns("value", Wider)
PLAIN = Wider(MetricState.SETTLED, 1.5, points=3, reading=reading())
WIDE = replace(
    PLAIN, region="eu-west-1\udc80", seen=at(3), worst=MetricState.PARTIAL, places=(Place("a", ("b",)), Place("c"))
)


@pytest.fixture(name="database")
def _database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        database.executescript(";\n".join(step.sql for step in migrations()))
        yield database


def _kept(database: sqlite3.Connection, value: Wider) -> sqlite3.Row:
    row = {"run": "r", "metric": "m", "project": "p"} | VALUES.row(value)
    database.execute("DELETE FROM value")
    database.execute(insertion("value", row), row)
    kept: sqlite3.Row = database.execute("SELECT * FROM value").fetchone()
    return kept


def test_a_field_without_a_column_is_kept_all_the_same(database: sqlite3.Connection) -> None:
    row = _kept(database, WIDE)
    assert VALUES.value(row) == replace(WIDE, region="eu-west-1\\udc80"), "no half of a letter can be kept as it is"
    assert "region" in row[MORE]
    assert "value" not in row[MORE]


def test_what_is_not_said_takes_no_place(database: sqlite3.Connection) -> None:
    row = _kept(database, PLAIN)
    assert row[MORE] is None
    assert VALUES.value(row) == PLAIN


def test_a_row_from_before_a_field_has_its_default_and_one_from_after_it_is_read(database: sqlite3.Connection) -> None:
    assert VALUES.value(_kept(database, PLAIN)).places == ()
    assert Columns("value", MetricValue).value(_kept(database, WIDE)).value == PLAIN.value


def test_a_column_that_was_not_selected_is_the_default(database: sqlite3.Connection) -> None:
    _kept(database, PLAIN)
    row = database.execute("SELECT state, value FROM value").fetchone()
    assert VALUES.value(row) == Wider(MetricState.SETTLED, 1.5)


def test_what_a_newer_one_has_written_into_a_document_is_read_and_left_aside() -> None:
    latency = Latency("GET /", 1, 0, 1.0, 1.0, 1.0)
    kept = run("a", load=Load(1, 1, 9.0), tally=Tally(1), client=ClientMeasures(endpoints=(latency,)))
    with fresh() as database:
        done(Transitions(Direct(database)).add(kept))
        for column, place in (("load", "$"), ("tally", "$"), ("client", "$"), ("client", "$.endpoints[0]")):
            database.execute(f"UPDATE run SET {column} = json_set({column}, '{place}.from_tomorrow', 1)")  # noqa: S608
        assert "from_tomorrow" in database.execute("SELECT client FROM run").fetchone()["client"]
        assert done(Runs(Direct(database)).get("a")) == kept

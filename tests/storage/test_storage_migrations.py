"""From every earlier schema to the newest, all or nothing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import StoreError
from dogdriver.model import Status, Trigger
from dogdriver.storage import open_store, runs
from dogdriver.storage.codec import insertion
from dogdriver.storage.columns import MORE
from dogdriver.storage.database import connect, open_database
from dogdriver.storage.migrations import SCHEMA, migrations, pragma
from tests.storage.made import key, run, settled

FIRST = "CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT) STRICT; -- one; line\n"
STEPS = {
    "0001_start.sql": FIRST,
    "0002_more.sql": "INSERT INTO state VALUES ('two', '2');\nALTER TABLE state ADD COLUMN at INTEGER;\n",
    "0003_trigger.sql": (
        "CREATE TRIGGER stamp AFTER INSERT ON state BEGIN\n"
        "  UPDATE state SET at = 3 WHERE name = new.name;\nEND;\n"
        "INSERT INTO state (name) VALUES ('three')"
    ),
}


def _folder(path: Path, **steps: str) -> Path:
    path.mkdir()
    (path / "README").write_text("not a step")
    for name, sql in steps.items():
        (path / name).write_text(sql)
    return path


def _at(path: Path, version: int) -> Path:
    return _folder(path, **dict(sorted(STEPS.items())[:version]))


async def _rows(data: Path, schema: Path) -> list[tuple[object, ...]]:
    async with open_database(data, schema=schema) as database:
        return await database.read(lambda db: [tuple(row) for row in db.execute("SELECT * FROM state")])


@pytest.mark.parametrize("version", [0, 1, 2, 3])
async def test_every_earlier_schema_is_brought_up(tmp_path: Path, version: int) -> None:
    if version:
        await _rows(tmp_path / "data", _at(tmp_path / "old", version))
    assert await _rows(tmp_path / "data", _at(tmp_path / "new", 3)) == [("two", "2", None), ("three", None, 3)]
    assert await _rows(tmp_path / "data", tmp_path / "new") == [("two", "2", None), ("three", None, 3)], "once"


@pytest.mark.parametrize(
    "broken",
    [
        "INSERT INTO state VALUES ('four', '4', 4); SELECT * FROM nowhere;",
        "CREATE TABLE child (name TEXT REFERENCES state); INSERT INTO child VALUES ('nobody');",
        "CREATE TABLE half (",
    ],
)
async def test_a_step_that_fails_leaves_the_old_schema(tmp_path: Path, broken: str) -> None:
    old = _at(tmp_path / "old", 1)
    await _rows(tmp_path / "data", old)
    new = _at(tmp_path / "new", 3)
    (new / "0004_broken.sql").write_text(broken)
    with pytest.raises(StoreError):
        await _rows(tmp_path / "data", new)
    with closing(connect(tmp_path / "data" / "dogdriver.db")) as database:
        assert pragma(database, "user_version") == 1
    assert await _rows(tmp_path / "data", old) == [], "the old dogDriver still opens it"


async def test_a_table_may_be_rebuilt_under_its_children(tmp_path: Path) -> None:
    schema = _folder(
        tmp_path / "schema",
        **{
            "0001_start.sql": "CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT);"
            "CREATE TABLE child (name TEXT REFERENCES state ON DELETE CASCADE);"
            "INSERT INTO state VALUES ('a', '1'); INSERT INTO child VALUES ('a');",
        },
    )
    await _rows(tmp_path / "data", schema)
    (schema / "0002_rebuild.sql").write_text(
        "CREATE TABLE other (name TEXT PRIMARY KEY, value INTEGER);\n"
        "INSERT INTO other SELECT * FROM state; DROP TABLE state; ALTER TABLE other RENAME TO state;\n"
    )
    async with open_database(tmp_path / "data", schema=schema) as database:
        assert await database.read(lambda db: db.execute("SELECT count(*) FROM child").fetchone()[0]) == 1
        assert await database.write(lambda db: pragma(db, "foreign_keys")) == 1


@pytest.mark.parametrize("names", [[], ["0002_a.sql"], ["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"]])
async def test_numbers_have_no_gap(tmp_path: Path, names: list[str]) -> None:
    schema = _folder(tmp_path / "schema", **dict.fromkeys(names, FIRST))
    with pytest.raises(StoreError, match="without a gap"):
        await _rows(tmp_path / "data", schema)


@pytest.mark.parametrize("version", range(1, len(migrations()) + 1))
async def test_our_own_earlier_schemas_are_brought_up(tmp_path: Path, version: int) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for step in migrations()[:version]:
        shutil.copy(str(SCHEMA / step.name), old)
    async with open_database(tmp_path / "data", schema=old):
        pass
    async with open_store(tmp_path / "data") as store:
        await store.transitions.add(run("a", status=Status.DONE, metrics={"cpu": settled(1)}))
        assert await store.runs.get("a") is not None


def _as_it_was(database: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    """Keep *row* as one who did not know the column more."""
    row = {name: value for name, value in row.items() if name != MORE}
    database.execute(insertion(table, row), row)


async def test_what_an_earlier_schema_has_charted_follows_its_runs_from_then_on(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for step in migrations()[:3]:
        shutil.copy(str(SCHEMA / step.name), old)
    async with open_database(tmp_path / "data", schema=old) as database:
        ended = run("a", status=Status.DONE, metrics={"cpu": settled(1)})
        await database.write(_as_it_was, "run", {k: v for k, v in runs.columns(ended).items() if k != "stay"})
        value = {"run": "a", "metric": "cpu", "project": ended.project, "state": "settled", "value": 1.0}
        await database.write(_as_it_was, "value", value)
        await database.write(
            lambda db: db.execute(
                "INSERT INTO point SELECT run.project, deployment, test, source, metric, started, id, value.value,"
                " release, status, comparable, state, 0, fingerprint, kinds FROM run JOIN value ON value.run = id"
            )
        )
    async with open_store(tmp_path / "data") as store:
        [point] = await store.series.points(key())
        assert (point.value, point.excluded) == (1, False)
        await store.transitions.save(ended, expect=Status.DONE, values={"cpu": settled(2)})
        await store.transitions.set_excluded("a", "a neighbour was loud")
        [point] = await store.series.points(key())
        assert (point.value, point.excluded) == (2, True)


async def test_zeros_of_the_first_dogdriver_that_were_imported_become_no_data(tmp_path: Path) -> None:
    note = ("imported from the first dogDriver, which does not say when the load ended",)
    async with open_store(tmp_path) as store:
        for name, notes, rps, cpu in (("zeros", note, 0.0, 0.0), ("fine", note, 9.0, 0.0), ("ours", (), 0.0, 0.0)):
            values = {"rps": settled(rps), "art": settled(87.0), "cpu": settled(cpu)}
            elsewhere = run(name, status=Status.DONE, trigger=Trigger.ELSEWHERE, notes=notes, metrics=values)
            await store.transitions.add(elsewhere)
    with closing(connect(tmp_path / "dogdriver.db")) as database:
        database.executescript((SCHEMA / "0008_legacy_zeros.sql").read_text())
    async with open_store(tmp_path) as store:
        found = {one: await store.runs.get(one) for one in ("zeros", "fine", "ours")}
        assert {one: {n: v.value for n, v in kept.metrics.items()} for one, kept in found.items() if kept} == {
            "zeros": {"rps": None, "art": 87.0, "cpu": None},
            "fine": {"rps": 9.0, "art": 87.0, "cpu": 0.0},
            "ours": {"rps": 0.0, "art": 87.0, "cpu": 0.0},
        }
        assert await store.archive.unjudged() is not None

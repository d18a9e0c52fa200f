"""A commit is counted and announced, whatever became of who had asked for it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Event

import pytest

from dogdriver.storage import Store
from dogdriver.storage.commits import Commits
from dogdriver.storage.database import Database, open_database
from tests.storage.made import at, run


@pytest.fixture(name="database")
async def _database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path) as database:
        yield database


def keep(database: sqlite3.Connection, name: str = "a") -> None:
    database.execute("INSERT OR REPLACE INTO state VALUES (?, '1')", (name,))


async def test_what_changes_something_is_counted_and_nothing_else(store: Store) -> None:
    assert store.commits.number == 0
    await store.transitions.add(run("a"))
    assert store.commits.number == 1
    await store.transitions.add(run("a"))
    await store.runs.get("a")
    assert await store.transitions.claim_due(at(9), at(10)) is None
    assert store.commits.number == 1, "and all these have changed nothing"
    assert await store.transitions.claim(at(1)) is not None
    assert store.commits.number == 2


async def test_what_was_taken_back_is_not_announced(database: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        keep(connection)
        raise LookupError

    waiting = asyncio.ensure_future(database.commits.after(0))
    with pytest.raises(LookupError):
        await database.write(fail)
    assert (database.commits.number, waiting.done()) == (0, False)
    await database.write(keep)
    assert await waiting == 1


async def test_all_who_wait_are_told_and_who_comes_late_does_not_wait(database: Database) -> None:
    waiting = [asyncio.ensure_future(database.commits.after(0)) for _ in range(3)]
    later = asyncio.ensure_future(database.commits.after(1))
    await database.write(keep)
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    assert await database.commits.after(0) == 1
    assert not later.done()
    await database.write(keep)
    assert await later == 2


async def test_who_has_given_up_waiting_keeps_it_from_nobody(database: Database) -> None:
    stays, goes = (asyncio.ensure_future(database.commits.after(0)) for _ in range(2))
    await asyncio.sleep(0)
    goes.cancel()
    await database.write(keep)
    assert await stays == 1
    assert goes.cancelled()


def held(begun: Event, go: Event) -> Callable[[sqlite3.Connection], None]:
    """A piece of work that is in the middle of its transaction until *go*."""

    def work(connection: sqlite3.Connection) -> None:
        keep(connection)
        begun.set()
        assert go.wait(30)

    return work


async def test_a_commit_whose_caller_was_cancelled_is_announced(database: Database) -> None:
    begun, go = Event(), Event()
    writing = asyncio.ensure_future(database.write(held(begun, go)))
    await asyncio.to_thread(begun.wait, 30)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert database.commits.number == 0
    go.set()
    assert await database.commits.after(0) == 1
    assert await database.read(lambda db: db.execute("SELECT count(*) FROM state").fetchone()[0]) == 1


async def test_each_of_many_writes_has_its_number_before_it_returns(database: Database) -> None:
    numbers: list[int] = []

    async def write(name: str) -> None:
        await database.write(keep, name)
        numbers.append(database.commits.number)

    await asyncio.gather(*(write(f"n{number}") for number in range(50)))
    assert database.commits.number == 50
    assert all(number >= place for place, number in enumerate(numbers, start=1))
    assert numbers == sorted(numbers)


def test_a_commit_after_the_end_of_the_loop_is_counted_and_no_error() -> None:
    async def make() -> Commits:
        return Commits()

    commits = asyncio.run(make())
    commits.announce()
    assert commits.number == 1

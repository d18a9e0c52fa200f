"""The file itself: whose it is, what it was written by and what is wrong with it."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dogdriver.errors import StoreError
from dogdriver.model import Filter
from dogdriver.storage import backup, open_store
from dogdriver.storage.database import connect, open_database
from dogdriver.storage.migrations import migrations, pragma
from tests.storage.made import filled, key

NOBODY = 65534


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def _opens(data: Path) -> int:
    async with open_store(data) as store:
        return len((await store.runs.list(Filter())).runs)


async def test_a_directory_is_made_and_opened_again(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there yet"
    await filled(data)
    assert await _opens(data) == 3
    assert sorted(path.name for path in data.iterdir()) == ["dogdriver.db", "dogdriver.lock"], "nothing is left behind"


async def test_writes_are_durable_and_checked(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        for ask in (database.write, database.read):
            answers = await ask(lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in asked])
            assert answers == ["wal", 2, 1, 5000]
        with pytest.raises(StoreError, match="FOREIGN KEY"):
            await database.write(lambda db: db.execute("INSERT INTO idempotency VALUES ('k', 'no run', 1)"))
        with pytest.raises(StoreError, match="readonly"):
            await database.read(lambda db: db.execute("DELETE FROM run"))


async def test_a_piece_of_work_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO state VALUES ('a', '1')")
        raise LookupError

    async with open_database(tmp_path) as database:
        with pytest.raises(LookupError):
            await database.write(fail)
        assert database.commits.number == 0
        assert (await database.read(lambda db: db.execute("SELECT * FROM state").fetchall())) == []


async def test_reads_do_not_wait_for_a_write(tmp_path: Path) -> None:
    read = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO state VALUES ('a', '1')")
        asyncio.run_coroutine_threadsafe(read.wait(), loop).result(timeout=120)

    async with open_database(tmp_path) as database:
        writing = asyncio.ensure_future(database.write(slow))
        count = await database.read(lambda db: db.execute("SELECT count(*) FROM state").fetchone()[0])
        assert (count, writing.done()) == (0, False)
        read.set()
        await writing
        assert await database.read(lambda db: db.execute("SELECT count(*) FROM state").fetchone()[0]) == 1


async def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        with pytest.raises(StoreError, match=rf"in use by another dogDriver \(process {os.getpid()}\): stop that one"):
            await _opens(tmp_path)
    assert await _opens(tmp_path) == 0


async def test_a_second_process_is_refused(tmp_path: Path, starts_processes: None) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from dogdriver.storage import open_store\n"
        "async def main():\n"
        "    async with open_store(pathlib.Path(sys.argv[1])):\n"
        "        pass\n"
        "asyncio.run(main())\n"
    )
    async with open_store(tmp_path):
        other = subprocess.run(  # noqa: ASYNC221 - nothing else happens here
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
        )
    assert other.returncode == 1
    assert f"in use by another dogDriver (process {os.getpid()})" in other.stderr


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.runs.get("a")
    with pytest.raises(StoreError, match="closed"):
        await store.state.set("a", 1)


async def test_a_directory_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match="set DOGDRIVER_DATA to another"):
            await _opens(data)


@contextmanager
def _data_of_another_user() -> Iterator[Path]:
    """A directory outside of pytest's own, and, where root runs the tests, an effective user that is not root."""
    root = os.geteuid() == 0
    with TemporaryDirectory() as name:
        if root:
            os.chown(name, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            Path(name).chmod(0o700)
            if root:
                os.seteuid(0)


def test_what_cannot_be_written_is_refused() -> None:
    with _data_of_another_user() as data:
        asyncio.run(filled(data))
        (data / "dogdriver.db").chmod(0o400)
        with pytest.raises(StoreError, match=r"readonly database\): make it writable for this user"):
            asyncio.run(_opens(data))
        (data / "dogdriver.db").chmod(0)
        with pytest.raises(StoreError, match="readable and writable for this user"):
            asyncio.run(_opens(data))
        (data / "dogdriver.db").chmod(0o600)
        data.chmod(0o500)
        with pytest.raises(StoreError, match="make it a directory that this user can write"):
            asyncio.run(_opens(data / "new"))
        with pytest.raises(StoreError, match="cannot be written"):
            backup(data, data / "copy")


async def test_a_database_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dogdriver.db").mkdir()
    with pytest.raises(StoreError, match=r"dogdriver\.db cannot be used"):
        await _opens(tmp_path)


@pytest.mark.parametrize("body", [b"hello, this is no database at all" * 100, b"\0" * 8192, b"SQLite format 3\0" * 999])
async def test_what_is_no_database_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "dogdriver.db").write_bytes(body)
    with pytest.raises(StoreError, match="put a backup in its place"):
        await _opens(tmp_path)
    assert (tmp_path / "dogdriver.db").read_bytes() == body, "and left as it is"


async def test_damage_anywhere_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path, runs=100)
    path = tmp_path / "dogdriver.db"
    whole = path.read_bytes()
    pages = len(whole) // 4096
    assert pages > 20
    for page in range(1, pages):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        with pytest.raises(StoreError, match="put a backup in its place"):
            await _opens(tmp_path)
    path.write_bytes(whole[: (pages // 2) * 4096])
    with pytest.raises(StoreError, match="put a backup in its place"):
        await _opens(tmp_path)
    path.write_bytes(whole)
    assert await _opens(tmp_path) == 50, "a page of runs"


async def test_a_row_that_cannot_be_read_is_no_crash(tmp_path: Path) -> None:
    await filled(tmp_path)
    with closing(connect(tmp_path / "dogdriver.db")) as database:
        database.execute("UPDATE run SET notes = '{'")
        database.execute("UPDATE value SET reading = x'00'")
    async with open_store(tmp_path) as store:
        with pytest.raises(StoreError, match="cannot be read"):
            await store.runs.list(Filter())
        with pytest.raises(StoreError, match="cannot be read"):
            await store.series.readings(key(), limit=1)


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path)
    with closing(connect(tmp_path / "dogdriver.db")) as database:
        database.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    with pytest.raises(StoreError, match="newer dogDriver"):
        await _opens(tmp_path)


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "dogdriver.db")) as database:
        database.execute("CREATE TABLE run (id TEXT)")
    with pytest.raises(StoreError, match="another program's"):
        await _opens(tmp_path)


async def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:

        def fill(db: sqlite3.Connection) -> None:
            db.execute(f"PRAGMA max_page_count = {pragma(db, 'page_count')}")
            db.execute("INSERT INTO state VALUES ('a', ?)", ("x" * 100_000,))

        await database.ping()
        for work in (database.write(fill), database.ping(), database.ping()):
            with pytest.raises(StoreError, match="the disk is full; make room"):
                await work
        await database.write(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
        await database.ping()
        assert await database.read(lambda db: db.execute("SELECT count(*) FROM state").fetchone()[0]) == 0


async def test_ping_misses_a_database_that_was_taken_away(tmp_path: Path) -> None:
    await filled(tmp_path / "other")
    async with open_store(tmp_path) as store:
        await store.ping()
        path = tmp_path / "dogdriver.db"
        path.rename(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="was removed"):
            await store.ping()
        (tmp_path / "other" / "dogdriver.db").rename(path)
        with pytest.raises(StoreError, match="was removed"):
            await store.ping()
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
        await store.ping()


async def test_check_finds_damage_that_came_while_running(tmp_path: Path) -> None:
    await filled(tmp_path, runs=100)
    async with open_store(tmp_path) as store:
        assert list(await store.check()) == []
        with (tmp_path / "dogdriver.db").open("r+b") as file:
            file.seek(10 * 4096)
            file.write(b"\xa5" * 4096)
        assert list(await store.check()) != []

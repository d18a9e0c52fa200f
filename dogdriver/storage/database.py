"""SQLite in the data directory: one connection that writes, one that reads, each with a thread of its own.

A piece of work is a function of a connection, run whole in that thread as one transaction: the loop never waits for the
disk, a cancelled caller leaves nothing half-done, and readers see the last commit whatever the writer is at.
`read` and `write` make such functions the methods of the parts of the store.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial, wraps
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from dogdriver.errors import StoreError
from dogdriver.storage.commits import Commits
from dogdriver.storage.migrations import SCHEMA, migrate, migrations, pragma
from dogdriver.storage.sqlite_errors import explained

NAME, LOCK = "dogdriver.db", "dogdriver.lock"
BUSY, BUSY_AT_START = 5.0, 30.0  # seconds to wait for another program's lock
LOOK = 5.0  # seconds that the look for damage may take at start
PROOF = 64 * 1024  # characters
OLDEST = (3, 37, 0)  # STRICT tables

P = ParamSpec("P")
T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """A connection and its thread. aiosqlite gives single statements to the thread; *run* gives it a whole function."""

    async def __aenter__(self) -> Self:
        try:
            _ = await super().__aenter__()
        except BaseException:
            self._thread.join()  # it is told to end, and must not outlive the loop
            raise
        return self

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._running or self._connection is None:
            raise StoreError("The database is closed.")
        return await self._execute(work, self._conn)  # type: ignore[no-any-return,no-untyped-call] # untyped there


class Database:
    """The open database; *commits* announces each transaction that changed something."""

    def __init__(self, path: Path, writer: Connection, reader: Connection) -> None:
        self.path = path
        self.commits = Commits()
        self._writer = writer
        self._reader = reader
        self._file = path.stat().st_ino
        self._refused = False  # the last write

    async def write(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run *work* as one transaction that is on the disk when this returns. Raises StoreError."""
        try:
            return await self._run(self._writer, partial(self._transaction, lambda db: work(db, *args, **kwargs)))
        except StoreError:
            self._refused = True
            raise

    async def read(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *work* on one state of the database. Raises StoreError."""
        return await self._run(self._reader, partial(_snapshot, lambda db: work(db, *args, **kwargs)))

    async def ping(self) -> None:
        """Raises StoreError where the database does not answer, or where its file is not the one that was opened."""
        try:
            there = self.path.stat().st_ino == self._file
        except OSError:
            there = False
        if not there:
            raise StoreError(
                f"The database {self.path} was removed while the daemon was using it: what it writes will be lost; "
                "stop it and put the file back."
            )
        await self.read(_answer)
        await self.write(_proof if self._refused else _answer)
        self._refused = False

    async def _run(self, connection: Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        with explained(self.path):
            return await connection.run(work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T], database: sqlite3.Connection) -> T:
        database.execute("BEGIN IMMEDIATE")
        try:
            before = database.total_changes
            result = work(database)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        if database.total_changes != before:
            self.commits.announce()
        return result


class Part:
    """A part of the store: its methods marked `read` or `write` are one transaction of *database* each.

    They are written as functions of a connection, and called without it.
    """

    def __init__(self, database: Database) -> None:
        self.database = database


PartT = TypeVar("PartT", bound=Part)


def read(
    method: Callable[Concatenate[PartT, sqlite3.Connection, P], T],
) -> Callable[Concatenate[PartT, P], Coroutine[Any, Any, T]]:
    """*method* as a coroutine that reads one state of the database. Raises StoreError."""

    @wraps(method)
    async def reading(self: PartT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.read(partial(method, self), *args, **kwargs)

    return reading


def write(
    method: Callable[Concatenate[PartT, sqlite3.Connection, P], T],
) -> Callable[Concatenate[PartT, P], Coroutine[Any, Any, T]]:
    """*method* as a coroutine that is on the disk, whole, when it returns. Raises StoreError."""

    @wraps(method)
    async def writing(self: PartT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.write(partial(method, self), *args, **kwargs)

    return writing


def _snapshot(work: Callable[[sqlite3.Connection], T], database: sqlite3.Connection) -> T:
    database.execute("BEGIN")
    try:
        return work(database)
    finally:
        database.execute("ROLLBACK")


def _answer(database: sqlite3.Connection) -> None:
    database.execute("SELECT count(*) FROM state").fetchone()


def _proof(database: sqlite3.Connection) -> None:
    """That there is room again: a full disk refuses no write that changes nothing."""
    database.execute("INSERT OR REPLACE INTO state VALUES ('proof', ?)", ("x" * PROOF,))
    database.execute("DELETE FROM state WHERE name = 'proof'")


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data directory (made where it is missing). The kernel lets go of it when the process ends, however.

    Raises StoreError where another process holds it, or where the directory cannot be written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"The data directory {data} cannot be used ({error.strerror}): make it a directory that this user can "
            "write, or set DOGDRIVER_DATA to another."
        ) from error
    try:
        _take_lock(file, data)
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


def _take_lock(file: int, data: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode(errors="replace").strip()
        who = f"process {holder}" if holder else "another process"
        raise StoreError(
            f"The data directory {data} is in use by another dogDriver ({who}): stop that one, or set DOGDRIVER_DATA "
            "to another directory."
        ) from None
    except OSError as error:
        raise StoreError(
            f"The data directory {data} cannot be locked ({error.strerror}): set DOGDRIVER_DATA to a local disk."
        ) from error


@asynccontextmanager
async def open_database(data: Path, *, schema: Traversable = SCHEMA) -> AsyncIterator[Database]:
    """The database of the data directory, brought to the newest schema, this process' alone until the end.

    Raises StoreError, with a sentence, where the directory is in use, or the file cannot be used as it is.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: install a Python with SQLite 3.37 or newer.")
    path = data / NAME
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(data))
        with explained(path):
            writer = await stack.enter_async_context(Connection(partial(connect, path), iter_chunk_size=1))
            await writer.run(partial(_prepare, path=path, schema=schema))
            await writer.run(partial(_wait_for_locks, seconds=BUSY))
            reader = await stack.enter_async_context(Connection(partial(connect, path), iter_chunk_size=1))
            await reader.run(_for_reading)
        yield Database(path, writer, reader)


def connect(path: Path) -> sqlite3.Connection:
    """A connection without implicit transactions, durable and with foreign keys; a new file is its owner's alone."""
    if path.name != ":memory:":
        with suppress(OSError):  # SQLite says it better; the files beside it get the same mode
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        database.close()
        raise
    return database


def _wait_for_locks(database: sqlite3.Connection, *, seconds: float) -> None:
    database.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def _prepare(database: sqlite3.Connection, *, path: Path, schema: Traversable) -> None:
    _wait_for_locks(database, seconds=BUSY_AT_START)
    if damage := look_for_damage(database, seconds=LOOK):
        raise StoreError(
            f"The database {path} is damaged ({damage[0]}): put a backup in its place, or move it away to start empty."
        )
    _try_to_write(database)
    if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(
            f"The database {path} cannot be kept safely on this file system: set DOGDRIVER_DATA to a local disk."
        )
    migrate(database, path, migrations(schema))


def _try_to_write(database: sqlite3.Connection) -> None:
    """A database that can only be read takes BEGIN IMMEDIATE for a BEGIN, and refuses no sooner than at a change."""
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute(f"PRAGMA user_version = {pragma(database, 'user_version')}")
    finally:
        database.execute("ROLLBACK")


def _for_reading(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA query_only = ON")


def look_for_damage(database: sqlite3.Connection, *, seconds: float | None = None, whole: bool = False) -> list[str]:
    """What is wrong with the file, in SQLite's words; nothing is proved where *seconds* were not enough.

    *whole*: every index is compared with its table, too, which takes several times as long.
    """
    look = "integrity_check" if whole else "quick_check"
    if seconds is not None:
        end = time.monotonic() + seconds
        database.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        found = [line for (text,) in database.execute(f"PRAGMA {look}(10)") for line in text.splitlines()]
        return [line for line in found if line != "ok"]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return []
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:  # so much that it cannot even be told
            return [str(error)]
        raise
    finally:
        database.set_progress_handler(None, 0)

"""The store: one SQLite database, each of whose parts holds the SQL of its tables."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dogdriver.storage.archive import Archive
from dogdriver.storage.audit import Audit
from dogdriver.storage.backup import backup, check
from dogdriver.storage.cards import Cards
from dogdriver.storage.database import Database, open_database
from dogdriver.storage.deletions import Deletions
from dogdriver.storage.inbox import Inbox
from dogdriver.storage.outbox import Outbox
from dogdriver.storage.releases import Releases
from dogdriver.storage.runs import Runs
from dogdriver.storage.series import Series
from dogdriver.storage.state import State
from dogdriver.storage.transitions import Transitions
from dogdriver.storage.values import Values
from dogdriver.storage.verdicts import Verdicts


class Store:
    """Each method of a part is one transaction. What a write has returned for is on the disk; a read never waits for a
    write. *commits* tells who waits for it that something was written.

    Raises StoreError where the database cannot do what it must.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commits = database.commits
        self.runs = Runs(database)
        self.transitions = Transitions(database)
        self.series = Series(database)
        self.values = Values(database)
        self.releases = Releases(database)
        self.verdicts = Verdicts(database)
        self.cards = Cards(database)
        self.outbox = Outbox(database)
        self.archive = Archive(database)
        self.deletions = Deletions(database)
        self.inbox = Inbox(database)
        self.state = State(database)
        self.audit = Audit(database)

    async def ping(self) -> None:
        """For the heartbeat: raises StoreError where the database cannot be read and written, or was taken away."""
        await self._database.ping()

    async def check(self) -> Sequence[str]:
        """Read the whole file; what is damaged, in SQLite's words. Takes seconds where it is large."""
        return await asyncio.to_thread(check, self._database.path)

    async def backup(self, target: Path) -> None:
        """Copy the database to the new file *target*, without holding up anybody."""
        await asyncio.to_thread(backup, self._database.path.parent, target)


@asynccontextmanager
async def open_store(data: Path) -> AsyncIterator[Store]:
    """The store in the data directory (made where it is missing), this daemon's alone until the end.

    Raises StoreError, with a sentence, where another daemon has it, or the database cannot be used as it is.
    """
    async with open_database(data) as database:
        yield Store(database)

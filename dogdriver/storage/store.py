"""The store that the pipeline writes and the web reads, over one SQLite database; its Protocol says it all."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from dogdriver.model import (
    Errand,
    Filter,
    Judged,
    Known,
    MetricValue,
    Outstanding,
    Page,
    Point,
    Reading,
    Release,
    Run,
    Seen,
    SeriesKey,
    Status,
)
from dogdriver.model.archive import Arrival, Counts, Rejected, Stored, Taken
from dogdriver.storage import archive as exchange
from dogdriver.storage import outbox as errands
from dogdriver.storage import releases, runs, state, values, verdicts
from dogdriver.storage import series as points
from dogdriver.storage import transitions as life
from dogdriver.storage.backup import backup, check
from dogdriver.storage.database import Database, open_database


class SqliteStore:
    """Each method is one transaction. What a write has returned for is on the disk; a read never waits for a write.

    Raises StoreError where the database cannot do what it must.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def version(self) -> int:
        return self._database.version

    # The life of a run

    async def add(self, run: Run, *, idempotency_key: str | None = None) -> tuple[Run, bool]:
        return await self._database.write(life.add, run, idempotency_key)

    async def claim(self, now: datetime, *, held: Sequence[str] = ()) -> Run | None:
        return await self._database.write(life.claim, now, held)

    async def claim_due(self, now: datetime, lease_end: datetime) -> Run | None:
        return await self._database.write(life.claim_due, now, lease_end)

    async def save(
        self,
        run: Run,
        *,
        expect: Status,
        values: Mapping[str, MetricValue] | None = None,
        judged: Sequence[Judged] = (),
        errands: Sequence[Errand] = (),
        release_seen: datetime | None = None,
    ) -> bool:
        return await self._database.write(
            life.save,
            run,
            expect=expect,
            metrics=values or {},
            judged=judged,
            sent=errands,
            release_seen=release_seen,
        )

    async def flag(self, run_id: str, excluded: str | None) -> bool:
        return await self._database.write(life.flag, run_id, excluded)

    async def note(self, judged: Sequence[Judged]) -> None:
        if judged:
            await self._database.write(life.note, judged)

    # Reading runs

    async def run(self, run_id: str) -> Run | None:
        return await self._database.read(runs.run, run_id)

    async def runs(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        return await self._database.read(runs.runs, wanted, limit, cursor)

    async def running(self) -> Sequence[Run]:
        return await self._database.read(runs.running)

    async def queue(self) -> Sequence[Run]:
        return await self._database.read(runs.queue)

    async def next_due(self) -> datetime | None:
        return await self._database.read(runs.next_due)

    async def last_scheduled(self, project: str, deployment: str) -> datetime | None:
        return await self._database.read(runs.last_scheduled, project, deployment)

    # Reading series

    async def known(self, project: str | None = None) -> Sequence[Known]:
        return await self._database.read(runs.known, project)

    async def metrics(self, project: str) -> Sequence[str]:
        return await self._database.read(values.metrics, project)

    async def series(
        self, key: SeriesKey, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        return await self._database.read(points.series, key, since, until, limit)

    async def ever_had_data(self, project: str, metric: str) -> bool:
        return await self._database.read(values.ever_had_data, project, metric)

    async def readings(self, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        return await self._database.read(values.readings, key, limit)

    # Raw series, which are not kept for ever

    async def raw_before(self, at: datetime) -> Sequence[str]:
        return await self._database.read(values.raw_before, at)

    async def thin(self, runs: Sequence[str]) -> int:
        return await self._database.write(values.thin, runs)

    # Releases

    async def releases(self, project: str, deployment: str) -> Sequence[Seen]:
        return await self._database.read(releases.releases, project, deployment)

    async def see_release(self, project: str, deployment: str, release: Release, at: datetime) -> bool:
        return await self._database.write(releases.see, project, deployment, release, at)

    async def label(self, project: str, deployment: str, version: str | None, commit: str | None) -> str:
        return await self._database.write(releases.label, project, deployment, version, commit)

    # Verdicts

    async def looks(self, key: SeriesKey, release: str) -> Sequence[Judged]:
        return await self._database.read(verdicts.looks, key, release)

    async def verdicts(self, project: str, deployment: str, test: str, source: str) -> Sequence[Judged]:
        return await self._database.read(verdicts.newest, project, deployment, test, source)

    # Errands

    async def claim_errand(self, now: datetime, lease_end: datetime) -> Errand | None:
        return await self._database.write(errands.claim, now, lease_end)

    async def close_errand(self, errand: Errand) -> None:
        await self._database.write(errands.close, errand)

    async def next_errand(self) -> datetime | None:
        return await self._database.read(errands.next_due)

    async def outbox(self) -> Outstanding:
        return await self._database.read(errands.outbox)

    async def errands(self, *, state: str | None = None, limit: int = 50) -> Sequence[Errand]:
        return await self._database.read(errands.errands, state, limit)

    # The bucket: what has gone up and what has come down

    async def bucket_is(self, name: str) -> None:
        await self._database.write(exchange.bucket_is, name)

    async def unarchived(self, skip: Sequence[str]) -> tuple[Run, str | None] | None:
        return await self._database.read(exchange.unarchived, skip)

    async def newest_key(self, prefix: str) -> str | None:
        return await self._database.read(exchange.newest_key, prefix)

    async def give_key(self, run_id: str, key: str) -> None:
        await self._database.write(exchange.give_key, run_id, key)

    async def archived(self, run_id: str, at: datetime) -> None:
        await self._database.write(exchange.archived, run_id, at)

    async def unread(self, objects: Sequence[tuple[Stored, str]]) -> Sequence[Stored]:
        return await self._database.read(exchange.unread, objects)

    async def bring(self, arrivals: Sequence[Arrival], at: datetime) -> int:
        return await self._database.write(exchange.bring, arrivals, at)

    async def taken(self) -> Sequence[Taken]:
        return await self._database.read(exchange.taken)

    async def renew(self, key: str, claimed: datetime) -> None:
        await self._database.write(exchange.renew, key, claimed)

    async def let_go(self, keys: Sequence[str]) -> None:
        await self._database.write(exchange.let_go, keys)

    async def reject(self, rejected: Rejected) -> None:
        await self._database.write(exchange.reject, rejected)

    async def rejected(self, *, keys: Sequence[str] | None = None, limit: int = 20) -> Sequence[Rejected]:
        return await self._database.read(exchange.rejected, keys, limit)

    async def unjudged(self) -> tuple[Run, bool] | None:
        return await self._database.read(exchange.unjudged)

    async def judged(self, run: Run) -> None:
        await self._database.write(exchange.judged, run)

    async def counts(self) -> Counts:
        return await self._database.read(exchange.counts)

    # Small things that must survive a restart

    async def recall(self, name: str) -> Any:
        return await self._database.read(state.recall, name)

    async def remember(self, name: str, value: Any) -> None:
        await self._database.write(state.remember, name, value)

    # The database itself

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
async def open_store(data: Path) -> AsyncIterator[SqliteStore]:
    """The store in the data directory (made where it is missing), this daemon's alone until the end.

    Raises StoreError, with a sentence, where another daemon has it, or the database cannot be used as it is.
    """
    async with open_database(data) as database:
        yield SqliteStore(database)

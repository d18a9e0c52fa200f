"""Where a client keeps its runs until they are delivered: with the end of a run goes the errand that delivers it."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dogdriver.model import UNKNOWN, Clock, Errand, Judged, MetricValue, Release, Run, Status
from dogdriver.model.document import run_document
from dogdriver.storage import SqliteStore
from dogdriver.storage import series as points
from dogdriver.storage.codec import to_time
from dogdriver.storage.database import Database, open_database

KEPT = timedelta(days=30)  # what was delivered stays that long, to be looked at
KIND = "run"
"""The kind of a delivery among the errands; its key and its run are the run's id."""


class ClientStore(SqliteStore):
    """One transaction ends a run and orders its delivery, so that nothing can come between."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self._clock = clock

    async def tidy(self) -> None:
        """Drop what was delivered long ago: it is elsewhere, and this directory should not grow for ever."""
        await self._database.write(_tidy, self._clock() - KEPT)

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
        if expect is Status.RUNNING and run.status is not Status.RUNNING:
            now = self._clock()
            payload = delivery(replace(run, metrics={**run.metrics, **(values or {})}))
            errands = [*errands, Errand(kind=KIND, key=run.id, run=run.id, payload=payload, due=now, created=now)]
        return await super().save(
            run, expect=expect, values=values, judged=judged, errands=errands, release_seen=release_seen
        )


def delivery(run: Run) -> dict[str, Any]:
    """The document of a run that has ended here, for who goes on with it.

    What is not final is left to the receiver, who reads the metrics. A run that ended before its release was asked
    for says that it is unknown.
    """
    own = {name: value for name, value in run.metrics.items() if value.query is None}
    return run_document(replace(run, metrics=own, release=run.release or Release(UNKNOWN)), full=True)


def _tidy(database: sqlite3.Connection, before: datetime) -> None:
    over = database.execute(
        "SELECT id FROM run WHERE status NOT IN ('queued', 'running') AND created < ? AND id NOT IN"
        " (SELECT run FROM errand WHERE state <> 'sent' AND run IS NOT NULL)",
        (to_time(before),),
    ).fetchall()
    for (run,) in over:
        points.forget(database, run)
        database.execute("DELETE FROM errand WHERE run = ?", (run,))
        database.execute("DELETE FROM run WHERE id = ?", (run,))


@asynccontextmanager
async def open_client_store(data: Path, clock: Clock) -> AsyncIterator[ClientStore]:
    """Raises StoreError where another process has it, or where it cannot be used."""
    async with open_database(data) as database:
        store = ClientStore(database, clock)
        await store.tidy()
        yield store

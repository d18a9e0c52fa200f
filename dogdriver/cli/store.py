"""Where a client keeps its runs until they are delivered: with the end of a run goes the message that delivers it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dogdriver.model import UNKNOWN, Clock, Judged, MessageKind, MetricValue, OutboxMessage, Run, Status
from dogdriver.model.document import run_document
from dogdriver.storage import Store
from dogdriver.storage.database import Database, open_database
from dogdriver.storage.transitions import Transitions

KEPT = timedelta(days=30)  # what was delivered stays that long, to be looked at


class DeliveringTransitions(Transitions):
    """One transaction ends a run and orders its delivery, so that nothing can come between."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self._clock = clock

    async def save(
        self,
        run: Run,
        *,
        expect: Status,
        values: Mapping[str, MetricValue] | None = None,
        judged: Sequence[Judged] = (),
        messages: Sequence[OutboxMessage] = (),
        release_seen: datetime | None = None,
        **others: Any,
    ) -> bool:
        if expect is Status.RUNNING and run.status is not Status.RUNNING:
            now = self._clock()
            payload = delivery(replace(run, metrics={**run.metrics, **(values or {})}))
            order = OutboxMessage(MessageKind.DELIVERY, run.id, run.id, payload, due=now, created=now)
            messages = [*messages, order]
        return await super().save(
            run, expect=expect, values=values, judged=judged, messages=messages, release_seen=release_seen, **others
        )


def delivery(run: Run) -> dict[str, Any]:
    """The document of a run that has ended here, for who goes on with it.

    What is not final is left to the receiver, who reads the metrics. A run that ended before its release was asked
    for says that it is unknown.
    """
    own = {name: value for name, value in run.metrics.items() if value.query is None}
    return run_document(replace(run, metrics=own, release=run.release or UNKNOWN), full=True)


@asynccontextmanager
async def open_client_store(data: Path, clock: Clock) -> AsyncIterator[Store]:
    """What was delivered long ago is dropped: it is elsewhere, and this directory should not grow for ever.

    Raises StoreError where another process has it, or where it cannot be used.
    """
    async with open_database(data) as database:
        store = Store(database)
        store.transitions = DeliveringTransitions(database, clock)
        await store.transitions.delete_delivered(clock() - KEPT)
        yield store

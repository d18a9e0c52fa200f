"""Runs and their neighbours, made for the store's tests: everything has a default, times are minutes after START."""

import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from dogdriver.model import (
    Judged,
    MetricState,
    MetricValue,
    Noise,
    OutboxMessage,
    Outcome,
    Reading,
    Run,
    Series,
    SeriesKey,
    Standing,
    Status,
    Trigger,
    Verdict,
)
from dogdriver.storage import open_store
from dogdriver.storage.database import Database, connect
from dogdriver.storage.migrations import migrate, migrations

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
P = ParamSpec("P")
T = TypeVar("T")
WHERE = ("kintowe", "stage", "dogdriver", "paris")


class Direct(Database):
    """A database whose work is done by the caller, in its thread: for what needs many databases."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def write(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return work(self._connection, *args, **kwargs)

    read = write


def done(work: Coroutine[Any, Any, T]) -> T:
    """What *work* on a direct database gives; it waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


@contextmanager
def fresh() -> Iterator[sqlite3.Connection]:
    """An empty database in memory, for what needs many."""
    with closing(connect(Path(":memory:"))) as database:
        migrate(database, Path(":memory:"), migrations())
        yield database


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def run(run_id: str, *, minute: float = 0, status: Status = Status.QUEUED, **others: Any) -> Run:
    """A run created at *minute*; one that is over its load started and ended then."""
    project, deployment, test, source = WHERE
    if status not in {Status.QUEUED, Status.RUNNING}:
        others = {"started": at(minute), "ended": at(minute + 5), "release": "1.0", "version": "1.0"} | others
    if status is Status.PENDING:
        others = {"due": at(minute + 15)} | others
    fields: dict[str, Any] = {
        "project": project,
        "deployment": deployment,
        "test": test,
        "source": source,
        "trigger": Trigger.REQUEST,
        "created": at(minute),
    }
    return Run(id=run_id, status=status, **(fields | others))


def key(metric: str = "cpu") -> SeriesKey:
    return SeriesKey(*WHERE, metric)


def settled(value: float | None, *, reading: Reading | None = None) -> MetricValue:
    return MetricValue(MetricState.SETTLED, value, points=5, expected=5, unit="ms", reading=reading)


def reading(query: str = "avg:cpu{*}") -> Reading:
    return Reading(query, (Series("host:a", ((1.0, 2.0), (2.0, None))),), interval=1.0, unit="ms")


def message(name: str, *, due: float = 0, created: float = 0, **others: Any) -> OutboxMessage:
    fields: dict[str, Any] = {"kind": "datadog.event", "run": None, "payload": {"title": name}}
    return OutboxMessage(key=name, due=at(due), created=at(created), **(fields | others))


def judged(
    metric: str, release: str, look: int, *, minute: float = 0, inputs: Mapping[str, Any] | None = None
) -> Judged:
    verdict = Verdict(
        outcome=Outcome.REGRESSED,
        effect=0.05,
        low=0.02,
        high=None,
        p=0.001,
        runs=5,
        baseline_runs=9,
        baseline_releases=("0.9", "0.8"),
        runs_needed=None,
        smallest_visible=0.03,
        noise=Noise(sd=0.03),
        margin=0.03,
        method="m",
        seed=7,
        reason="slower",
    )
    return Judged(
        key(metric),
        release,
        look,
        at(minute),
        verdict,
        Standing.ANNOUNCED,
        Outcome.REGRESSED,
        "it stands",
        inputs or {},
    )


async def filled(data: Path, runs: int = 3) -> None:
    async with open_store(data) as store:
        for number in range(runs):
            metrics = {"cpu": settled(number, reading=reading())}
            await store.transitions.add(run(f"r{number}", status=Status.DONE, minute=number, metrics=metrics))

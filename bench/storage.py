"""The store at 100,000 runs of three metrics each: `nice python -m bench.storage [RUNS]`.

A series of 1,000 runs is read as the store reads it and by a plain join of runs and values, by turns in one process.
Times are milliseconds, the median and the 95th percentile: processor time where it says so, else wall time.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

from dogdriver.model import (
    Filter,
    Load,
    MetricState,
    MetricValue,
    Reading,
    Run,
    Series,
    SeriesKey,
    Status,
    Trigger,
)
from dogdriver.storage import Store, open_store
from dogdriver.storage import series as points
from dogdriver.storage import transitions as life
from dogdriver.storage.database import NAME, connect, locked

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 1_000  # runs of a series
METRICS = ("cpu", "rps", "art")
TIMES = 300

JOIN = (
    "SELECT run.id, run.started, value.value, run.release, run.status, run.comparable, value.state,"
    " run.excluded IS NOT NULL, run.fingerprint, run.kinds FROM run JOIN value ON value.run = run.id"
    " WHERE run.project = ? AND run.deployment = ? AND run.test = ? AND run.source = ? AND value.metric = ?"
    " AND run.started IS NOT NULL AND run.status NOT IN ('queued', 'running', 'pending')"
    " ORDER BY run.started, run.id"
)


def made(number: int, series: int, chance: Random) -> Run:
    """Run *number*: the series take turns, as projects do that run every hour."""
    at = START + timedelta(minutes=number)
    minutes = tuple((at.timestamp() + 60 * minute, chance.gauss(100, 3)) for minute in range(5))
    reading = Reading("avg:cpu{*}", (Series("host:a", minutes), Series("host:b", minutes)), 60.0, "ms", "time", 0.001)
    return Run(
        id=f"{chance.getrandbits(64):016x}",
        project=f"project{number % series:03}",
        deployment="stage",
        test="dogdriver",
        source="paris",
        status=Status.DONE,
        trigger=Trigger.SCHEDULE,
        created=at,
        started=at,
        ended=at + timedelta(minutes=5),
        release=f"1.{number // (series * 20)}",
        version=f"1.{number // (series * 20)}",
        commit="c" * 40,
        load=Load(5, 1, 300.0),
        content="tree",
        metrics={
            name: MetricValue(MetricState.SETTLED, minutes[0][1], 5, 5, "avg:cpu{*}", "ms", 60.0, reading=reading)
            for name in METRICS
        },
    )


def fill(data: Path, runs: Iterator[Run]) -> float:
    """Seconds, all in one transaction."""
    with locked(data), closing(connect(data / NAME)) as database:
        begun = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        for run in runs:
            life.add(database, run, None)
        database.execute("COMMIT")
        return time.perf_counter() - begun


async def timed(call: Callable[[], Awaitable[Any]], times: int = TIMES) -> list[float]:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - begun) * 1000)
    return spent


def show(name: str, spent: list[float]) -> float:
    cuts = quantiles(spent, n=20)
    print(f"{name:52} {cuts[9]:9.3f} {cuts[18]:9.3f}")
    return cuts[9]


def in_this_thread(path: Path, key: SeriesKey) -> None:
    """The two ways to read a series alone, without the hop to the store's thread."""
    bound = (key.project, key.deployment, key.test, key.source, key.metric)
    spent: dict[str, list[float]] = {}

    def take(name: str, call: Callable[[], list[Any]]) -> None:
        begun = time.thread_time()
        rows = call()
        spent.setdefault(name, []).append((time.thread_time() - begun) * 1000)
        assert len(rows) >= LENGTH

    with closing(connect(path)) as database:

        def join(*, decode: bool) -> list[Any]:
            cursor: sqlite3.Cursor = database.cursor()
            cursor.row_factory = None
            rows = cursor.execute(JOIN, bound).fetchall()
            return [points.from_row(*row) for row in rows] if decode else rows

        for _ in range(TIMES):
            take("cpu: series, rows only, join of run and value", lambda: join(decode=False))
            take("cpu: series, rows only, the store", lambda: points.rows(database, key, None, None, None))
            take("cpu: series, as points, join of run and value", lambda: join(decode=True))
            take(
                "cpu: series, as points, the store",
                lambda: [points.from_row(*row) for row in points.rows(database, key, None, None, None)],
            )
    medians = [show(name, ones) for name, ones in spent.items()]
    print(f"join : store, rows {medians[0] / medians[1]:.1f} : 1, points {medians[2] / medians[3]:.1f} : 1")


async def through_the_store(store: Store, key: SeriesKey, more: Iterator[Run]) -> None:
    page = await store.runs.list(Filter(), limit=50)
    show("add a run with three values and readings, durable", await timed(lambda: store.transitions.add(next(more))))
    show("series of a metric", await timed(lambda: store.series.points(key)))
    show("runs, a page of 50", await timed(lambda: store.runs.list(Filter())))
    show(
        "runs of a project, the next page", await timed(lambda: store.runs.list(Filter(key.project), cursor=page.next))
    )
    show("known, all projects", await timed(store.runs.known, 30))
    show("metrics of a project", await timed(lambda: store.values.metrics(key.project)))
    show("claim, nothing queued", await timed(lambda: store.transitions.claim(START)))
    show("claim_due, nothing due", await timed(lambda: store.transitions.claim_due(START, START)))


async def main(count: int) -> None:
    series = max(count // LENGTH, 1)
    chance = Random(1)
    key = SeriesKey("project000", "stage", "dogdriver", "paris", METRICS[0])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        async with open_store(data):
            pass
        seconds = fill(data, (made(number, series, chance) for number in range(count)))
        size = (data / NAME).stat().st_size
        print(f"SQLite {sqlite3.sqlite_version}, {count:,} runs, {count * len(METRICS):,} values, {size / 1e6:.0f} MB")
        print(f"inserted in one transaction: {seconds / count * 1000:.3f} ms a run\n")
        print(f"{'':52} {'p50':>9} {'p95':>9}")
        in_this_thread(data / NAME, key)
        begun = time.perf_counter()
        async with open_store(data) as store:
            print(f"opened, looked through for damage: {time.perf_counter() - begun:.2f} s")
            await through_the_store(store, key, (made(count + number, series, chance) for number in range(TIMES)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

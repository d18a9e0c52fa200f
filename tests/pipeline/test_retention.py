"""Raw series go after a while; values, verdicts and charts stay."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from dogdriver.model import Filter, Run, Status
from dogdriver.pipeline.retention import AT_ONCE, Retention, RunsKept
from dogdriver.storage import Store, open_store
from tests.storage.made import judged, key, reading, run, settled
from tests.world import START, Clock

KEEP = timedelta(days=90)


async def add(store: Store, run_id: str, clock: Clock, *, days_ago: float, status: Status = Status.DONE) -> Run:
    at = clock() - timedelta(days=days_ago)
    made = replace(
        run(run_id, status=status), created=at, started=at, ended=at,
        metrics={"cpu": settled(7.0, reading=reading()), "rps": settled(8.0)},
    )  # fmt: skip
    kept, _ = await store.transitions.add(made)
    return kept


async def test_old_series_go_and_everything_else_stays(tmp_path: Path) -> None:
    clock = Clock()
    async with open_store(tmp_path) as store:
        old = await add(store, "old", clock, days_ago=91)
        young = await add(store, "young", clock, days_ago=89)
        waiting = await add(store, "waiting", clock, days_ago=91, status=Status.PENDING)
        charted = await store.series.points(key("cpu"))
        retention = Retention(store.values, clock, KEEP)
        assert await retention.next() is True
        assert await retention.next() is False
        metrics = {**old.metrics, "cpu": replace(old.metrics["cpu"], reading=None)}
        assert await store.runs.get("old") == replace(old, metrics=metrics)
        assert await store.runs.get("young") == young
        assert await store.runs.get("waiting") == waiting
        assert await store.series.points(key("cpu")) == charted
        assert await store.series.readings(key("cpu"), limit=10) == [reading(), reading()]


async def test_it_looks_once_a_day_and_takes_few_runs_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    async with open_store(tmp_path) as store:
        retention = Retention(store.values, clock, KEEP)
        assert await retention.next() is False
        assert await retention.due() == START + timedelta(days=1)
        for number in range(AT_ONCE + 1):
            await add(store, f"r{number}", clock, days_ago=100)
        assert await retention.next() is False  # not before tomorrow
        clock.forward(86400)
        assert [await retention.next() for _ in range(3)] == [True, True, False]
        assert await store.values.raw_before(clock()) == []


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (RunsKept(), ["a", "b", "c", "d", "waiting"]),
        (RunsKept(age=timedelta(days=15)), ["a", "b", "waiting"]),
        (RunsKept(most=2), ["a", "b", "waiting"]),
        (RunsKept(age=timedelta(days=5), most=3), ["a", "waiting"]),
    ],
)
async def test_runs_go_by_age_and_by_number_and_verdicts_stay(tmp_path: Path, kept: RunsKept, left: list[str]) -> None:
    clock = Clock()
    async with open_store(tmp_path) as store:
        for run_id, days in (("d", 40), ("c", 30), ("b", 10), ("a", 1)):
            await add(store, run_id, clock, days_ago=days)
        await add(store, "waiting", clock, days_ago=50, status=Status.PENDING)
        seen = judged("cpu", "1.0", 1)
        await store.verdicts.save([seen])
        retention = Retention(store.values, clock, KEEP, runs=store.deletions, kept=kept)
        while await retention.next():
            pass
        assert sorted(one.id for one in (await store.runs.list(Filter())).runs) == left
        assert await store.verdicts.looks(seen.key, seen.release) == [seen]
        due = await retention.due()
        assert due is not None
        assert due > clock()

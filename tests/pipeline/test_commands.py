"""What people may ask for, and what they are told when it cannot be."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from dogdriver.errors import Conflict, DogdriverError, Invalid, NotFound
from dogdriver.model import (
    Catalog,
    Deployment,
    Load,
    MetricState,
    MetricValue,
    Run,
    Scope,
    Status,
    Tally,
    Trigger,
)
from tests.world import SETTLE, START, World, shop


async def test_what_is_queued_already_is_given_back(world: World) -> None:
    first = await world.pipeline.trigger("shop")
    second = await world.pipeline.trigger("shop", deployment="Stage", trigger=Trigger.SCHEDULE)
    assert second.id == first.id


async def test_the_same_idempotency_key_gives_the_same_run_for_ever(world: World) -> None:
    first = await world.pipeline.trigger("shop", idempotency_key="k1")
    await world.pipeline.launch_next()
    assert (await world.pipeline.trigger("shop", idempotency_key="k1")).id == first.id
    assert (await world.pipeline.trigger("shop", idempotency_key="k2")).id != first.id


TWO = (Deployment("dev", "http://127.0.0.1:1"), Deployment("prod", "http://127.0.0.1:2"))


@pytest.mark.parametrize(
    ("change", "asked", "error", "words"),
    [
        ({}, {"project": "shoe"}, NotFound, "no project shoe; the projects are: shop"),
        ({}, {"deployment": "prod"}, Invalid, "no deployment prod; it has: stage"),
        ({}, {"test": "other"}, Invalid, "no test other; it has: dogdriver"),
        ({"deployments": TWO}, {}, Invalid, "several deployments and none called stage; name one of: dev, prod"),
        ({"deployments": ()}, {}, Conflict, "has no deployment; give it one"),
        ({"test": None}, {}, Conflict, "has no test that can be run"),
        ({"test": None, "problems": ("its url is blank",)}, {}, Conflict, r"\(its url is blank\)"),
        ({"allowed": False}, {}, Conflict, "add a pattern that matches it to allowed_tests"),
    ],
)
async def test_what_cannot_be_run_is_refused_in_one_sentence(
    world: World, change: dict[str, object], asked: dict[str, str], error: type[DogdriverError], words: str
) -> None:
    world.catalog.current = Catalog({"shop": replace(shop(), **change)})  # type: ignore[arg-type] # by name
    with pytest.raises(error, match=words):
        await world.pipeline.trigger(**{"project": "shop", **asked})  # type: ignore[arg-type] # by name
    assert not await world.store.runs.queue()


async def test_a_queued_run_is_cancelled_at_once(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    cancelled = await world.pipeline.cancel(run.id)
    assert (cancelled.status, cancelled.reason) == (Status.ABORTED, "cancelled")
    assert not await world.pipeline.launch_next()
    with pytest.raises(Conflict, match="is aborted and cannot be cancelled any more"):
        await world.pipeline.cancel(run.id)
    with pytest.raises(NotFound, match="there is no run nothing"):
        await world.pipeline.cancel("nothing")


async def test_a_running_run_is_cancelled_and_gets_its_stop_event(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    world.runner.hold = asyncio.Event()
    task = asyncio.create_task(world.pipeline.launch_next())
    await world.runner.begun.wait()
    snapshot = world.pipeline.live(run.id)
    assert snapshot is not None
    assert snapshot.progress == 0.5
    following = asyncio.create_task(_all(world, run.id))
    await asyncio.sleep(0)
    await world.pipeline.cancel(run.id)
    await task
    aborted = await world.now(run)
    assert (aborted.status, aborted.reason) == (Status.ABORTED, "cancelled")
    assert await following == 1
    assert world.pipeline.live(run.id) is None
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


async def _all(world: World, run_id: str) -> int:
    return len([snapshot async for snapshot in world.pipeline.follow(run_id)])


async def test_an_exclusion_has_a_reason_and_is_judged_anew(world: World) -> None:
    runs = []
    for latency in (0.2, 0.2, 0.2, 0.2):
        pending = await world.launched()
        world.feed(pending, latency=latency)
        runs.append(await world.collect_until(pending, 2 * SETTLE))
    world.target.versions = [("1.1.0", None)]
    for latency in (0.2, 0.2, 0.2, 0.9):
        pending = await world.launched()
        world.feed(pending, latency=latency)
        runs.append(await world.collect_until(pending, 2 * SETTLE))
    before = await _judged_runs(world)
    with pytest.raises(Invalid, match="needs a reason"):
        await world.pipeline.exclude(runs[-1].id, "  ")
    excluded = await world.pipeline.exclude(runs[-1].id, "the network was cut")
    assert excluded.excluded == "the network was cut"
    assert await _judged_runs(world) == before - 1
    assert (await world.pipeline.include(runs[-1].id)).excluded is None
    assert await _judged_runs(world) == before


async def _judged_runs(world: World) -> int:
    verdicts = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    [art] = [v for v in verdicts if v.release == "1.1.0" and v.key.metric == "art"]
    return art.verdict.runs


async def test_a_run_that_has_not_ended_cannot_be_excluded(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    with pytest.raises(Conflict, match="is queued; only a run that has ended"):
        await world.pipeline.exclude(run.id, "because")


def elsewhere(**more: object) -> Run:
    run = Run(
        id="e" * 32,
        project="shop",
        deployment="stage",
        test="dogdriver",
        source="paris",
        status=Status.PENDING,
        trigger=Trigger.ELSEWHERE,
        created=START,
        release="1.0.0",
        version="1.0.0",
        started=START,
        ended=START + timedelta(seconds=300),
        due=START + timedelta(seconds=900),
        load=Load(2, 1, 300.0),
        tally=Tally(ok=10),
    )
    return structs.replace(run, **more)


async def test_a_run_made_elsewhere_is_kept_once(world: World) -> None:
    kept, new = await world.pipeline.accept(elsewhere())
    assert (new, kept.source) == (True, "paris")
    _, again = await world.pipeline.accept(elsewhere())
    assert not again
    with pytest.raises(Conflict, match="is here already and differs"):
        await world.pipeline.accept(elsewhere(tally=Tally(ok=11)))
    with pytest.raises(Invalid, match="source here is this daemon's own"):
        await world.pipeline.accept(elsewhere(source="here", id="f" * 32))
    await world.deliver()
    assert not world.events("start")


async def test_a_test_that_was_renamed_since_is_not_run_under_the_old_name(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    test = shop().test
    assert test is not None
    world.catalog.current = Catalog({"shop": replace(shop(), test=replace(test, name="heavy"))})
    assert await world.pipeline.launch_next()
    failed = await world.now(run)
    assert (failed.status, failed.reason) == (
        Status.FAILED,
        "the test of shop is heavy now, not dogdriver; queue a new run",
    )


async def test_a_cancel_while_the_target_is_asked_once_more_still_counts(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    asked = asyncio.Event()
    check, calls = world.target.check, 0

    async def slow(deployment: Deployment) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            asked.set()
            await asyncio.Event().wait()
        await check(deployment)

    world.target.check = slow  # type: ignore[method-assign] # the part that is played
    task = asyncio.create_task(world.pipeline.launch_next())
    await asked.wait()
    await world.pipeline.cancel(run.id)
    await task
    assert (await world.now(run)).status is Status.ABORTED


async def test_runs_delivered_as_done_are_judged(world: World) -> None:
    for n, release in enumerate(["1.0.0"] * 3 + ["1.1.0"] * 3):
        at = START + timedelta(hours=n)
        metrics = {"client.p50": MetricValue(MetricState.SETTLED, 20.0 + n % 3)}
        run = elsewhere(id=f"{n:032x}", status=Status.DONE, due=None, created=at, started=at, metrics=metrics)
        ended = at + timedelta(seconds=300)
        await world.pipeline.accept(structs.replace(run, release=release, version=release, ended=ended))
    [newest] = [
        v
        for v in await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "paris"))
        if v.release == "1.1.0"
    ]
    assert (newest.verdict.runs, newest.verdict.baseline_runs) == (3, 3)


async def test_excluding_a_run_of_the_baseline_looks_at_the_newest_release_again(world: World) -> None:
    runs = []
    for version in ("1.0.0", "1.1.0"):
        world.target.versions = [(version, None)]
        for _ in range(4):
            pending = await world.launched()
            world.feed(pending)
            runs.append(await world.collect_until(pending, 2 * SETTLE))
    await world.pipeline.exclude(runs[0].id, "a bad network")
    verdicts = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    [art] = [v for v in verdicts if v.release == "1.1.0" and v.key.metric == "art"]
    assert art.verdict.baseline_runs == 3
    for run in runs[1:4]:
        await world.pipeline.exclude(run.id, "a bad network")
    verdicts = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    [first] = [v for v in verdicts if v.release == "1.0.0" and v.key.metric == "art"]
    assert (first.verdict.outcome, first.verdict.runs) == ("too_few_runs", 0)

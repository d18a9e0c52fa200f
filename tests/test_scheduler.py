"""When: schedules, workers, and an end that leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from dogdriver.model import Catalog, Run, Schedule, Status, Trigger
from dogdriver.scheduler import Scheduler, Worker
from tests.steps import Steps
from tests.world import FixedCatalog, World, shop


def real_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - APScheduler has its own clock, the wall's


def scheduler(world: World, *workers: Worker) -> Scheduler:
    return Scheduler(
        pipeline=world.pipeline,
        runs=world.store.runs,
        catalog=world.catalog,
        clock=real_now,
        failures=world.pipeline._context.failures,
        workers=workers,
    )


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Give the loop turns until something is so; a wait in vain ends by this limit."""
    async with asyncio.timeout(120):
        while not await true():  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.01)


async def _queued(world: World) -> bool:
    return bool(await world.store.runs.queue())


async def test_a_project_that_never_ran_is_due_at_once(world: World) -> None:
    timers = scheduler(world)
    await timers.start()
    await until(lambda: _queued(world))
    await timers.close()
    [run] = await world.store.runs.queue()
    assert (run.project, run.trigger) == ("shop", Trigger.SCHEDULE)


async def _ran(world: World, ago: float) -> None:
    run = Run(
        id="r1", project="shop", deployment="stage", test="dogdriver", source="here", status=Status.QUEUED,
        trigger=Trigger.SCHEDULE, created=real_now() - timedelta(seconds=ago),
    )  # fmt: skip
    await world.store.transitions.add(run)
    claimed = await world.store.transitions.claim(real_now())
    assert claimed is not None
    await world.store.transitions.save(structs.replace(claimed, status=Status.FAILED), expect=Status.RUNNING)


async def test_every_counts_from_the_last_scheduled_run(world: World) -> None:
    await _ran(world, ago=1200)
    timers = scheduler(world)
    await timers.start()
    await until(_planned(timers))
    due = timers.next_run("shop")
    await timers.close()
    assert due is not None
    assert 2300 < (due - real_now()).total_seconds() <= 2401
    assert not await world.store.runs.queue()


@pytest.mark.parametrize("ahead", [7200.0, 400 * 86400.0])
async def test_a_run_that_was_made_while_the_clock_was_ahead_puts_off_the_next_by_one_interval(
    world: World, ahead: float
) -> None:
    await _ran(world, ago=-ahead)
    timers = scheduler(world)
    await timers.start()
    await until(_planned(timers))
    due = timers.next_run("shop")
    await timers.close()
    assert due is not None
    assert 3500 < (due - real_now()).total_seconds() <= 3601


async def test_a_clock_that_is_set_back_while_running_puts_off_nothing_by_more_than_an_interval(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The timers had planned by a clock that was two days ahead; then it is set right."""
    ahead = timedelta(days=2)
    await _ran(world, ago=-ahead.total_seconds())
    timers = Scheduler(
        pipeline=world.pipeline, runs=world.store.runs, catalog=world.catalog, clock=lambda: real_now() + ahead,
        failures=world.pipeline._context.failures, workers=(), heed=0.01,
    )  # fmt: skip
    await timers.start()
    await until(_planned(timers))
    planned = timers.next_run("shop")
    assert planned is not None
    assert planned - real_now() > timedelta(days=2)
    ahead = timedelta()

    async def soon() -> bool:
        due = timers.next_run("shop")
        return due is not None and due - real_now() <= timedelta(hours=1, seconds=1)

    await until(soon)
    await timers.close()
    assert "the clock was set back by 172800 s: everything is planned anew" in caplog.text


async def test_a_servicebook_that_hangs_holds_up_no_timer_and_its_projects_follow(world: World) -> None:
    answered = asyncio.Event()
    late = replace(shop(), name="late")

    class Hanging(FixedCatalog):
        async def refresh(self) -> Catalog:
            await answered.wait()
            self.current = Catalog({"shop": shop(), "late": late})
            return self.current

    world.catalog = Hanging({"shop": shop()})
    steps = Steps()
    timers = scheduler(
        world,
        Worker("launch", steps, commits=world.store.commits, clock=real_now, failures=world.pipeline._context.failures),
    )
    await timers.start()
    await steps.idle.wait()
    assert timers.next_run("shop") is not None
    assert timers.next_run("late") is None
    steps.idle.clear()
    answered.set()
    await steps.idle.wait()  # a run may have waited for the project, so the workers look again
    assert timers.next_run("late") is not None
    await timers.close()


def _planned(timers: Scheduler) -> Callable[[], Awaitable[bool]]:
    async def planned() -> bool:
        return timers.next_run("shop") is not None

    return planned


async def test_a_run_that_was_missed_while_the_daemon_was_off_is_due_now(world: World) -> None:
    await _ran(world, ago=7200)
    timers = scheduler(world)
    await timers.start()
    await until(lambda: _queued(world))
    await timers.close()


async def test_off_and_forbidden_projects_do_not_run_by_themselves(world: World) -> None:
    timers = scheduler(world)
    await timers.start()
    await timers.plan({"shop": replace(shop(), schedule=Schedule())})
    assert timers.next_run("shop") is None
    assert timers.nth_run("shop", 1) is timers.nth_run("shop", 5) is None
    await timers.plan({"shop": replace(shop(), allowed=False)})
    assert timers.next_run("shop") is None
    await timers.close()


async def test_the_timers_follow_the_catalog(world: World) -> None:
    await _ran(world, ago=10)
    timers = scheduler(world)
    await timers.start()
    await until(_planned(timers))
    first = timers.next_run("shop")
    await timers.refresh()
    assert timers.next_run("shop") == first
    assert first is not None
    assert timers.nth_run("shop", 1) == first
    assert timers.nth_run("shop", 4) == first + timedelta(hours=3)
    world.catalog.current = Catalog({"shop": replace(shop(), schedule=Schedule(cron="7 * * * *"))})
    await timers.refresh()
    by_cron = timers.next_run("shop")
    assert by_cron is not None
    assert by_cron.minute == 7
    assert timers.nth_run("shop", 3) == by_cron + timedelta(hours=2)
    world.catalog.current = Catalog({})
    await timers.refresh()
    assert timers.next_run("shop") is None
    await timers.close()


async def test_a_failure_is_kept_under_what_failed_until_that_succeeds(world: World) -> None:
    """Project beta's success says nothing of alpha."""
    alpha, beta = replace(shop(), name="alpha", test=None), replace(shop(), name="beta")
    world.catalog.current = Catalog({"alpha": replace(alpha, test=shop().test), "beta": beta})
    timers, failures = scheduler(world), world.pipeline._context.failures
    await timers.start()
    await until(lambda: _queued_as(world, "alpha", "beta"))
    world.catalog.current = Catalog({"alpha": alpha, "beta": beta})
    for project in ("alpha", "beta"):
        await timers._run(timers.queueing(project))
    [failure] = failures.all()
    assert (failure.subject, failure.project) == ("queueing a run of alpha", "alpha")
    assert failure.message.startswith("alpha has no test that can be run")
    world.catalog.current = Catalog({"alpha": replace(alpha, test=shop().test), "beta": beta})
    await timers._run(timers.queueing("alpha"))
    assert failures.all() == []
    world.catalog.current = Catalog({"alpha": alpha, "beta": beta})
    await timers._run(timers.queueing("alpha"))
    await timers.plan({"beta": beta})
    assert failures.all() == [], "a project that is gone will never succeed"
    await timers.close()


async def _queued_as(world: World, *projects: str) -> bool:
    return {run.project for run in await world.store.runs.queue()} == set(projects)

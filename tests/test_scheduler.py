"""When: schedules, workers, and an end that leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from msgspec import structs

from dogdriver.model import Catalog, Run, Schedule, Status, Trigger
from dogdriver.scheduler import Scheduler, Worker
from tests.world import FixedCatalog, World, shop


def real_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - APScheduler has its own clock, the wall's


def scheduler(world: World, *workers: Worker) -> Scheduler:
    return Scheduler(
        pipeline=world.pipeline, runs=world.store.runs, catalog=world.catalog, clock=real_now, workers=workers
    )


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Give the loop turns until something is so; a wait in vain ends by this limit."""
    async with asyncio.timeout(20):
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


async def test_a_servicebook_that_hangs_holds_up_no_timer_and_its_projects_follow(world: World) -> None:
    answered = asyncio.Event()
    late = replace(shop(), name="late")

    class Hanging(FixedCatalog):
        async def refresh(self) -> Catalog:
            await answered.wait()
            self.current = Catalog({"shop": shop(), "late": late})
            return self.current

    world.catalog = Hanging({"shop": shop()})
    timers = scheduler(world)
    await timers.start()
    assert timers.next_run("shop") is not None
    assert timers.next_run("late") is None
    world.pipeline.wake.launch.clear()
    answered.set()
    await world.pipeline.wake.launch.wait()
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
    world.catalog.current = Catalog({"shop": replace(shop(), schedule=Schedule(cron="7 * * * *"))})
    await timers.refresh()
    by_cron = timers.next_run("shop")
    assert by_cron is not None
    assert by_cron.minute == 7
    world.catalog.current = Catalog({})
    await timers.refresh()
    assert timers.next_run("shop") is None
    await timers.close()


class Steps:
    """Work that is done in three steps; *fails* raises once before them."""

    def __init__(self, *, fails: bool = False) -> None:
        self.left, self.fails = 3, fails
        self.idle = asyncio.Event()

    async def __call__(self) -> bool:
        if self.fails:
            self.fails = False
            raise ZeroDivisionError
        if self.left:
            self.left -= 1
            return True
        self.idle.set()
        return False


async def test_a_worker_goes_on_while_there_is_work_and_wakes_for_more() -> None:
    steps, wake = Steps(), asyncio.Event()
    worker = Worker("test", steps, wake, real_now)
    worker.start()
    await asyncio.wait_for(steps.idle.wait(), 10)
    assert steps.left == 0
    steps.left, steps.idle = 2, asyncio.Event()
    wake.set()
    await asyncio.wait_for(steps.idle.wait(), 10)
    worker.close()
    await worker.wait_closed(10)


async def test_a_worker_sleeps_no_longer_than_until_the_next_is_due() -> None:
    steps = Steps()

    async def due() -> datetime | None:
        return real_now() + timedelta(milliseconds=20)

    worker = Worker("test", steps, asyncio.Event(), real_now, due)
    worker.start()
    await asyncio.wait_for(steps.idle.wait(), 10)
    steps.left, steps.idle = 1, asyncio.Event()
    await asyncio.wait_for(steps.idle.wait(), 10)
    worker.close()
    await worker.wait_closed(10)


async def test_a_defect_is_told_and_does_not_end_the_worker() -> None:
    steps, wake = Steps(fails=True), asyncio.Event()
    worker = Worker("test", steps, wake, real_now)
    worker.start()

    async def told() -> bool:
        return worker.last_error is not None

    await until(told)
    assert (worker.last_error or "").startswith("ZeroDivisionError")
    wake.set()
    await asyncio.wait_for(steps.idle.wait(), 10)
    assert worker.last_error is None  # it works again, and says so
    worker.close()
    await worker.wait_closed(10)


async def test_the_end_waits_for_what_is_in_hand_and_cancels_what_hangs() -> None:
    finished, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> bool:
        begun.set()
        await asyncio.sleep(0.05)
        finished.set()
        return False

    worker = Worker("slow", slow, asyncio.Event(), real_now)
    worker.start()
    await begun.wait()
    worker.close()
    await worker.wait_closed(10)
    assert finished.is_set()

    hanging = asyncio.Event()

    async def hang() -> bool:
        hanging.set()
        await asyncio.Event().wait()
        return False

    stuck = Worker("stuck", hang, asyncio.Event(), real_now)
    stuck.start()
    await hanging.wait()
    stuck.close()
    await stuck.wait_closed(0.01)

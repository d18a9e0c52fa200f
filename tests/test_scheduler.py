"""When: schedules, workers, and an end that leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from msgspec import structs

from dogdriver.model import Catalog, Failures, Run, Schedule, Status, Trigger
from dogdriver.scheduler import FAILURE, IDLE, NextDue, Scheduler, Step, Worker
from dogdriver.storage.commits import Commits
from tests.jumping import jumping
from tests.world import START, FixedCatalog, World, shop


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


def worker(name: str, step: Step, commits: Commits) -> Worker:
    return Worker(name, step, commits=commits, clock=real_now, failures=Failures(real_now))


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
    timers = scheduler(world, worker("launch", steps, world.store.commits))
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
    """Work that is done in three steps; the first *failures* looks at it raise."""

    def __init__(self, *, failures: int = 0) -> None:
        self.left, self.failures, self.looks = 3, failures, 0
        self.idle = asyncio.Event()

    async def __call__(self) -> bool:
        self.looks += 1
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        if self.left:
            self.left -= 1
            return True
        self.idle.set()
        return False


@asynccontextmanager
async def working(step: Step, due: NextDue | None = None) -> AsyncIterator[tuple[Worker, Commits]]:
    commits = Commits()
    worker = Worker("test", step, commits=commits, clock=virtual_now, failures=Failures(virtual_now), next_due=due)
    worker.start()
    yield worker, commits
    worker.close()
    await worker.wait_closed(120)


def virtual_now() -> datetime:
    """The time of a loop that jumps."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


@jumping
async def test_a_worker_goes_on_while_there_is_work_and_wakes_for_a_commit() -> None:
    steps = Steps()
    async with working(steps) as (_, commits):
        await asyncio.sleep(1)
        assert (steps.left, steps.looks) == (0, 4)
        steps.left = 2
        await asyncio.sleep(IDLE / 2)
        assert steps.looks == 4, "nobody has told it"
        commits.announce()
        await asyncio.sleep(1)
        assert (steps.left, steps.looks) == (0, 7)


@jumping
async def test_a_commit_during_a_step_is_looked_at_by_another() -> None:
    commits: list[Commits] = []
    looks = 0

    async def step() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            commits[0].announce()  # by whomever, after the step has read and before it ends
        return False

    async with working(step) as (_, counted):
        commits.append(counted)
        await asyncio.sleep(1)
        assert looks == 1
        counted.announce()
        await asyncio.sleep(1)
        assert looks == 3


@jumping
async def test_a_worker_is_woken_for_what_no_commit_tells_of() -> None:
    steps = Steps()
    async with working(steps) as (worker, _):
        await asyncio.sleep(1)
        steps.left = 1
        worker.wake()
        await asyncio.sleep(1)
        assert (steps.left, steps.looks) == (0, 6)


@jumping
async def test_a_worker_sleeps_no_longer_than_until_the_next_is_due() -> None:
    steps = Steps()
    next_due = virtual_now() + timedelta(seconds=20)

    async def due() -> datetime | None:
        return next_due if virtual_now() < next_due else None

    async with working(steps, due):
        await asyncio.sleep(19)
        steps.left = 1
        await asyncio.sleep(0.5)
        assert steps.left == 1
        await asyncio.sleep(1)
        assert steps.left == 0


@jumping
async def test_an_idle_worker_looks_once_a_minute_and_once_for_each_commit() -> None:
    steps = Steps()
    async with working(steps) as (_, commits):
        await asyncio.sleep(1)
        before = steps.looks
        await asyncio.sleep(100 * IDLE)
        assert steps.looks - before <= 101
        before = steps.looks
        for _ in range(20):
            commits.announce()
            await asyncio.sleep(0.01)
        assert steps.looks - before <= 21


@jumping
async def test_a_defect_is_told_and_rests_whatever_is_committed_and_does_not_end_the_worker() -> None:
    steps = Steps(failures=1)
    async with working(steps) as (worker, commits):
        await asyncio.sleep(0.1)
        [failure] = worker._failures.all()
        assert failure.subject == "the worker test"
        assert failure.message == "dogDriver itself failed (ZeroDivisionError); its log has the details"
        for _ in range(10):
            commits.announce()
            worker.wake()
            await asyncio.sleep(FAILURE / 20)
        assert steps.looks == 1
        await asyncio.sleep(FAILURE)
        assert steps.left == 0
        assert worker._failures.all() == []  # it works again, and says so


@jumping
async def test_the_end_waits_for_no_rest() -> None:
    for steps in (Steps(), Steps(failures=99)):
        async with working(steps):
            await asyncio.sleep(0.1)
            begun = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() == begun


async def test_the_end_waits_for_what_is_in_hand_and_cancels_what_hangs() -> None:
    finished, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> bool:
        begun.set()
        await asyncio.sleep(0.05)
        finished.set()
        return False

    own = worker("slow", slow, Commits())
    own.start()
    await begun.wait()
    own.close()
    await own.wait_closed(120)
    assert finished.is_set()

    hanging = asyncio.Event()

    async def hang() -> bool:
        hanging.set()
        await asyncio.Event().wait()
        return False

    stuck = worker("stuck", hang, Commits())
    stuck.start()
    await hanging.wait()
    stuck.close()
    await stuck.wait_closed(0.01)


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

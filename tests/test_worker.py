"""Workers: a step repeated while there is something to do, rest, and an end that leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from dogdriver.model import Failures
from dogdriver.scheduler import FAILURE, IDLE, NextDue, Step, Worker
from dogdriver.storage.commits import Commits
from tests.jumping import jumping
from tests.steps import Steps
from tests.world import START


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


def worker(name: str, step: Step) -> Worker:
    return Worker(name, step, commits=Commits(), clock=lambda: START, failures=Failures(lambda: START))


async def test_the_end_waits_for_what_is_in_hand_and_cancels_what_hangs() -> None:
    finished, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> bool:
        begun.set()
        await asyncio.sleep(0.05)
        finished.set()
        return False

    own = worker("slow", slow)
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

    stuck = worker("stuck", hang)
    stuck.start()
    await hanging.wait()
    stuck.close()
    await stuck.wait_closed(0.01)

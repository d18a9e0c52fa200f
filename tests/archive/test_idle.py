"""The workers wake for every commit and write themselves: they must come to rest, whatever fails around them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from dogdriver.archive import Archive, inbox_object
from dogdriver.errors import ExternalError, Refused, Unavailable
from dogdriver.pipeline.retention import Retention
from dogdriver.scheduler import FAILURE, IDLE, NextDue, Step
from tests.archive.made import made_elsewhere
from tests.archive.shared import SYNC
from tests.archive.shelf import Shelf
from tests.world import START, World


class Failing(Shelf):
    """A bucket that can be listed and read; what would change it fails while there is an *error*."""

    error: Exception | None = None

    async def put(self, key: str, body: bytes, *, new: bool = False, match: str | None = None) -> bool:
        self._fail()
        return await super().put(key, body, new=new, match=match)

    async def remove(self, *keys: str) -> None:
        self._fail()
        raise Refused("nothing is removed here")

    def _fail(self) -> None:
        self.requests += 1
        if self.error:
            raise self.error


class Daemon:
    """All workers of a daemon with a bucket, on the world's clock: what `Worker` does, a step at a time."""

    def __init__(self, world: World, bucket: Shelf) -> None:
        context = world.pipeline._context
        archive = Archive(context, world.store, bucket, sync=SYNC)
        retention = Retention(world.store.values, world.clock, timedelta(days=90))
        self._clock, self._commits = world.clock, world.store.commits
        self._workers: Mapping[str, tuple[Step, NextDue]] = {
            "launch": (world.pipeline.launch_next, _never),
            "collect": (world.pipeline.collect_next, world.store.runs.next_due),
            "outbox": (world.outbox.deliver_next, world.store.outbox.next_due),
            "retention": (retention.next, retention.due),
            "archive": (archive.upload_next, archive.next_upload),
            "bucket": (archive.sync_next, archive.next_sync),
        }
        self._seen = dict.fromkeys(self._workers, -1)
        self._due = dict.fromkeys(self._workers, world.clock())
        self.steps = 0

    async def live(self, seconds: float, *, commits: float) -> None:
        """The next *seconds*, in which there are at most so many commits, and each wakes each worker once."""
        end, steps, before = self._clock() + timedelta(seconds=seconds), self.steps, self._commits.number
        while self._ready() or min(self._due.values()) <= end:
            if not self._ready():
                self._clock.now = min(self._due.values())
            for name in self._ready():
                await self._step(name)
                made = self._commits.number - before
                assert made <= commits, f"it never rests, {name} least of all"
                assert self.steps - steps <= IDLE_STEPS * (seconds / IDLE + 1) + len(self._workers) * (made + 1)
        self._clock.now = max(self._clock.now, end)

    def _ready(self) -> list[str]:
        now, number = self._clock(), self._commits.number
        return [name for name in self._workers if self._seen[name] < number or self._due[name] <= now]

    async def _step(self, name: str) -> None:
        step, next_due = self._workers[name]
        self._seen[name] = self._commits.number
        self.steps += 1
        try:
            if await step():
                self._due[name] = self._clock()
                return
        except ExternalError:
            raise
        except Exception:  # noqa: BLE001 - whatever a defect may be
            self._due[name] = self._clock() + timedelta(seconds=FAILURE)
            return
        idle = self._clock() + timedelta(seconds=IDLE)
        self._due[name] = min(await next_due() or idle, idle)


async def _never() -> datetime | None:
    return None


HOUR = 3600.0
IDLE_STEPS = 6 + 2 * IDLE / SYNC
"""Of a minute in which nothing happens: one of each worker, and the looks into the bucket."""


@pytest.fixture(name="bucket")
def _bucket() -> Failing:
    return Failing()


async def test_a_daemon_with_nothing_to_do_writes_nothing_and_hardly_looks(world: World, bucket: Failing) -> None:
    daemon = Daemon(world, bucket)
    await daemon.live(SYNC * 2, commits=5)
    await daemon.live(HOUR, commits=0)


async def test_a_run_from_its_trigger_to_the_bucket_leaves_the_workers_at_rest(world: World, bucket: Failing) -> None:
    daemon = Daemon(world, bucket)
    run = await world.pipeline.trigger("shop")
    await daemon.live(2 * HOUR, commits=60)
    assert (await world.now(run)).status.final
    assert any(run.id in one.key for one in (await bucket.list("")).objects)
    await daemon.live(HOUR, commits=0)


@pytest.mark.parametrize("error", [Unavailable("it is down"), Refused("it takes nothing"), ZeroDivisionError()])
async def test_a_bucket_that_takes_nothing_is_asked_now_and_then(
    world: World, bucket: Failing, error: Exception
) -> None:
    daemon = Daemon(world, bucket)
    bucket.error = error
    await world.pipeline.trigger("shop")
    await daemon.live(2 * HOUR, commits=60)
    requests = bucket.requests
    await daemon.live(HOUR, commits=0)
    assert bucket.requests - requests <= 10 * HOUR / SYNC


async def test_an_inbox_that_cannot_be_cleared_is_tried_now_and_then(world: World, bucket: Failing) -> None:
    daemon, runs = Daemon(world, bucket), 20
    for number in range(runs):
        key, body = inbox_object(made_elsewhere(START, name=str(number), metrics={}))
        bucket[key] = body
    await daemon.live(2 * HOUR, commits=60 * runs)
    assert len(await world.store.inbox.claimed()) == runs
    requests = bucket.requests
    await daemon.live(HOUR, commits=0)
    assert bucket.requests - requests <= 30 * HOUR / SYNC

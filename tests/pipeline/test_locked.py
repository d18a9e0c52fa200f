"""A database that another program holds for a while, at any moment of a run's life: nothing is lost or doubled."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dogdriver.errors import StoreError
from dogdriver.model import Status
from dogdriver.storage.database import Database
from tests.world import SETTLE, World

REFUSALS = 7  # of one write; with the pauses between them, more than two minutes


class Lock:
    """Refuses the write that comes after *free* others, REFUSALS times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free, self.left, self.write = free, REFUSALS, Database.write
        monkeypatch.setattr(Database, "write", lambda *given, **named: self.try_to_write(*given, **named))  # noqa: PLW0108 - a method

    async def try_to_write(self, *given: Any, **named: Any) -> Any:
        if self.free == 0 and self.left:
            self.left -= 1
            raise StoreError("another program holds its lock")
        self.free -= self.free > 0
        return await self.write(*given, **named)


async def repeated(step: Callable[[], Awaitable[bool]]) -> None:
    """As a worker does it: an error ends the step, and it is tried again."""
    for _ in range(100):
        try:
            if not await step():
                return
        except StoreError:
            continue


@pytest.mark.parametrize("free", range(12))
async def test_a_run_survives_a_lock_at_every_write(world: World, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    async def pause(_: float) -> None:
        pass

    object.__setattr__(world.pipeline._context, "pause", pause)
    world.outbox._pause = pause
    run = await world.pipeline.trigger("shop")
    lock = Lock(monkeypatch, free)
    await repeated(world.pipeline.launch_next)
    assert not world.pipeline._context.failures.all(), "what was told of it is over"
    pending = await world.now(run)
    assert (pending.status, pending.reason) == (Status.PENDING, None)
    world.feed(pending)
    await repeated(world.outbox.deliver_next)
    for _ in range(60):
        world.clock.forward(SETTLE / 2)
        await repeated(world.pipeline.collect_next)
    world.clock.forward(60)
    await repeated(world.outbox.deliver_next)
    done = await world.now(run)
    assert (done.status, done.reason, lock.left) == (Status.DONE, None, 0)
    assert done.metrics["cpu"].value == pytest.approx(40.0)
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


async def test_what_waits_for_the_database_is_told_until_it_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = world.pipeline._context.failures
    told: list[str] = []

    async def pause(_: float) -> None:
        told.extend(failure.subject for failure in failures.all())

    object.__setattr__(world.pipeline._context, "pause", pause)
    run = await world.pipeline.trigger("shop")
    Lock(monkeypatch, 1)
    await repeated(world.pipeline.launch_next)
    assert set(told) == {f"naming the release of run {run.id}"}
    assert not failures.all()

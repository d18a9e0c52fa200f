"""A daemon that is killed between any two steps: after the restart nothing is lost and nothing is there twice."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from dogdriver.errors import StoreError
from dogdriver.model import Run, Scope, Status
from tests.world import SETTLE, World


async def _restart(world: World) -> None:
    await world.close()
    await world.open()
    await world.pipeline.recover()


async def test_queued_runs_go_on(world: World) -> None:
    queued = await world.pipeline.trigger("shop")
    await _restart(world)
    assert await world.pipeline.launch_next()
    assert (await world.now(queued)).status is Status.PENDING


async def test_a_run_that_was_running_has_failed_and_gets_its_stop_event(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    world.runner.hold = asyncio.Event()
    task = asyncio.create_task(world.pipeline.launch_next())
    await world.runner.begun.wait()
    kept = await world.now(run)  # what a kill would leave
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await _as_it_was(world, kept)
    await _restart(world)
    failed = await world.now(run)
    assert (failed.status, failed.reason) == (Status.FAILED, "interrupted: the daemon ended during the run")
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)
    assert world.runner.recovered == 1
    assert not await world.pipeline.launch_next()


async def _as_it_was(world: World, run: Run) -> None:
    """Put a row back into the state that a kill would have left."""
    current = await world.now(run)
    await world.store.transitions.save(run, expect=current.status)


async def test_a_run_killed_before_its_start_event_sends_none(world: World) -> None:
    await world.pipeline.trigger("shop")
    claimed = await world.store.transitions.claim(world.clock())
    assert claimed is not None
    await _restart(world)
    assert (await world.now(claimed)).status is Status.FAILED
    await world.deliver()
    assert not world.events("stop")


async def test_pending_runs_go_on_where_they_were(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    await world.collect_until(pending, SETTLE)
    await _restart(world)
    done = await world.collect_until(pending, SETTLE)
    assert (done.status, done.attempts) == (Status.DONE, 2)
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


@pytest.mark.parametrize("broken_write", [1, 2])
async def test_an_aggregation_that_is_cut_off_is_done_again_once_its_lease_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, broken_write: int
) -> None:
    pending = await world.launched()
    world.feed(pending)
    await world.collect_until(pending, SETTLE)
    due = await world.store.runs.next_due()
    assert due is not None
    world.clock.now = due
    save, writes = world.store.transitions.save, 0

    async def cut_off(*args: object, **more: object) -> bool:
        nonlocal writes
        writes += 1
        if writes == broken_write:
            raise StoreError("killed here")
        return await save(*args, **more)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(world.store.transitions, "save", cut_off)
    with pytest.raises(StoreError):
        await world.pipeline.collect_next()
    assert not await world.pipeline.collect_next()  # the lease holds
    await _restart(world)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert done.status is Status.DONE
    for judged in await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here")):
        assert judged.look == 1
    await world.deliver()
    assert len([r for r in world.standin.requests if r.path == "/api/v2/series"]) == 1


async def test_an_event_outage_of_an_hour_loses_no_event(world: World) -> None:
    await world.standin.stop()
    pending = await world.launched()
    await world.deliver()
    await _restart(world)
    await world.standin.start()
    world.clock.forward(3600)
    await world.deliver()
    [start], [stop] = world.events("start"), world.events("stop")
    assert pending.ended is not None
    assert start["date_happened"] < stop["date_happened"] <= int(pending.ended.timestamp()) + 1


async def test_a_daemon_that_is_stopped_ends_the_load_and_says_so(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    world.runner.hold = asyncio.Event()
    task = asyncio.create_task(world.pipeline.launch_next())
    await world.runner.begun.wait()
    world.pipeline.close()
    assert await task
    failed = await world.now(run)
    assert (failed.status, failed.reason) == (Status.FAILED, "interrupted: the daemon was stopped")
    await world.pipeline.trigger("shop")
    assert not await world.pipeline.launch_next()


async def test_a_late_answer_does_not_revive_a_cancelled_run(world: World) -> None:
    pending = await world.launched()
    claimed = await world.store.transitions.claim_due(pending.due or world.clock(), world.clock())
    assert claimed is not None
    await world.pipeline.cancel(pending.id)
    assert not await world.store.transitions.save(replace(claimed, status=Status.DONE), expect=Status.PENDING)
    assert (await world.now(pending)).status is Status.ABORTED


async def test_the_end_of_a_load_is_kept_once_the_disk_takes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await world.pipeline.trigger("shop")
    save, pauses, refusals = world.store.transitions.save, [], 3

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def full(changed: Run, **more: object) -> bool:
        nonlocal refusals
        if changed.status is Status.PENDING and refusals:
            refusals -= 1
            raise StoreError("the disk is full")
        return await save(changed, **more)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(world.store.transitions, "save", full)
    object.__setattr__(world.pipeline._context, "pause", pause)
    assert await world.pipeline.launch_next()
    kept = await world.now(run)
    assert kept.status is Status.PENDING
    assert kept.tally is not None
    assert pauses == [1.0, 2.0, 5.0]


class FullDisk:
    """A store that takes no end of a run until there is *room*; waiting for it never ends by itself."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.waiting = False, asyncio.Event()
        self._save = world.store.transitions.save
        monkeypatch.setattr(world.store.transitions, "save", self.save)
        object.__setattr__(world.pipeline._context, "pause", self.pause)

    async def pause(self, _: float) -> None:
        self.waiting.set()
        await asyncio.Event().wait()

    async def save(self, changed: Run, **more: Any) -> bool:
        if changed.status is not Status.RUNNING and not self.room:
            raise StoreError("the disk is full")
        return await self._save(changed, **more)


async def test_a_disk_that_stays_full_does_not_keep_the_daemon_from_stopping(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await world.pipeline.trigger("shop")
    disk = FullDisk(world, monkeypatch)
    task = asyncio.create_task(world.pipeline.launch_next())
    await disk.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 120)
    await _restart(world)
    assert (await world.now(run)).reason == "interrupted: the daemon ended during the run"


async def test_a_daemon_that_stops_tries_once_more_to_keep_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await world.pipeline.trigger("shop")
    disk = FullDisk(world, monkeypatch)
    task = asyncio.create_task(world.pipeline.launch_next())
    await disk.waiting.wait()
    disk.room = True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = await world.now(run)
    assert (kept.status, kept.reason) == (Status.PENDING, None)

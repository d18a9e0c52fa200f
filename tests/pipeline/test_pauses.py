"""Pauses: nothing is loaded, whoever wants it, until they are over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dogdriver.errors import NOT_NOW, Conflict, Invalid, NotFound, TargetError
from dogdriver.model import Catalog, Status, Trigger
from dogdriver.model.evidence import EvidenceBudget, EvidenceState
from tests.world import World, shop


async def pause(world: World, project: str | None = "shop", *, seconds: float | None = None) -> None:
    until = None if seconds is None else world.clock() + timedelta(seconds=seconds)
    await world.pipeline.pause(project, until=until, reason="moving house", by="ann")


@pytest.mark.parametrize("project", ["shop", None])
async def test_what_is_queued_waits_and_nothing_else_is_queued(world: World, project: str | None) -> None:
    run = await world.pipeline.trigger("shop")
    await pause(world, project)
    assert not await world.pipeline.launch_next()
    for trigger in (Trigger.REQUEST, Trigger.RELEASE):
        with pytest.raises(Conflict, match=r"is paused \(moving house, by ann\); resume it") as refused:
            await world.pipeline.trigger("shop", trigger=trigger)
        assert refused.value.code == "paused"
    await world.pipeline.resume(project)
    assert await world.pipeline.launch_next()
    assert (await world.now(run)).status is Status.PENDING


async def test_a_pause_outlives_a_restart_and_not_its_end(world: World) -> None:
    await pause(world, seconds=3600)
    await world.close()
    await world.open()
    with pytest.raises(Conflict, match="shop is paused until 2026-05-04 13:00 UTC"):
        await world.pipeline.trigger("shop")
    world.clock.forward(3600)
    assert not await world.pipeline.pauses()
    await world.launched()


async def test_other_projects_go_on(world: World) -> None:
    world.catalog.current = Catalog({"shop": shop(), "till": replace(shop(), name="till")})
    waiting = await world.pipeline.trigger("shop")
    await world.pipeline.trigger("till")
    await pause(world)
    assert await world.pipeline.launch_next()
    assert not await world.pipeline.launch_next()
    assert (await world.now(waiting)).status is Status.QUEUED


async def test_what_cannot_be_paused_or_resumed_is_said(world: World) -> None:
    with pytest.raises(NotFound, match="there is no project till"):
        await pause(world, "till")
    with pytest.raises(NotFound, match="there is no project till"):
        await world.pipeline.resume("till")
    with pytest.raises(Invalid, match="has passed already"):
        await pause(world, seconds=0)
    with pytest.raises(Conflict, match="shop is not paused; GET"):
        await world.pipeline.resume("shop")
    await pause(world, None)
    with pytest.raises(Conflict, match="shop is not paused by itself: everything is"):
        await world.pipeline.resume("shop")
    assert [one.project for one in await world.pipeline.pauses()] == [None]


async def test_evidence_waits_for_the_end_of_a_pause(world: World) -> None:
    await world.launched()
    world.catalog.current = Catalog({"shop": shop(evidence=EvidenceBudget())})
    world.target.versions = [("1.1.0", None)]
    for _ in range(3):
        world.clock.forward(60)
        await world.pipeline.watch_releases()
    world.clock.forward(3600)
    await pause(world, seconds=600)
    assert not await world.pipeline.gather_next()
    planned = await world.pipeline.plans.of(world.catalog.current.projects["shop"])
    assert (planned.state, planned.next) == (EvidenceState.PAUSED, None)
    world.clock.forward(600)
    assert await world.pipeline.gather_next()


async def test_a_service_that_asks_not_to_be_loaded_is_not(world: World) -> None:
    world.target.unhealthy = TargetError("stage asks by its __heartbeat__ not to be loaded now", code=NOT_NOW)
    run = await world.launched()
    assert (run.status, world.runner.jobs, world.events("start")) == (Status.ABORTED, [], [])
    assert run.reason == "stage asks by its __heartbeat__ not to be loaded now"

"""A daemon that ServiceBook has never answered: what only the book knows waits, and nothing else does."""

from dataclasses import replace

import pytest
from msgspec import structs

from dogdriver.errors import Conflict, NotFound, Unavailable
from dogdriver.model import Catalog, Deployment, MetricState, Run, Status, Trigger
from tests.world import SETTLE, World, shop

LATE = "ServiceBook at http://book/api has not answered yet."


def _before(world: World, **projects: object) -> Catalog:
    """What the file alone says; gives what is known once the book has answered."""
    after = world.catalog.current
    world.catalog.current = Catalog(projects, stale=LATE, complete=False)  # type: ignore[arg-type] # projects
    return after


async def test_a_queued_run_of_a_project_of_the_book_waits_and_holds_up_no_other(world: World) -> None:
    waiting = await world.pipeline.trigger("shop")
    world.clock.forward(1)
    after = _before(world, other=replace(shop(), name="other"))
    going = await world.pipeline.trigger("other")
    assert await world.pipeline.launch_next()
    assert not await world.pipeline.launch_next()
    assert (await world.now(going)).status is Status.PENDING
    assert (await world.now(waiting)).status is Status.QUEUED
    world.catalog.current = after
    assert await world.pipeline.launch_next()
    assert (await world.now(waiting)).status is Status.PENDING


@pytest.mark.parametrize("lacks", [{"test": None, "allowed": False}, {"deployments": ()}], ids=["test", "deployment"])
async def test_so_does_one_whose_parts_are_in_the_book(world: World, lacks: dict[str, object]) -> None:
    waiting = await world.pipeline.trigger("shop")
    after = _before(world, shop=replace(shop(), partial=True, **lacks))  # type: ignore[arg-type] # fields of Project
    assert not await world.pipeline.launch_next()
    with pytest.raises(Conflict, match="shop cannot run yet: ServiceBook at http://book/api has not answered yet"):
        await world.pipeline.trigger("shop", deployment="stage")
    world.catalog.current = after
    assert await world.pipeline.launch_next()
    assert (await world.now(waiting)).status is Status.PENDING


async def test_an_unknown_project_may_be_in_the_book(world: World) -> None:
    _before(world)
    with pytest.raises(NotFound, match=r"there is no project shop.*has not answered yet"):
        await world.pipeline.trigger("shop")


async def test_the_only_deployment_so_far_is_not_taken_for_the_only_one(world: World) -> None:
    """The book may have a stage beside the prod of the file: nobody's prod is loaded by mistake."""
    prod = (Deployment("prod", "http://127.0.0.1:1"),)
    _before(world, shop=replace(shop(), deployments=prod, partial=True))
    with pytest.raises(Conflict, match="cannot run yet"):
        await world.pipeline.trigger("shop")
    assert (await world.pipeline.trigger("shop", deployment="prod")).deployment == "prod"


async def test_pending_runs_keep_their_metrics_waiting(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    after = _before(world)
    same = await world.collect_until(pending, SETTLE)
    assert {name: value.state for name, value in same.metrics.items() if name == "cpu"} == {"cpu": MetricState.WAITING}
    world.catalog.current = after
    done = await world.collect_until(pending, 2 * SETTLE)
    assert (done.status, done.metrics["cpu"].value) == (Status.DONE, 40.0)


async def test_a_book_that_stays_away_holds_no_run_for_ever(world: World) -> None:
    pending = await world.launched()
    _before(world)
    done = await world.collect_until(pending, 200 * SETTLE)
    assert done.status is Status.DONE
    assert done.metrics["cpu"].state is MetricState.NO_DATA


async def test_a_run_made_elsewhere_is_taken_later(world: World) -> None:
    run = await _elsewhere(world)
    after = _before(world)
    with pytest.raises(Unavailable, match="try again later"):
        await world.pipeline.accept(run)
    world.catalog.current = after
    kept, new = await world.pipeline.accept(run)
    assert (new, kept.metrics["cpu"].state) == (True, MetricState.WAITING)


async def test_a_late_reading_and_an_exclusion_are_tried_again_later(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert done.status is Status.DONE
    _before(world)
    with pytest.raises(Unavailable):
        await world.pipeline.recollect({"run": done.id})
    with pytest.raises(Unavailable):
        await world.pipeline.exclude(done.id, "the network was down")
    assert (await world.now(done)).excluded is None


async def _elsewhere(world: World) -> Run:
    made = await world.launched()
    return structs.replace(made, id="e" * 32, source="there", trigger=Trigger.ELSEWHERE, metrics={}, due=None)

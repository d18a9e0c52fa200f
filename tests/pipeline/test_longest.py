"""A load that takes too long is cut, and is invalid."""

import asyncio

from dogdriver.model import Catalog, Status
from tests.world import World, shop


async def test_a_load_is_cut_after_the_longest_time_that_it_may_take(world: World) -> None:
    world.catalog.current = Catalog({"shop": shop(longest=0.05)})
    world.runner.hold = asyncio.Event()
    run = await world.launched()
    assert run.status is Status.INVALID
    assert (run.reason or "").startswith("the load was cut after 0.05 s, the longest that one may take; give its entry")
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


async def test_a_load_that_somebody_cancels_is_aborted_as_before(world: World) -> None:
    world.runner.hold = asyncio.Event()
    run = await world.pipeline.trigger("shop")
    launch = asyncio.ensure_future(world.pipeline.launch_next())
    await world.runner.begun.wait()
    await world.pipeline.cancel(run.id)
    assert await launch
    assert ((await world.now(run)).status, (await world.now(run)).reason) == (Status.ABORTED, "cancelled")

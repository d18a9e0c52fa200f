"""The release watch: rolling deploys, returns, and releases that change while a run measures them."""

from dogdriver.errors import TargetError
from dogdriver.model import Catalog, Status, Trigger
from tests.world import World, shop

OLD, NEW = ("1.0.0", "a" * 40), ("1.1.0", None)


async def look(world: World, *answers: tuple[str | None, str | None]) -> None:
    """One look a minute, each with its answer."""
    for answer in answers:
        world.target.versions = [answer]
        world.clock.forward(60)
        await world.pipeline.watch_releases()


async def stays(world: World) -> list[tuple[str, int]]:
    return [(stay.release.label, stay.number) for stay in await world.store.releases.seen("shop", "stage")]


async def test_a_new_release_starts_a_run_only_where_that_is_wanted(world: World) -> None:
    await look(world, OLD, *[NEW] * 3)
    assert not await world.store.runs.queue()
    world.catalog.current = Catalog({"shop": shop(on_release=True)})
    await look(world, NEW)
    assert not await world.store.runs.queue(), "1.1.0 is not new any more"
    await look(world, *[("1.2.0", None)] * 3)
    [queued] = await world.store.runs.queue()
    assert queued.trigger is Trigger.RELEASE


async def test_a_deploy_that_rolls_is_waited_for_and_counts_from_its_first_steady_answer(world: World) -> None:
    world.catalog.current = Catalog({"shop": shop(on_release=True)})
    await look(world, OLD, NEW, OLD, NEW, NEW, OLD)
    assert await stays(world) == [("1.0.0", 1)]
    rolling = world.clock()
    await look(world, NEW, NEW)
    assert await stays(world) == [("1.0.0", 1)]
    await look(world, NEW)
    assert [stay.first for stay in await world.store.releases.seen("shop", "stage")][1] > rolling
    [queued] = await world.store.runs.queue()
    assert queued.trigger is Trigger.RELEASE


async def test_a_return_that_the_watch_alone_has_seen_is_a_second_stay(world: World) -> None:
    first = await world.launched()
    await look(world, OLD, *[NEW] * 3, *[OLD] * 3)
    assert await stays(world) == [("1.0.0", 1), ("1.1.0", 1), ("1.0.0", 2)]
    second = await world.launched()
    assert ((await world.now(first)).stay, (await world.now(second)).stay) == (None, 2)
    await look(world, *[NEW] * 3, *[OLD] * 3)
    assert await stays(world) == [("1.0.0", 1), ("1.1.0", 1), ("1.0.0", 2), ("1.1.0", 2), ("1.0.0", 3)]


async def test_a_return_that_a_run_saw_first_is_no_further_one(world: World) -> None:
    await world.launched()
    await look(world, OLD, *[NEW] * 3)
    for _ in range(3):
        await world.launched()
    world.target.versions = [OLD]
    await world.launched()
    await look(world, *[OLD] * 4)
    assert await stays(world) == [("1.0.0", 1), ("1.1.0", 1), ("1.0.0", 2)]


async def test_a_return_is_seen_though_no_run_had_met_the_release_before(world: World) -> None:
    await look(world, OLD, *[NEW] * 3)
    world.target.versions = [OLD]
    await world.launched()
    await look(world, *[OLD] * 4)
    assert await stays(world) == [("1.0.0", 1), ("1.1.0", 1), ("1.0.0", 2)]


async def test_a_few_answers_of_another_release_are_no_return(world: World) -> None:
    await look(world, OLD, NEW, NEW, OLD, NEW, OLD, OLD)
    assert await stays(world) == [("1.0.0", 1)]


async def test_a_deployment_that_does_not_answer_is_no_new_release(world: World) -> None:
    world.target.silent = TargetError("no answer")
    await world.pipeline.watch_releases()
    assert not await world.store.releases.seen("shop", "stage")


async def test_what_stands_is_known_after_a_restart(world: World) -> None:
    await look(world, OLD, *[NEW] * 3)
    await world.close()
    await world.open()
    await look(world, *[OLD] * 3)
    assert await stays(world) == [("1.0.0", 1), ("1.1.0", 1), ("1.0.0", 2)]


async def test_a_release_that_changes_during_a_run_makes_it_invalid_and_queues_another_one_once(world: World) -> None:
    run = await world.pipeline.trigger("shop")
    world.target.versions = [OLD, NEW]
    assert await world.pipeline.launch_next()
    assert (await world.now(run)).status is Status.INVALID
    [again] = await world.store.runs.queue()
    assert (again.trigger, again.status) == (Trigger.RELEASE, Status.QUEUED)
    world.target.versions = [OLD, NEW]
    assert await world.pipeline.launch_next()
    assert (await world.now(again)).status is Status.INVALID
    assert not await world.store.runs.queue(), "a deploy that still rolls keeps no runner busy"

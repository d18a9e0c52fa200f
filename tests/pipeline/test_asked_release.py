"""Runs of a release that somebody names."""

import pytest

from dogdriver.errors import Conflict
from dogdriver.model import Run, Status
from tests.world import World


async def launched(world: World, release: str) -> Run:
    run = await world.pipeline.trigger("shop", release=release)
    assert await world.pipeline.launch_next()
    return await world.now(run)


async def test_a_service_that_does_not_say_what_it_runs_runs_what_is_asked_for(world: World) -> None:
    world.target.versions = [(None, None)]
    run = await launched(world, "7.1")
    assert (run.status, run.release, run.version) == (Status.PENDING, "7.1", "7.1")
    assert [stay.release.label for stay in await world.store.releases.seen("shop", "stage")] == ["7.1"]


@pytest.mark.parametrize("word", ["1.0.0", "a" * 40, "a" * 7])
async def test_a_service_that_says_the_same_is_loaded(world: World, word: str) -> None:
    run = await launched(world, word)
    assert (run.status, run.release) == (Status.PENDING, "1.0.0")


async def test_a_service_that_says_another_release_is_not_loaded(world: World) -> None:
    run = await launched(world, "7.1")
    assert (run.status, run.release) == (Status.FAILED, "1.0.0")
    assert run.reason == (
        "stage runs 1.0.0, not 7.1, which this run was asked for; deploy that, or ask for a run without a release"
    )
    assert not world.runner.jobs
    assert not world.events("start")


async def test_two_releases_cannot_be_queued_as_one_run(world: World) -> None:
    run = await world.pipeline.trigger("shop", release="7.1")
    assert (await world.pipeline.trigger("shop", release="7.1")).id == run.id
    assert (await world.pipeline.trigger("shop")).id == run.id
    with pytest.raises(Conflict, match=r"of release 7\.1 is queued already"):
        await world.pipeline.trigger("shop", release="7.2")


async def test_a_release_that_changes_under_an_asked_run_makes_it_invalid(world: World) -> None:
    run = await world.pipeline.trigger("shop", release="1.0.0")
    world.target.versions = [("1.0.0", "a" * 40), ("1.1.0", None)]
    assert await world.pipeline.launch_next()
    assert (await world.now(run)).reason == "the release changed during the run, from 1.0.0 to 1.1.0"

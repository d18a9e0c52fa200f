"""A verdict and what is shown with it are made of one edition of what is kept, and kept if it is the newest."""

from typing import Any

import pytest

from dogdriver.model import Release, Status
from dogdriver.pipeline.looks import MOST_TRIES
from tests.world import World


async def _pending(world: World) -> Any:
    run = await world.launched()
    world.feed(run)
    return run


async def test_the_cards_are_kept_with_the_verdict(world: World) -> None:
    run = await world.collect_until(await _pending(world), 3600)
    assert run.status is Status.DONE
    cards = await world.store.cards.of(run.scope)
    (look,) = [one for one in await world.store.verdicts.newest(run.scope) if one.key.metric == "client.p50"]
    assert look.look == 1
    last = cards["client.p50"].last
    assert last is not None
    assert (last.run, last.value) == (run.id, run.metrics["client.p50"].value)
    assert await world.store.cards.stale() is None
    assert not await world.pipeline.show_next()


@pytest.mark.parametrize(("changes", "computed"), [(0, 1), (2, 3), (100, MOST_TRIES + 1)])
async def test_what_changed_meanwhile_is_computed_again(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: int, computed: int
) -> None:
    """Not for ever: a project that never rests is judged by what it was a moment ago."""
    run = await _pending(world)
    looks, made, left = world.pipeline._looks, [], [changes]
    make = looks.cards

    async def meanwhile(*given: Any) -> Any:
        found = await make(*given)
        made.append(found)
        if left[0]:
            left[0] -= 1
            assert await world.store.releases.see("shop", "stage", _release(left[0]), world.clock())
        return found

    monkeypatch.setattr(looks, "cards", meanwhile)
    due = await world.store.runs.next_due()
    assert due is not None
    world.clock.now = due
    assert await world.pipeline.collect_next()
    assert len(made) == computed
    kept = await world.store.verdicts.looks(run.scope.key("client.p50"), "1.0.0")
    assert [one.look for one in kept] == [1]


def _release(number: int) -> Release:
    return Release(f"9.{number}", f"9.{number}", None)


async def test_a_run_that_was_cancelled_meanwhile_is_not_judged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await _pending(world)
    looks = world.pipeline._looks
    make = looks.cards

    async def meanwhile(*given: Any) -> Any:
        found = await make(*given)
        if (await world.now(run)).status is Status.PENDING:
            await world.pipeline.cancel(run.id)
        return found

    monkeypatch.setattr(looks, "cards", meanwhile)
    due = await world.store.runs.next_due()
    assert due is not None
    world.clock.now = due
    assert await world.pipeline.collect_next()
    assert (await world.now(run)).status is Status.ABORTED
    assert await world.store.verdicts.newest(run.scope) == []

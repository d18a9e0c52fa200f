"""What comes after the first settled values: the second reading a day later, revoked keys, the verdict's event."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from dogdriver.datadog_api import replies
from dogdriver.model import Catalog, MetricState, Outcome, Project, Run, Scope, Standing, Status, Trigger
from dogdriver.model.state import IMPORTED
from dogdriver.pipeline import attempt
from dogdriver.storage.database import NAME
from tests.world import SETTLE, World, shop

DAY = 144 * SETTLE


async def done(world: World, *, latency: float = 0.2) -> Run:
    pending = await world.launched()
    world.feed(pending, latency=latency)
    return await world.collect_until(pending, 2 * SETTLE)


async def test_a_value_that_changed_within_a_day_is_replaced_and_kept_and_judged_again(world: World) -> None:
    run = await done(world)
    world.feed(run, latency=0.25)
    await world.deliver()
    assert (await world.now(run)).metrics["art"].value == pytest.approx(200.0)
    world.clock.forward(DAY)
    await world.deliver()
    kept = await world.now(run)
    assert kept.status is Status.DONE
    art = kept.metrics["art"]
    assert art.value == pytest.approx(250.0)
    assert art.earlier == pytest.approx(200.0)
    assert "had changed" in (art.note or "")
    assert kept.metrics["cpu"].earlier is None
    [look] = [
        j
        for j in await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
        if j.key.metric == "art"
    ]
    assert look.look == 2
    assert look.inputs["values"] == [pytest.approx(250.0)]


async def test_data_that_came_after_the_deadline_is_found_a_day_later(world: World) -> None:
    pending = await world.launched()
    run = await world.collect_until(pending, 7 * SETTLE)
    assert run.metrics["art"].state is MetricState.NO_DATA
    world.feed(run)
    world.clock.forward(DAY)
    await world.deliver()
    art = (await world.now(run)).metrics["art"]
    assert (art.state, art.earlier) == (MetricState.PARTIAL, None)  # read once only
    assert art.value == pytest.approx(200.0)


async def test_what_was_read_once_at_the_deadline_has_settled_a_day_later(world: World) -> None:
    """Datadog was down for the whole day after the run."""
    pending = await world.launched()
    world.feed(pending)
    await world.standin.stop()
    waiting = await world.collect_until(pending, DAY)
    assert waiting.metrics["art"].state is MetricState.WAITING
    await world.standin.start()
    partial = await world.collect_until(pending, 6 * SETTLE)
    art = partial.metrics["art"]
    assert (partial.status, art.state, art.note) == (Status.DONE, MetricState.PARTIAL, "read only once")
    await world.deliver()
    assert (await world.now(pending)).metrics["art"].state is MetricState.PARTIAL, "asked again at once"
    world.clock.forward(DAY)
    await world.deliver()
    art = (await world.now(pending)).metrics["art"]
    assert art.value == pytest.approx(200.0)
    assert (art.state, art.earlier, art.note) == (MetricState.SETTLED, None, None)
    looks = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    assert {one.look for one in looks} == {1}


async def test_an_outage_at_the_second_reading_is_waited_out(world: World) -> None:
    run = await done(world)
    await world.deliver()
    world.feed(run, latency=0.25)
    world.clock.forward(DAY)
    await world.standin.stop()
    await world.deliver()
    assert (await world.now(run)).metrics["art"].value == pytest.approx(200.0)
    await world.standin.start()
    world.clock.forward(3600)
    await world.deliver()
    assert (await world.now(run)).metrics["art"].value == pytest.approx(250.0)


async def test_keys_that_are_revoked_for_a_while_lose_nothing(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    world.standin.api_key = "another"
    waiting = await world.collect_until(pending, 3 * SETTLE)
    assert waiting.metrics["art"].state is MetricState.WAITING
    assert waiting.metrics["art"].note
    world.standin.api_key = "api-key"
    after = await world.collect_until(pending, 3 * SETTLE)
    assert after.status is Status.DONE
    assert after.metrics["art"].value == pytest.approx(200.0)


async def test_keys_that_stay_revoked_are_refused_at_the_deadline(world: World) -> None:
    pending = await world.launched()
    world.standin.api_key = "another"
    ended = await world.collect_until(pending, DAY)
    assert ended.status is Status.DONE
    assert ended.metrics["art"].state is MetricState.REFUSED
    assert ended.metrics["art"].value is None


async def test_what_is_wrong_with_the_address_or_a_proxy_is_waited_out(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    world.standin.parse_error_status = 404
    kept, world.catalog.current = world.catalog.current, Catalog({"shop": broken()})
    waiting = await world.collect_until(pending, SETTLE)
    assert {waiting.metrics[m].state for m in ("cpu", "rps", "art")} == {MetricState.WAITING}
    assert "404" in (waiting.metrics["art"].note or "")
    world.catalog.current = kept
    after = await world.collect_until(pending, 2 * SETTLE)
    assert after.metrics["art"].value == pytest.approx(200.0)


async def test_a_query_that_cannot_be_read_is_refused_at_once_in_datadogs_words(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    world.catalog.current = Catalog({"shop": broken()})
    ended = await world.collect_until(pending, SETTLE)
    assert ended.status is Status.DONE
    for name in ("cpu", "rps", "art"):
        assert (ended.metrics[name].state, ended.metrics[name].value) == (MetricState.REFUSED, None)
        assert "unable to parse" in (ended.metrics[name].note or "")
    asked = len(world.standin.asked("/api/v1/query"))
    await world.deliver()
    await world.collect_until(pending, DAY)
    assert len(world.standin.asked("/api/v1/query")) == asked


async def test_the_loop_that_answers_the_dashboard_does_no_sums(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    where: dict[str, set[int]] = {}

    def noted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            where.setdefault(name, set()).add(threading.get_ident())
            return work(*args, **kwargs)

        return wrapped

    for place, name in ((replies, "readings"), (attempt, "assess"), (attempt, "usual_gap")):
        monkeypatch.setattr(place, name, noted(name, getattr(place, name)))
    assert (await done(world)).metrics["art"].value == pytest.approx(200.0)
    assert set(where) == {"readings", "assess", "usual_gap"}
    assert not any(threading.get_ident() in threads for threads in where.values())


def broken() -> Project:
    """Its queries are no queries, though they speak of what may pass."""
    return replace(shop(), metrics=tuple(replace(m, query="avg:svc.unavailable.timeout{") for m in shop().metrics))


async def test_a_verdict_is_told_to_datadog_once(world: World) -> None:
    for version, latency in (("1.0.0", 0.2), ("1.1.0", 0.4)):
        world.target.versions = [(version, None)]
        for n in range(6):
            await done(world, latency=latency * (1 + 0.001 * n))
    [event] = await told(world)
    assert "version:1.1.0" in event["tags"]
    assert "slower" in event["title"].lower()


async def told(world: World) -> list[Any]:
    """The verdict events that Datadog has got."""
    await world.deliver()
    return [
        r.json
        for r in world.standin.requests
        if r.path == "/api/v1/events"
        and r.method == "POST"
        and not any(tag.startswith("step:") for tag in r.json["tags"])
    ]


async def test_what_was_told_before_a_run_that_is_pending_is_not_told_again_after_an_import(world: World) -> None:
    for version, latency, runs in (("1.0.0", 0.2, 6), ("1.1.0", 0.4, 4)):
        world.target.versions = [(version, None)]
        for n in range(runs):
            await done(world, latency=latency * (1 + 0.001 * n))
    assert len(await told(world)) == 1
    pending = await world.launched()
    world.feed(pending, latency=0.4)
    await world.close()
    with closing(sqlite3.connect(world.data / NAME)) as database, database:
        database.execute("DELETE FROM errand")  # an export has no messages
    await world.open()
    await world.store.state.set(IMPORTED, value=True)
    await world.pipeline.recover()
    await world.collect_until(pending, 2 * SETTLE)
    assert len(await told(world)) == 1


async def test_what_another_source_has_announced_does_not_count_as_told(world: World) -> None:
    """Its history was imported; what it said of a release is not what this source says of it."""
    for n in range(6):
        run = await done(world, latency=0.2 * (1 + 0.001 * n))
    elsewhere = structs.replace(run, id="e" * 32, source="elsewhere", trigger=Trigger.ELSEWHERE)
    await world.pipeline.accept(elsewhere)
    [look, *_] = await world.store.verdicts.newest(run.scope)
    announced = replace(
        look,
        key=elsewhere.scope.key("art"),
        release="1.1.0",
        verdict=replace(look.verdict, outcome=Outcome.REGRESSED, effect=1.0),
        standing=Standing.ANNOUNCED,
        standing_outcome=Outcome.REGRESSED,
    )
    await world.store.verdicts.save([announced])
    await world.store.state.set(IMPORTED, value=True)
    await world.pipeline.recover()
    world.target.versions = [("1.1.0", None)]
    for n in range(6):
        await done(world, latency=0.4 * (1 + 0.001 * n))
    assert len(await told(world)) == 1


async def test_an_exclusion_stands_whatever_is_read_again(world: World) -> None:
    run = await done(world)
    await world.deliver()
    world.feed(run, latency=0.25)
    world.clock.forward(DAY)
    stale = await world.now(run)
    await world.pipeline.exclude(run.id, "the database was being vacuumed")
    await world.store.transitions.save(stale, expect=Status.DONE)  # somebody who read the run before
    await world.deliver()
    kept = await world.now(run)
    assert kept.excluded == "the database was being vacuumed"
    assert kept.metrics["art"].value == pytest.approx(250.0)


async def test_a_question_that_was_changed_since_is_not_asked_for_an_old_run(world: World) -> None:
    run = await done(world)
    await world.deliver()
    other = replace(shop().metrics[2], query="avg:system.cpu.idle{app:{project}}", unit="%")
    world.catalog.current = Catalog({"shop": replace(shop(), metrics=(*shop().metrics[:2], other))})
    world.clock.forward(DAY)
    await world.deliver()
    art = (await world.now(run)).metrics["art"]
    assert (art.unit, art.earlier) == ("ms", None)
    assert art.value == pytest.approx(200.0)


async def test_an_event_waits_for_keys_that_are_refused_for_a_while(world: World) -> None:
    world.standin.api_key = "another"
    await world.launched()
    await world.deliver()
    assert not world.events("start")
    world.standin.api_key = "api-key"
    world.clock.forward(3600)
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


async def test_what_waits_to_be_sent_is_counted_whole(world: World) -> None:
    for _ in range(3):
        await done(world)
    await world.standin.stop()
    await world.deliver()
    found = await world.store.outbox.outstanding()
    assert (found.waiting, found.failing) == (12, 9)  # start, stop and gauges of each; the readings of tomorrow
    assert found.error

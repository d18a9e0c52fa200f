"""Who is told what of a release, and when: once, by a real pipeline, over restarts, exclusions and upgrades."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from dogdriver.errors import Unavailable
from dogdriver.given_secrets import GivenSecrets
from dogdriver.model import Catalog, Failures, MessageKind, MessageState, Run
from dogdriver.model.notify import Occasion, Route
from dogdriver.model.quiet import QuietHours
from dogdriver.model.state import NOTICED
from dogdriver.notify import routes
from dogdriver.notify.delivery import World as Around
from dogdriver.notify.notifier import Notifier
from dogdriver.pipeline.outbox import Outbox
from tests.notify.receivers import receiver
from tests.world import SETTLE, World, shop

ROUTE = Route("webhook", "webhook", url="http://127.0.0.1:1/")


async def done(world: World, latency: float) -> Run:
    run = await world.launched()
    world.feed(run, latency=latency)
    run = await world.collect_until(run, 2 * SETTLE)
    await drain(world)
    return run


async def drain(world: World) -> None:
    senders = {MessageKind.NOTICE: world.pipeline.pass_on}
    own = Outbox(world.store.outbox, senders, world.clock, only=MessageKind.NOTICE)
    while await own.deliver_next():
        pass


async def release(world: World, version: str, latency: float, runs: int = 6) -> Run:
    world.target.versions = [(version, version[0] * 40)]
    for n in range(runs):
        run = await done(world, latency * (1 + 0.001 * (n % 3)))
    return run


async def told(world: World) -> list[tuple[str, str, str | None]]:
    """(type, release, headline) of what waits for a receiver, oldest first."""
    kept = [one for one in await world.store.outbox.list(limit=10_000) if one.kind == MessageKind.NOTIFY]
    documents = [one.payload["document"] for one in reversed(kept)]
    return [(one["type"], one["release"], one["headline"]) for one in documents]


@pytest.fixture(name="told_world")
async def _told_world(world: World) -> World:
    world.catalog.current = Catalog({"shop": shop(notify=(ROUTE,))})
    return world


async def test_a_slower_release_is_told_once_and_its_recovery_too(told_world: World) -> None:
    world = told_world
    await release(world, "1.0.0", 0.2)
    await release(world, "1.1.0", 0.4)
    assert [one for one in await told(world) if one[1] == "1.1.0"] == [("verdict.announced", "1.1.0", "slower")]
    await world.close()
    await world.open()
    await world.pipeline.recover()
    await release(world, "1.2.0", 0.2)
    kinds = [one for one in await told(world) if one[1] == "1.2.0"]
    assert [kind for kind, *_ in kinds] == ["verdict.recovered"]
    assert not [one for one in await told(world) if (one[2] or "").startswith("probably")]


async def test_what_a_person_takes_away_is_withdrawn(told_world: World) -> None:
    world = told_world
    await release(world, "1.0.0", 0.2)
    world.target.versions = [("1.1.0", None)]
    runs = [await done(world, 0.4 * (1 + 0.001 * n)) for n in range(6)]
    for run in runs[:5]:
        await world.pipeline.exclude(run.id, "a broken balancer")
    await drain(world)
    mine = [one for one in await told(world) if one[1] == "1.1.0"]
    assert [kind for kind, *_ in mine] == ["verdict.announced", "verdict.withdrawn"]
    assert mine[1][2] is None


async def test_nothing_that_stood_before_an_upgrade_is_told(world: World) -> None:
    await release(world, "1.0.0", 0.2)
    await release(world, "1.1.0", 0.4)
    await world.store.outbox.database.write(lambda db: db.execute("DELETE FROM errand WHERE kind = 'notice'"))
    await world.store.state.set(NOTICED, value=False)
    world.catalog.current = Catalog({"shop": shop(notify=(ROUTE,))})
    await world.pipeline.recover()
    await done(world, 0.4)
    assert await told(world) == []


async def test_only_who_wants_it_is_told_and_not_in_quiet_hours(world: World) -> None:
    night = QuietHours.read("11:00-06:00")
    world.catalog.current = Catalog(
        {
            "shop": shop(
                notify=(
                    ROUTE,
                    replace(ROUTE, name="webhook-2", on=frozenset({Occasion.WITHDRAWN})),
                    replace(ROUTE, name="webhook-3", quiet=(night,)),
                )
            )
        }
    )
    await release(world, "1.0.0", 0.2)
    await release(world, "1.1.0", 0.4)
    kept = [one for one in await world.store.outbox.list(limit=10_000) if one.kind == MessageKind.NOTIFY]
    by_route = {one.payload["route"]: one for one in kept if one.payload["document"]["release"] == "1.1.0"}
    assert set(by_route) == {"webhook", "webhook-3"}
    assert by_route["webhook-3"].due >= by_route["webhook"].due
    assert night.until(by_route["webhook-3"].due) is None


def _notifier(world: World, session: aiohttp.ClientSession, environ: Mapping[str, str] | None = None) -> Notifier:
    given = GivenSecrets(environ or {}, str)
    return Notifier(Around(session, world.clock), lambda: world.catalog.current, given, Failures(world.clock))


def payload(world: World, **others: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": "1", "type": "verdict.announced", "id": "n1", "at": world.clock().isoformat(), "project": "shop",
        "deployment": "stage", "release": "1", "headline": "slower", "sentence": "s", "verdicts": [], "link": None,
    }  # fmt: skip
    return {"document": document, "changes": [], "project": "shop", "route": "webhook", **others}


async def test_a_receiver_that_comes_back_gets_it_once_with_the_same_id(told_world: World) -> None:
    world = told_world
    async with receiver() as there, aiohttp.ClientSession() as session:
        there.answers = [503, 404, 302]
        world.catalog.current = Catalog({"shop": shop(notify=(replace(ROUTE, url=there.url),))})
        outbox = Outbox(
            world.store.outbox, {MessageKind.NOTIFY: _notifier(world, session).send}, world.clock,
            only=MessageKind.NOTIFY,
        )  # fmt: skip
        await release(world, "1.0.0", 0.2)
        await release(world, "1.1.0", 0.4)
        wanted = len(await told(world))
        for _ in range(10):
            while await outbox.deliver_next():
                pass
            world.clock.now = await outbox.next_due() or world.clock.now
        kept = [one for one in await world.store.outbox.list(limit=10_000) if one.kind == MessageKind.NOTIFY]
        assert {one.state for one in kept} == {MessageState.SENT}
        assert len(there.got) == wanted + 3
        assert len({got.headers["webhook-id"] for got in there.got}) == wanted


async def test_a_receiver_that_never_comes_is_given_up_after_three_days(told_world: World) -> None:
    world = told_world
    async with receiver() as there, aiohttp.ClientSession() as session:
        there.answers = [500] * 1000
        world.catalog.current = Catalog({"shop": shop(notify=(replace(ROUTE, url=there.url),))})
        await world.store.outbox.add(await _notify(world))
        outbox = Outbox(
            world.store.outbox, {MessageKind.NOTIFY: _notifier(world, session).send}, world.clock,
            only=MessageKind.NOTIFY,
        )  # fmt: skip
        start = world.clock()
        while due := await outbox.next_due():
            world.clock.now = max(due, world.clock())
            await outbox.deliver_next()
        [kept] = await world.store.outbox.list(state=MessageState.REFUSED)
        assert "given up after 3 days" in (kept.error or "")
        assert timedelta(days=3) < world.clock() - start < timedelta(days=3, hours=2)
        assert len(there.got) < 100


async def _notify(world: World) -> Any:
    from dogdriver.model import OutboxMessage  # noqa: PLC0415 - one use

    now = world.clock()
    return OutboxMessage(MessageKind.NOTIFY, "n1:webhook", None, payload(world), due=now, created=now)


async def test_a_variable_that_is_not_set_is_waited_for_and_named_at_the_project(world: World) -> None:
    route = Route("slack", "slack", url_from="SLACK_WEBHOOK")
    world.catalog.current = Catalog({"shop": shop(notify=(route,))})
    async with aiohttp.ClientSession() as session:
        notifier = _notifier(world, session)
        with pytest.raises(Unavailable, match="`url_from` names SLACK_WEBHOOK, which is not set"):
            await notifier.send(payload(world, route="slack"))
        [failure] = notifier._failures.all()
        assert (failure.project, failure.subject) == ("shop", "telling slack about shop")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "pager"}, "`kind` must be one of email, github, slack, webhook"),
        ({"kind": "slack"}, "needs `url` or `url_from`"),
        ({"kind": "slack", "url": "https://a", "url_from": "B"}, "and not both"),
        ({"kind": "slack", "url": "ftp://a"}, "`url` must be an address"),
        ({"kind": "slack", "url": "https://a", "to": "b"}, "`to` means nothing to kind slack"),
        ({"kind": "email", "to": "nobody"}, "one address of mail"),
        ({"kind": "email", "to": "a@b.c", "on": ["always"]}, "`on` must be a list of"),
        ({"kind": "email", "to": "a@b.c", "on": []}, "`on` must be a list of"),
        ({"kind": "email", "to": "a@b.c", "quiet": ["22-6"]}, "is not of the form"),
        ({"kind": "email", "to": "a@b.c", "quiet": ["25:00-06:00"]}, "no clock shows"),
        ({"kind": "email", "to": "a@b.c", "quiet": ["22:00-06:00 Mars/Base"]}, "is no time zone"),
        ({"kind": "email", "to": "a@b.c", "quiet": ["06:00-06:00"]}, "never ends"),
        ({"kind": "email", "to": "a@b.c", "quiet": ["00:00-12:00", "12:00-00:00"]}, "leave no time"),
        ({"kind": "github"}, "needs `secret_from`"),
        ({"kind": "webhook", "url": "https://a", "retries": 3}, "`retries` is not known here"),
        ({"kind": "webhook", "url": 3}, "`url` must be a text"),
    ],
)
def test_a_route_that_cannot_be_is_said(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        routes.read([{"kind": "email", "to": "ok@example.org"}, table])
    assert str(error.value).startswith("no. 2: ")


def test_receivers_of_a_kind_are_numbered() -> None:
    table = {"kind": "email", "to": "ok@example.org"}
    assert [one.name for one in routes.read([table, table, {"kind": "slack", "url": "https://a"}])] == [
        "email", "email-2", "slack",
    ]  # fmt: skip

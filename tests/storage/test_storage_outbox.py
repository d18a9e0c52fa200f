"""What must reach somebody else, and the verdicts that are kept."""

import asyncio
from dataclasses import replace

from dogdriver.model import MessageState, OutboxMessage, Release, Scope, Status
from dogdriver.storage import Store
from tests.storage.made import WHERE, at, judged, key, message, run


async def _keep(store: Store, *messages: OutboxMessage) -> None:
    await store.transitions.add(run("a", status=Status.DONE))
    assert await store.transitions.save(run("a", status=Status.DONE), expect=Status.DONE, messages=messages)


async def test_the_message_that_has_been_due_longest_is_claimed_once(store: Store) -> None:
    await _keep(store, message("late", due=3), message("first", due=1), message("never", due=99))
    assert await store.outbox.next_due() == at(1)
    assert await store.outbox.claim(at(0), at(50)) is None
    claims = await asyncio.gather(*(store.outbox.claim(at(5), at(50)) for _ in range(10)))
    assert [one.key for one in claims if one] == ["first", "late"]
    assert claims[0] == replace(message("first"), due=at(50)), "its due is the lease's end"
    assert await store.outbox.next_due() == at(50)
    again = await store.outbox.claim(at(60), at(70))
    assert again
    assert again.key in {"first", "late"}, "a lease that has ended is no claim"


async def test_what_came_of_a_message_is_kept(store: Store) -> None:
    await _keep(store, message("x", due=1), message("y", due=2))
    claimed = await store.outbox.claim(at(1), at(9))
    assert claimed
    tried = replace(claimed, attempts=1, due=at(20), error="503")
    await store.outbox.close(tried)
    assert tried in await store.outbox.list(state=MessageState.WAITING)
    sent = replace(tried, attempts=2, state=MessageState.SENT, error=None, result={"id": 12, "ok": None})
    await store.outbox.close(sent)
    assert list(await store.outbox.list(state=MessageState.SENT)) == [sent]
    assert await store.outbox.next_due() == at(2)
    await store.outbox.close(replace(message("y"), state=MessageState.REFUSED, error="403"))
    assert await store.outbox.next_due() is None
    assert await store.outbox.claim(at(99), at(100)) is None
    await store.outbox.close(message("never kept"))
    assert len(await store.outbox.list()) == 2


async def test_an_address_in_a_result_becomes_a_link_of_the_run(store: Store) -> None:
    url = {"url": "https://app/event?id=1"}
    await _keep(
        store, message("a:start", run="a"), message("a:stop", run="a"), message("a", run="a", kind="bucket.run")
    )
    for one in await store.outbox.list():
        await store.outbox.close(replace(one, state=MessageState.SENT, result=url))
    await store.outbox.close(replace(message("gone:start", run="gone"), result=url))
    await store.outbox.close(replace(message("a:start", run="a"), result={"url": None}))
    kept = await store.runs.get("a")
    assert kept
    assert kept.links == dict.fromkeys(["datadog.event.start", "datadog.event.stop", "bucket.run"], url["url"])


async def test_messages_are_listed_newest_first(store: Store) -> None:
    await _keep(store, *(message(f"e{number}", created=number // 2) for number in range(5)))
    assert [one.key for one in await store.outbox.list()] == ["e4", "e3", "e2", "e1", "e0"]
    assert [one.key for one in await store.outbox.list(state=MessageState.WAITING, limit=2)] == ["e4", "e3"]
    assert list(await store.outbox.list(state=MessageState.REFUSED)) == []


async def test_a_kind_and_key_is_kept_once(store: Store) -> None:
    other = message("x", kind="notice")
    await _keep(store, message("x"), message("x", due=9), other)
    assert sorted(one.kind for one in await store.outbox.list()) == ["datadog.event", "notice"]


async def test_every_look_is_kept(store: Store) -> None:
    looks = [judged("cpu", "1", look, minute=look, inputs={"runs": ["a", None, 0.1]}) for look in (1, 2, 3)]
    await store.transitions.add(run("a", status=Status.DONE))
    for look in looks:
        assert await store.transitions.save(run("a", status=Status.DONE), expect=Status.DONE, judged=[look])
    await store.transitions.save(run("a", status=Status.DONE), expect=Status.DONE, judged=[judged("rps", "1", 1)])
    # Nothing changed at the second one: it is kept without the runs that it was made from.
    assert list(await store.verdicts.looks(key("cpu"), "1")) == [looks[0], replace(looks[1], inputs={}), looks[2]]
    assert list(await store.verdicts.looks(key("cpu"), "2")) == []


async def test_the_newest_look_of_each_metric_and_release(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE))
    await store.releases.see("kintowe", "stage", Release("b-first"), at(1))
    await store.releases.see("kintowe", "stage", Release("a-second"), at(2))
    judgements = [
        judged("rps", "a-second", 1, minute=9),
        judged("cpu", "b-first", 1, minute=5),
        judged("cpu", "b-first", 2, minute=20),
        judged("cpu", "a-second", 1, minute=8),
        judged("cpu", "never seen", 1, minute=10),
    ]
    assert await store.transitions.save(run("a", status=Status.DONE), expect=Status.DONE, judged=judgements)
    newest = await store.verdicts.newest(Scope(*WHERE))
    assert [(one.release, one.key.metric, one.look) for one in newest] == [
        ("b-first", "cpu", 2),
        ("a-second", "cpu", 1),
        ("a-second", "rps", 1),
        ("never seen", "cpu", 1),
    ]
    assert newest[0] == judgements[2]
    assert list(await store.verdicts.newest(Scope("kintowe", "stage", "dogdriver", "tokyo"))) == []

"""What must reach somebody else, and the verdicts that are kept."""

import asyncio
from dataclasses import replace

from dogdriver.model import Errand, Release, Status
from dogdriver.storage import SqliteStore
from tests.storage.made import WHERE, at, errand, judged, key, run


async def _keep(store: SqliteStore, *errands: Errand) -> None:
    await store.add(run("a", status=Status.DONE))
    assert await store.save(run("a", status=Status.DONE), expect=Status.DONE, errands=errands)


async def test_the_errand_that_has_been_due_longest_is_claimed_once(store: SqliteStore) -> None:
    await _keep(store, errand("late", due=3), errand("first", due=1), errand("never", due=99))
    assert await store.next_errand() == at(1)
    assert await store.claim_errand(at(0), at(50)) is None
    claims = await asyncio.gather(*(store.claim_errand(at(5), at(50)) for _ in range(10)))
    assert [one.key for one in claims if one] == ["first", "late"]
    assert claims[0] == replace(errand("first"), due=at(50)), "its due is the lease's end"
    assert await store.next_errand() == at(50)
    again = await store.claim_errand(at(60), at(70))
    assert again
    assert again.key in {"first", "late"}, "a lease that has ended is no claim"


async def test_what_came_of_an_errand_is_kept(store: SqliteStore) -> None:
    await _keep(store, errand("x", due=1), errand("y", due=2))
    claimed = await store.claim_errand(at(1), at(9))
    assert claimed
    tried = replace(claimed, attempts=1, due=at(20), error="503")
    await store.close_errand(tried)
    assert tried in await store.errands(state="waiting")
    sent = replace(tried, attempts=2, state="sent", error=None, result={"id": 12, "ok": None})
    await store.close_errand(sent)
    assert list(await store.errands(state="sent")) == [sent]
    assert await store.next_errand() == at(2)
    await store.close_errand(replace(errand("y"), state="refused", error="403"))
    assert await store.next_errand() is None
    assert await store.claim_errand(at(99), at(100)) is None
    await store.close_errand(errand("never kept"))
    assert len(await store.errands()) == 2


async def test_an_address_in_a_result_becomes_a_link_of_the_run(store: SqliteStore) -> None:
    url = {"url": "https://app/event?id=1"}
    await _keep(store, errand("a:start", run="a"), errand("a:stop", run="a"), errand("a", run="a", kind="bucket.run"))
    for one in await store.errands():
        await store.close_errand(replace(one, state="sent", result=url))
    await store.close_errand(replace(errand("gone:start", run="gone"), result=url))
    await store.close_errand(replace(errand("a:start", run="a"), result={"url": None}))
    kept = await store.run("a")
    assert kept
    assert kept.links == dict.fromkeys(["datadog.event.start", "datadog.event.stop", "bucket.run"], url["url"])


async def test_errands_are_listed_newest_first(store: SqliteStore) -> None:
    await _keep(store, *(errand(f"e{number}", created=number // 2) for number in range(5)))
    assert [one.key for one in await store.errands()] == ["e4", "e3", "e2", "e1", "e0"]
    assert [one.key for one in await store.errands(state="waiting", limit=2)] == ["e4", "e3"]
    assert list(await store.errands(state="refused")) == []


async def test_a_kind_and_key_is_kept_once(store: SqliteStore) -> None:
    other = errand("x", kind="notice")
    await _keep(store, errand("x"), errand("x", due=9), other)
    assert sorted(one.kind for one in await store.errands()) == ["datadog.event", "notice"]


async def test_every_look_is_kept(store: SqliteStore) -> None:
    looks = [judged("cpu", "1", look, minute=look, inputs={"runs": ["a", None, 0.1]}) for look in (1, 2, 3)]
    await store.add(run("a", status=Status.DONE))
    for look in looks:
        assert await store.save(run("a", status=Status.DONE), expect=Status.DONE, judged=[look])
    await store.save(run("a", status=Status.DONE), expect=Status.DONE, judged=[judged("rps", "1", 1)])
    # Nothing changed at the second one: it is kept without the runs that it was made from.
    assert list(await store.looks(key("cpu"), "1")) == [looks[0], replace(looks[1], inputs={}), looks[2]]
    assert list(await store.looks(key("cpu"), "2")) == []


async def test_the_newest_look_of_each_metric_and_release(store: SqliteStore) -> None:
    await store.add(run("a", status=Status.DONE))
    await store.see_release("kintowe", "stage", Release("b-first"), at(1))
    await store.see_release("kintowe", "stage", Release("a-second"), at(2))
    judgements = [
        judged("rps", "a-second", 1, minute=9),
        judged("cpu", "b-first", 1, minute=5),
        judged("cpu", "b-first", 2, minute=20),
        judged("cpu", "a-second", 1, minute=8),
        judged("cpu", "never seen", 1, minute=10),
    ]
    assert await store.save(run("a", status=Status.DONE), expect=Status.DONE, judged=judgements)
    newest = await store.verdicts(*WHERE)
    assert [(one.release, one.key.metric, one.look) for one in newest] == [
        ("b-first", "cpu", 2),
        ("a-second", "cpu", 1),
        ("a-second", "rps", 1),
        ("never seen", "cpu", 1),
    ]
    assert newest[0] == judgements[2]
    assert list(await store.verdicts("kintowe", "stage", "dogdriver", "tokyo")) == []

"""A run's row from its first moment to its end."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from dogdriver.errors import Invalid, StoreError
from dogdriver.model import Filter, MetricState, MetricValue, Scope, Status, Trigger
from dogdriver.pipeline.ports import Store as PipelineStore
from dogdriver.storage import Store
from tests.storage.made import at, judged, key, message, reading, run, settled


def test_it_is_the_store_that_the_pipeline_asks_for(store: Store) -> None:
    asked: PipelineStore = store
    assert asked is store


async def test_a_run_that_is_added_comes_back(store: Store) -> None:
    new = run("a")
    assert await store.transitions.add(new) == (new, True)
    assert await store.runs.get("a") == new
    assert await store.runs.get("b") is None


async def test_what_is_queued_already_is_given_back(store: Store) -> None:
    first, _ = await store.transitions.add(run("a"))
    assert await store.transitions.add(run("b", minute=1)) == (first, False)
    assert await store.transitions.add(run("c", deployment="prod")) == (run("c", deployment="prod"), True)
    assert await store.transitions.add(run("d", test="other")) == (run("d", test="other"), True)
    assert await store.transitions.claim(at(2)) is not None
    assert (await store.transitions.add(run("e")))[1], "what runs is not queued any more"


async def test_what_is_held_stays_queued_and_the_next_one_is_claimed(store: Store) -> None:
    await store.transitions.add(run("a"))
    await store.transitions.add(run("b", minute=1, project="other"))
    claimed = await store.transitions.claim(at(2), held=["a", "z"])
    assert claimed
    assert claimed.id == "b"
    assert await store.transitions.claim(at(2), held=["a"]) is None
    claimed = await store.transitions.claim(at(2))
    assert claimed
    assert claimed.id == "a"


async def test_a_run_made_elsewhere_keeps_its_id(store: Store) -> None:
    made = run("a", status=Status.DONE, source="tokyo", metrics={"cpu": settled(3, reading=reading())})
    assert await store.transitions.add(made) == (made, True)
    assert await store.transitions.add(structs.replace(made, reason="another")) == (made, False)
    assert await store.runs.get("a") == made


async def test_an_idempotency_key_stands_for_its_run_for_a_day(store: Store) -> None:
    first, _ = await store.transitions.add(run("a"), idempotency_key="k")
    assert await store.transitions.claim(at(1)) is not None
    again, new = await store.transitions.add(run("b", minute=24 * 60 - 1), idempotency_key="k")
    assert (again.id, new) == (first.id, False)
    later, new = await store.transitions.add(run("c", minute=24 * 60), idempotency_key="k")
    assert (later.id, new) == ("c", True)
    # A key that met a queued run stands for that one.
    met, new = await store.transitions.add(run("d", minute=24 * 60 + 1), idempotency_key="other")
    assert (met.id, new) == ("c", False)
    assert await store.transitions.claim(at(24 * 60 + 2)) is not None
    assert (await store.transitions.add(run("e", minute=24 * 60 + 3), idempotency_key="other"))[0].id == "c"


async def test_a_key_that_is_no_text_is_refused_in_a_sentence(store: Store) -> None:
    with pytest.raises(Invalid, match="half a character"):
        await store.transitions.add(run("a"), idempotency_key="\udcff")
    assert await store.runs.get("a") is None


async def test_the_oldest_queued_run_is_claimed_once(store: Store) -> None:
    await store.transitions.add(run("young", minute=2, project="p1"))
    await store.transitions.add(run("old", minute=1, project="p2"))
    await store.transitions.add(run("same", minute=2, project="p3"))
    claimed = [await store.transitions.claim(at(3)) for _ in range(4)]
    assert [one and one.id for one in claimed] == ["old", "young", "same", None]
    assert claimed[0] == run("old", minute=1, project="p2", status=Status.RUNNING)
    assert [one.id for one in await store.runs.running()] == ["old", "young", "same"]


async def test_fifty_tasks_claim_each_run_once(store: Store) -> None:
    for number in range(50):
        await store.transitions.add(run(f"r{number:02}", project=f"p{number}", minute=number))
    claimed = await asyncio.gather(*(store.transitions.claim(at(60)) for _ in range(60)))
    assert sorted(one.id for one in claimed if one) == [f"r{number:02}" for number in range(50)]


async def test_fifty_tasks_queue_a_run_once(store: Store) -> None:
    answers = await asyncio.gather(*(store.transitions.add(run(f"r{number}")) for number in range(50)))
    assert sum(new for _, new in answers) == 1
    assert len({kept.id for kept, _ in answers}) == 1


async def test_a_pending_run_is_claimed_when_it_is_due_and_leased(store: Store) -> None:
    late = run("late", status=Status.PENDING, due=at(20), metrics={"cpu": settled(1, reading=reading())})
    await store.transitions.add(late)
    await store.transitions.add(run("soon", status=Status.PENDING, due=at(10)))
    assert await store.runs.next_due() == at(10)
    assert await store.transitions.claim_due(at(9), at(30)) is None
    claims = await asyncio.gather(*(store.transitions.claim_due(at(25), at(30)) for _ in range(10)))
    assert sorted(one.id for one in claims if one) == ["late", "soon"]
    assert structs.replace(late, due=at(30)) in claims, "with its readings"
    assert await store.runs.next_due() == at(30), "a lease ends"


async def test_nothing_is_due_where_nothing_is_pending(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE, due=at(1)))
    assert await store.runs.next_due() is None
    assert await store.transitions.claim_due(at(100), at(200)) is None


async def test_save_writes_all_or_nothing(store: Store) -> None:
    await store.transitions.add(run("a"))
    claimed = await store.transitions.claim(at(1))
    assert claimed
    await store.state.set("x", 1)
    version = store.commits.number
    gone = structs.replace(claimed, status=Status.ABORTED)
    assert not await store.transitions.save(
        gone,
        expect=Status.QUEUED,
        values={"cpu": settled(1)},
        judged=[judged("cpu", "1.0", 1)],
        messages=[message("e")],
        release_seen=at(1),
    )
    assert store.commits.number == version, "nothing was written"
    assert await store.runs.get("a") == claimed
    assert list(await store.outbox.list()) == []
    assert list(await store.verdicts.newest(Scope("kintowe", "stage", "dogdriver", "paris"))) == []
    assert not await store.transitions.save(run("unknown"), expect=Status.QUEUED)


async def test_save_keeps_the_values_that_it_was_not_given(store: Store) -> None:
    first = {"cpu": settled(1, reading=reading()), "rps": MetricValue(MetricState.WAITING)}
    kept, _ = await store.transitions.add(run("a", status=Status.PENDING, metrics=first))
    changed = structs.replace(kept, attempts=2, status=Status.DONE, due=None, reason="r", metrics={})
    assert await store.transitions.save(changed, expect=Status.PENDING, values={"rps": settled(9)})
    assert await store.runs.get("a") == structs.replace(changed, metrics={"cpu": first["cpu"], "rps": settled(9)})


async def test_what_a_run_is_from_its_first_moment_on_does_not_change(store: Store) -> None:
    kept, _ = await store.transitions.add(run("a"))
    other = structs.replace(
        kept, project="p", deployment="d", test="t", source="s", trigger=Trigger.SCHEDULE, created=at(9)
    )
    assert await store.transitions.save(other, expect=Status.QUEUED)
    assert await store.runs.get("a") == kept


async def test_save_keeps_links_that_came_meanwhile(store: Store) -> None:
    await store.transitions.add(run("a", links={"one": "http://1", "two": "http://2"}))
    stale = run("a", links={"two": "http://two", "three": "http://3"})
    assert await store.transitions.save(stale, expect=Status.QUEUED)
    kept = await store.runs.get("a")
    assert kept
    assert kept.links == {"one": "http://1", "two": "http://two", "three": "http://3"}


async def test_save_records_release_verdicts_and_messages(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.RUNNING))
    ended = run("a", status=Status.PENDING, release="2.0", version="2.0", commit="abc")
    look = judged("cpu", "2.0", 1, inputs={"samples": [1.0, None]})
    first = message("a:start", run="a")
    assert await store.transitions.save(
        ended, expect=Status.RUNNING, messages=[first], judged=[look], release_seen=at(3)
    )
    assert [(seen.release, seen.last) for seen in await store.releases.seen("kintowe", "stage")] == [
        (ended.observed, at(3))
    ]
    assert list(await store.verdicts.looks(key(), "2.0")) == [look]
    again = replace(first, payload={"title": "another"})
    assert await store.transitions.save(ended, expect=Status.PENDING, messages=[again])
    assert list(await store.outbox.list()) == [first], "a message that exists is left as it is"


async def test_a_pending_run_without_due_is_impossible(store: Store) -> None:
    with pytest.raises(StoreError, match="CHECK"):
        await store.transitions.add(run("a", status=Status.PENDING, due=None))


async def test_the_queue_is_in_the_order_in_which_it_goes_on(store: Store) -> None:
    await store.transitions.add(run("due later", status=Status.PENDING, due=at(50)))
    await store.transitions.add(run("due sooner", status=Status.PENDING, due=at(40)))
    for minute, name in enumerate(["running", "next", "last"]):
        await store.transitions.add(run(name, project=name, minute=minute))
    await store.transitions.claim(at(5))
    await store.transitions.add(run("done", status=Status.DONE))
    assert [one.id for one in await store.runs.queue()] == ["running", "next", "last", "due sooner", "due later"]


async def test_the_last_scheduled_run(store: Store) -> None:
    assert await store.runs.last_scheduled("kintowe", "stage") is None
    await store.transitions.add(run("a", status=Status.FAILED, trigger=Trigger.SCHEDULE, minute=5))
    await store.transitions.add(run("b", status=Status.DONE, trigger=Trigger.SCHEDULE, minute=3))
    await store.transitions.add(run("c", status=Status.DONE, trigger=Trigger.REQUEST, minute=9))
    await store.transitions.add(run("d", status=Status.DONE, trigger=Trigger.SCHEDULE, minute=9, deployment="prod"))
    assert await store.runs.last_scheduled("kintowe", "stage") == at(5)


async def test_version_counts_commits_that_changed_something(store: Store) -> None:
    await store.transitions.claim(at(1))
    await store.outbox.claim(at(1), at(2))
    await store.ping()
    await store.runs.list(Filter())
    assert store.commits.number == 0
    await store.transitions.add(run("a"))
    assert store.commits.number == 1
    await store.transitions.claim(at(1))
    await store.state.set("name", {"a": 1})
    assert store.commits.number == 3


async def test_a_cancelled_caller_leaves_nothing_half_done(store: Store) -> None:
    await store.transitions.add(run("a"))
    for number in range(20):
        task = asyncio.ensure_future(store.state.set(f"n{number}", number))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    claimed = await store.transitions.claim(at(1))
    assert claimed
    assert [await store.state.get(f"n{number}") for number in range(20)] == list(range(20)), "what was begun is whole"


async def test_state_survives_by_name(store: Store) -> None:
    assert await store.state.get("schedule") is None
    await store.state.set("schedule", {"at": [1, None, "x"]})
    await store.state.set("schedule", {"at": [2, None, "y"]})
    assert await store.state.get("schedule") == {"at": [2, None, "y"]}
    await store.state.set("schedule", None)
    assert await store.state.get("schedule") is None


async def test_text_that_is_not_quite_utf8_is_kept_as_escapes(store: Store) -> None:
    odd = run("a", status=Status.DONE, reason="file \udcff", notes=("\ud800",), links={"\udc80": "x\udc80"})
    kept, _ = await store.transitions.add(odd)
    assert (kept.reason, kept.notes, kept.links) == ("file \\udcff", ("\\ud800",), {"\\udc80": "x\\udc80"})


async def test_days_apart_are_kept_to_the_microsecond(store: Store) -> None:
    early = run("a", status=Status.DONE, created=at(0) - timedelta(days=30_000, microseconds=1))
    assert (await store.transitions.add(early))[0] == early

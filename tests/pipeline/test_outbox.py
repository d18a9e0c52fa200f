"""What must reach somebody else: sent once, kept while it cannot be, given up only where it is refused."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import Refused, Unavailable
from dogdriver.model import Errand, Run, Status, Trigger
from dogdriver.pipeline.outbox import Outbox, wait
from dogdriver.storage import SqliteStore, open_store

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Sender:
    """Answers with what is in *answers*, then with success."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Mapping[str, Any]] = []

    async def __call__(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        self.sent.append(payload)
        if self.answers:
            raise self.answers.pop(0)
        return {"id": "1", "url": "https://dog/1"}


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(name="store")
async def _store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_store(tmp_path) as store:
        run = Run("r1", "shop", "stage", "dogdriver", "here", Status.QUEUED, Trigger.REQUEST, NOW)
        await store.add(run)
        claimed = await store.claim(NOW)
        assert claimed is not None
        errand = Errand("datadog.event", "r1:start", "r1", {"title": "started"}, due=NOW, created=NOW)
        await store.save(claimed, expect=Status.RUNNING, errands=[errand])
        yield store


async def test_an_errand_is_sent_once_and_its_answer_kept(store: SqliteStore) -> None:
    sender = Sender()
    outbox = Outbox(store, {"datadog.event": sender}, Clock())
    assert await outbox.deliver_next()
    assert not await outbox.deliver_next()
    assert sender.sent == [{"title": "started"}]
    [kept] = await store.errands()
    assert (kept.state, kept.attempts, kept.result) == ("sent", 1, {"id": "1", "url": "https://dog/1"})
    run = await store.run("r1")
    assert run is not None
    assert "https://dog/1" in run.links.values()


async def test_an_outage_is_waited_out_with_growing_pauses(store: SqliteStore) -> None:
    sender, clock = Sender(*[Unavailable("down")] * 20), Clock()
    outbox = Outbox(store, {"datadog.event": sender}, clock)
    pauses = []
    while await outbox.deliver_next():
        due = await store.next_errand()
        if due is None:
            break
        pauses.append((due - clock.now).total_seconds())
        clock.now = due
    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(pauses) == 3600.0
    assert len(sender.sent) == 21
    [kept] = await store.errands()
    assert (kept.state, kept.error) == ("sent", None)


async def test_a_refusal_is_final_and_shown(store: SqliteStore) -> None:
    outbox = Outbox(store, {"datadog.event": Sender(Refused("the event is too old"))}, Clock())
    assert await outbox.deliver_next()
    [kept] = await store.errands(state="refused")
    assert kept.error == "the event is too old"
    assert await store.next_errand() is None


async def test_a_kind_that_nothing_delivers_waits(store: SqliteStore) -> None:
    assert await Outbox(store, {}, Clock()).deliver_next()
    [kept] = await store.errands(state="waiting")
    assert "nothing here delivers datadog.event" in (kept.error or "")


async def test_a_defect_moves_the_errand_on_before_it_is_raised(store: SqliteStore) -> None:
    clock = Clock()
    outbox = Outbox(store, {"datadog.event": Sender(ZeroDivisionError())}, clock)
    with pytest.raises(ZeroDivisionError):
        await outbox.deliver_next()
    assert not await outbox.deliver_next()
    clock.now += timedelta(hours=1)
    assert await outbox.deliver_next()
    assert [e.state for e in await store.errands()] == ["sent"]


async def test_a_daemon_killed_while_sending_sends_again_after_the_lease(store: SqliteStore) -> None:
    await store.claim_errand(NOW, NOW + timedelta(minutes=2))
    clock, sender = Clock(), Sender()
    outbox = Outbox(store, {"datadog.event": sender}, clock)
    assert not await outbox.deliver_next()
    clock.now += timedelta(minutes=2)
    assert await outbox.deliver_next()
    assert len(sender.sent) == 1


def test_the_wait_grows_and_heeds_the_other_side() -> None:
    assert wait(1, None) == timedelta(seconds=5)
    assert wait(1, 2462.0) == timedelta(seconds=2462)
    assert wait(500, 0) == timedelta(hours=1)
    assert wait(500, 7200) == timedelta(hours=2)

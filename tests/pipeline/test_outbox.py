"""What must reach somebody else: sent once, kept while it cannot be, given up only where it is refused."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import KeysRefused, Refused, StoreError, Unavailable
from dogdriver.model import MessageKind, MessageState, OutboxMessage, Run, Status, Trigger
from dogdriver.pipeline.outbox import Outbox, wait
from dogdriver.storage import Store, open_store

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
async def _store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as store:
        run = Run(
            id="r1", project="shop", deployment="stage", test="dogdriver", source="here", status=Status.QUEUED,
            trigger=Trigger.REQUEST, created=NOW,
        )  # fmt: skip
        await store.transitions.add(run)
        claimed = await store.transitions.claim(NOW)
        assert claimed is not None
        message = OutboxMessage("datadog.event", "r1:start", "r1", {"title": "started"}, due=NOW, created=NOW)
        await store.transitions.save(claimed, expect=Status.RUNNING, messages=[message])
        yield store


async def test_a_message_is_sent_once_and_its_answer_kept(store: Store) -> None:
    sender = Sender()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, Clock())
    assert await outbox.deliver_next()
    assert not await outbox.deliver_next()
    assert sender.sent == [{"title": "started"}]
    [kept] = await store.outbox.list()
    assert (kept.state, kept.attempts, kept.result) == ("sent", 1, {"id": "1", "url": "https://dog/1"})
    run = await store.runs.get("r1")
    assert run is not None
    assert "https://dog/1" in run.links.values()


async def test_an_outage_is_waited_out_with_growing_pauses(store: Store) -> None:
    sender, clock = Sender(*[Unavailable("down")] * 20), Clock()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, clock)
    pauses = []
    while await outbox.deliver_next():
        due = await store.outbox.next_due()
        if due is None:
            break
        pauses.append((due - clock.now).total_seconds())
        clock.now = due
    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(pauses) == 3600.0
    assert len(sender.sent) == 21
    [kept] = await store.outbox.list()
    assert (kept.state, kept.error) == ("sent", None)


async def test_a_refusal_is_final_and_shown(store: Store) -> None:
    outbox = Outbox(store.outbox, {MessageKind.EVENT: Sender(Refused("the event is too old"))}, Clock())
    assert await outbox.deliver_next()
    [kept] = await store.outbox.list(state=MessageState.REFUSED)
    assert kept.error == "the event is too old"
    assert await store.outbox.next_due() is None


async def test_a_kind_that_nothing_delivers_waits(store: Store) -> None:
    assert await Outbox(store.outbox, {}, Clock()).deliver_next()
    [kept] = await store.outbox.list(state=MessageState.WAITING)
    assert "nothing here delivers datadog.event" in (kept.error or "")


async def test_a_defect_moves_the_message_on_before_it_is_raised(store: Store) -> None:
    clock = Clock()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: Sender(ZeroDivisionError())}, clock)
    with pytest.raises(ZeroDivisionError):
        await outbox.deliver_next()
    assert not await outbox.deliver_next()
    clock.now += timedelta(hours=1)
    assert await outbox.deliver_next()
    assert [e.state for e in await store.outbox.list()] == ["sent"]


async def test_a_daemon_killed_while_sending_sends_again_after_the_lease(store: Store) -> None:
    await store.outbox.claim(NOW, NOW + timedelta(minutes=2))
    clock, sender = Clock(), Sender()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, clock)
    assert not await outbox.deliver_next()
    clock.now += timedelta(minutes=2)
    assert await outbox.deliver_next()
    assert len(sender.sent) == 1


async def test_keys_that_work_again_are_noticed_within_a_minute_by_one_message_at_a_time(
    store: Store,
) -> None:
    for number in range(20):
        await store.outbox.add(OutboxMessage("datadog.event", f"r{number}", None, {}, due=NOW, created=NOW))
    clock, sender = Clock(), Sender(*[KeysRefused("these keys")] * 10)
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, clock)
    for minute in range(10):
        clock.now = NOW + timedelta(minutes=minute)
        while await outbox.deliver_next():
            pass
        assert len(sender.sent) == minute + 1
        due = await outbox.next_due()
        assert due is not None
        assert due <= clock.now + timedelta(minutes=1)
    clock.now += timedelta(minutes=1)
    while await outbox.deliver_next():
        pass
    assert {message.state for message in await store.outbox.list()} == {MessageState.SENT}


async def test_keys_that_are_refused_hold_up_no_other_kind(store: Store) -> None:
    await store.outbox.add(OutboxMessage("datadog.series", "r1", None, {}, due=NOW, created=NOW))
    refused, taken = Sender(KeysRefused("not for events")), Sender()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: refused, MessageKind.RESULTS: taken}, Clock())
    while await outbox.deliver_next():
        pass
    assert (len(refused.sent), len(taken.sent)) == (1, 1)


async def test_what_was_sent_is_not_sent_again_because_the_database_was_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = store.outbox.close
    pauses: list[float] = []

    async def held(message: OutboxMessage) -> None:
        if len(pauses) < 7:
            raise StoreError("another program holds its lock")
        await close(message)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(store.outbox, "close", held)
    sender = Sender()
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, Clock(), pause=pause)
    assert await outbox.deliver_next()
    assert not await outbox.deliver_next()
    assert len(sender.sent) == 1
    assert pauses == [1.0, 2.0, 5.0, 15.0, 60.0, 60.0, 60.0]


async def test_a_message_that_may_have_arrived_goes_to_who_asks_first(store: Store) -> None:
    clock, again = Clock(), []

    async def resend(payload: Mapping[str, Any], unsure: int) -> Mapping[str, Any]:
        again.append(unsure)
        if len(again) == 1:
            raise Unavailable("cannot ask")
        return {}

    sender = Sender(Unavailable("no connection"), Unavailable("the answer was lost", unsure=True))
    outbox = Outbox(store.outbox, {MessageKind.EVENT: sender}, clock, resenders={MessageKind.EVENT: resend})
    while [one.state for one in await store.outbox.list()] != [MessageState.SENT]:
        clock.now = await outbox.next_due() or clock.now
        assert await outbox.deliver_next()
    assert (len(sender.sent), again) == (2, [1, 1])


async def test_a_daemon_that_ended_while_sending_may_have_sent(store: Store) -> None:
    await store.outbox.claim(NOW, NOW + timedelta(minutes=2))
    claimed = await store.outbox.claim(NOW + timedelta(minutes=2), NOW + timedelta(minutes=4))
    assert claimed is not None
    assert claimed.unsure == 1


def test_the_wait_grows_and_heeds_the_other_side() -> None:
    assert wait(1, None) == timedelta(seconds=5)
    assert wait(1, 2462.0) == timedelta(seconds=2462)
    assert wait(500, 0) == timedelta(hours=1)
    assert wait(500, 7200) == timedelta(hours=2)

"""A run and its delivery are on the disk together; what was delivered long ago goes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from msgspec import structs

from dogdriver.cli.store import open_client_store
from dogdriver.model import UNKNOWN, MessageKind, MessageState, MetricState, MetricValue, Run, Status
from dogdriver.model.parse import delivered_run
from tests.storage.made import key, run, settled
from tests.world import START, Clock


async def test_the_end_of_a_run_orders_its_delivery(tmp_path: Path) -> None:
    clock = Clock()
    async with open_client_store(tmp_path, clock) as store:
        await store.transitions.add(run("r1", status=Status.RUNNING))
        ended = run("r1", status=Status.FAILED, reason="it broke", release=None)
        assert await store.transitions.save(ended, expect=Status.RUNNING)
        assert not await store.transitions.save(ended, expect=Status.RUNNING)  # once
    async with open_client_store(tmp_path, clock) as store:
        (message,) = await store.outbox.list(state=MessageState.WAITING)
    assert (message.kind, message.run, message.due) == (MessageKind.DELIVERY, "r1", START)
    delivered = delivered_run(message.payload, id="r1", now=START)
    assert (delivered.status, delivered.reason) == (Status.FAILED, "it broke")
    assert delivered.release == UNKNOWN


async def test_metrics_are_left_to_who_gets_the_run(tmp_path: Path) -> None:
    values = {
        "cpu": MetricValue(MetricState.NOT_CONFIGURED, query="avg:cpu{*}", note="no keys here"),
        "client.p50": settled(20.0),
    }
    async with open_client_store(tmp_path, Clock()) as store:
        await store.transitions.add(run("r1", status=Status.RUNNING))
        await store.transitions.save(run("r1", status=Status.PENDING), expect=Status.RUNNING, values=values)
        (message,) = await store.outbox.list(state=MessageState.WAITING)
        assert message.payload["metrics"].keys() == {"client.p50"}


async def test_what_was_delivered_goes_after_a_while_and_what_was_not_stays(tmp_path: Path) -> None:
    clock = Clock()

    def old(run_id: str) -> Run:
        return structs.replace(run(run_id, status=Status.RUNNING), created=START, started=START, ended=START)

    async with open_client_store(tmp_path, clock) as store:
        for name in ("sent", "waiting", "refused"):
            await store.transitions.add(old(name))
            done = structs.replace(old(name), status=Status.INVALID, reason="too many errors")
            await store.transitions.save(done, expect=Status.RUNNING, values={"cpu": settled(1.0)})
        for message in await store.outbox.list():
            await store.outbox.close(replace(message, state=MessageState(str(message.run))))
    clock.forward(timedelta(days=31).total_seconds())
    async with open_client_store(tmp_path, clock) as store:
        assert await store.runs.get("sent") is None
        assert {point.run for point in await store.series.points(key())} == {"waiting", "refused"}
        assert {message.run for message in await store.outbox.list()} == {"waiting", "refused"}

"""What others put into the bucket: delivered runs, and the first dogDriver's jobs and results."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from dogdriver.archive import inbox_object
from dogdriver.model import ClientMeasures, Grade, Load, MetricState, MetricValue, Run, Status, Tally, Trigger
from tests.archive.shared import Daemon


def made_elsewhere(started: datetime, *, source: str = "ci", name: str = "1", **others: Any) -> Run:
    """A run of a one-shot client, as it is when its load has ended."""
    run = Run(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{source} {name}").hex,
        project="shop",
        deployment="stage",
        test="dogdriver",
        source=source,
        status=Status.PENDING,
        trigger=Trigger.ELSEWHERE,
        created=started,
        started=started,
        ended=started + timedelta(seconds=300),
        release="1.0.0",
        version="1.0.0",
        load=Load(workers=2, processes=1, duration=300.0),
        tally=Tally(ok=3000, requests=3000),
        client=ClientMeasures(10.0, 20.0, 30.0, 40.0, 0.0, 1.0, 2.0, 0.3, Grade.OK),
        content="tree-1",
        metrics={"client.p95": MetricValue(MetricState.SETTLED, 30.0, unit="ms")},
    )
    return replace(run, **others)


async def deliver(daemon: Daemon, run: Run) -> str:
    """As a client does; gives the key."""
    key, body = inbox_object(run)
    await daemon.bucket.put(key, body)
    return key


def job(start: float, end: float, **others: Any) -> dict[str, Any]:
    return {
        "start": start, "end": end, "project": "shop", "version": "1.0.0", "now": end + 0.5, "source": "marseille",
    } | others  # fmt: skip


async def put_job(daemon: Daemon, document: Any, name: str = "6f1f2a5c-3a11-4a64-8d5f-0d3c5b8a9e01") -> str:
    key = f"job-{name}.json"
    await daemon.bucket.put(key, document if isinstance(document, bytes) else json.dumps(document).encode())
    return key


async def put_result(daemon: Daemon, project: str, start: int, document: Mapping[str, Any]) -> str:
    key = f"{project}-{start}.json"
    await daemon.bucket.put(key, json.dumps(document).encode())
    return key

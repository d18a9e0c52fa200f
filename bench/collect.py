"""One answer with many hosts, from its bytes to the metric's value: how much of that is done in the dashboard's loop.

    python -m bench.collect [--hosts 200] [--points 1500] [--rounds 3]

The answer comes from a process of its own; the query is the metric's and the fingerprint's, and five earlier readings
are as large. The goal is at most 0.2 of the processor's time.
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp

from dogdriver.datadog import Datadog
from dogdriver.model import Better, Metric, MetricState, MetricValue, Project, Reading, Run, Status, Trigger, Window
from dogdriver.pipeline import Context
from dogdriver.pipeline.attempt import Attempt
from dogdriver.settings import Secret

EVERY = 5
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUERY = "avg:bench.cpu{*} by {host}"
METRIC = Metric("cpu", "CPU", "%", Better.LOWER, query=QUERY, every=float(EVERY))

SERVER = """
import asyncio, sys
from aiohttp import web
body = sys.stdin.buffer.read()

async def query(request):
    return web.Response(body=body, content_type="application/json")

async def serve():
    app = web.Application()
    app.router.add_get("/api/v1/query", query)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""


def body(hosts: int, points: int) -> bytes:
    chance, start = random.Random(1), START.timestamp()
    percent = [{"family": "percentage", "scale_factor": 1.0, "name": "percent"}, None]
    series = [
        {
            "metric": "bench.cpu",
            "scope": f"host:h{host}",
            "interval": EVERY,
            "unit": percent,
            "pointlist": [[(start + EVERY * n) * 1000, chance.random() * 100] for n in range(points)],
        }
        for host in range(hosts)
    ]
    return json.dumps({"status": "ok", "query": QUERY, "series": series}).encode()


class World:
    """The services that an attempt uses: whatever is asked of the store was read before."""

    settle = 600.0

    def __init__(self, datadog: Datadog, reading: Reading) -> None:
        self.datadog, self.store, self._reading = datadog, self, reading

    async def readings(self, _: Any, *, limit: int) -> Sequence[Reading]:
        return [self._reading] * limit


async def measured(address: str, points: int) -> float:
    """The loop's share of the processor's time."""
    window = Window(START, START + timedelta(seconds=EVERY * points))
    later = window.end + timedelta(hours=1)
    async with aiohttp.ClientSession() as session:
        key = Secret("key")
        datadog = Datadog(session, clock=lambda: later, api_key=key, app_key=key, address=address, timeout=60.0)
        reading = await datadog.read(QUERY, window)
        waiting = MetricValue(MetricState.WAITING, query=QUERY, unit="%", reading=reading)
        run = Run(
            id="r", project="p", deployment="stage", test="t", source="s", status=Status.PENDING,
            trigger=Trigger.REQUEST, created=START, started=window.start, ended=window.end, metrics={"cpu": waiting},
        )  # fmt: skip
        project = Project("p", metrics=(METRIC,), fingerprint=QUERY)
        attempt = Attempt(cast("Context", World(datadog, reading)), run, project, later)
        begun = time.process_time(), time.thread_time()
        _, values = await attempt.read()
        ended = time.process_time(), time.thread_time()
    assert values["cpu"].state is MetricState.SETTLED, values["cpu"].note
    whole, own = (now - then for now, then in zip(ended, begun, strict=True))
    return own / whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--points", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(body(asked.hosts, asked.points))
        server.stdin.close()
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        found = [asyncio.run(measured(address, asked.points)) for _ in range(asked.rounds)]
        server.kill()
    share = statistics.median(found)
    print(f"{asked.hosts} hosts x {asked.points} points: {share:.2f} of the work was done in the loop")
    return 0 if share <= 0.2 else 1


if __name__ == "__main__":
    sys.exit(main())

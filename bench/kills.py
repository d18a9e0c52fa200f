"""One daemon with a Datadog and a bucket, killed with -9 again and again at a moment that chance chooses.

    .venv/bin/python -m bench.kills [kills] [seed]

Meanwhile runs are triggered, and runs that were made elsewhere are delivered; each that was acknowledged must be there
in the end, once, and in the bucket; each load has one start and one stop event.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.archive.objects import RUNS, archived_id
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.demo.standin.budget import QUERY, Limit
from dogdriver.model.document import moment, run_document
from dogdriver.storage.s3 import S3Bucket, open_bucket
from tests.archive.made import made_elsewhere
from tests.archive.s3 import S3Server
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import Service

PLENTY = {QUERY: Limit(1_000_000, 3600, named=False)}
FINAL = {"done", "failed", "aborted", "invalid"}
TOKEN = "a-token-of-the-bench"  # noqa: S105 - nobody else's
LATEST = 4.0  # seconds after a start at which it is killed


def now() -> datetime:
    return datetime.now(UTC)


class Sender:
    """Asks for runs and delivers some; what was acknowledged is in *triggered* and *delivered*."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.triggered: set[str] = set()
        self.delivered: set[str] = set()
        self._open: dict[str, dict[str, Any]] = {}

    async def go_on(self) -> None:
        """Until it is cancelled; what was not acknowledged is sent again."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(self._daemon.url, headers=headers) as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.post("/api/v1/runs", json={"project": "thing"}) as answer:
                        if answer.status == 202:
                            self.triggered.add((await answer.json())["run"]["id"])
                    await self._deliver(session)
                await asyncio.sleep(0.7)

    async def _deliver(self, session: aiohttp.ClientSession) -> None:
        run = made_elsewhere(now() - timedelta(minutes=10), source="cron", name=uuid.uuid4().hex)
        document = run_document(run, full=True) | {"project": "thing", "created": moment(now())}
        self._open[run.id] = document
        for run_id, one in list(self._open.items()):
            async with session.put(f"/api/v1/runs/{run_id}", json=one) as answer:
                assert answer.status in {200, 201}, await answer.text()
                self.delivered.add(run_id)
                del self._open[run_id]


async def main(kills: int, seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        s3 = S3Server(folder / "s3")
        os.environ.update(s3.variables)
        s3.start()
        service = Service()
        await service.server.start_server()
        try:
            async with serve_standin(now, delays={}, limits=PLENTY) as standin, open_bucket("kills") as bucket:
                await bucket._client.create_bucket(Bucket="kills")  # noqa: SLF001 - as the tests do
                daemon = Daemon(folder / "data", {
                    **s3.variables, "DOGDRIVER_PROJECTS": service.projects(folder, "short"),
                    "DOGDRIVER_DATADOG_URL": standin.url, "DOGDRIVER_SETTLE": "1", "DOGDRIVER_SOURCE": "test",
                    "DOGDRIVER_BUCKET": "kills", "DOGDRIVER_SYNC": "1", "DOGDRIVER_TOKEN": TOKEN,
                    "DD_API_KEY": "api-key", "DD_APP_KEY": "app-key",
                })  # fmt: skip
                await _kill(daemon, kills, chance)
                await _judge(daemon, standin, bucket, kills)
        finally:
            s3.kill()
            await service.server.close()


SENDERS: list[Sender] = []


async def _kill(daemon: Daemon, kills: int, chance: random.Random) -> None:
    sender = Sender(daemon)
    SENDERS.append(sender)
    sending = asyncio.create_task(sender.go_on())
    for _ in range(kills):
        starting = asyncio.create_task(daemon.start())
        await asyncio.sleep(chance.uniform(0, LATEST))
        while daemon.process is None:
            await asyncio.sleep(0.01)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        if sending.done():
            sending.result()
        await daemon.kill()
        daemon.process = None
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def _judge(daemon: Daemon, standin: Standin, bucket: S3Bucket, kills: int) -> None:
    [sender] = SENDERS
    await daemon.start()
    try:
        while (queue := (await daemon.get("/api/v1/status"))["queue"])["length"]:
            print(f"{queue['length']} left", flush=True)
            await asyncio.sleep(5)
        runs = await _all(daemon)
        wanted = sender.triggered | sender.delivered
        archived: Counter[str | None] = Counter()
        while set(archived) != set(runs):
            await asyncio.sleep(1)
            archived, after, more = Counter(), "", True
            while more:
                listing = await bucket.list(RUNS, after=after)
                archived.update(archived_id(one.key) for one in listing.objects)
                more, after = listing.more, listing.objects[-1].key if listing.objects else after
        await asyncio.sleep(10)  # the last messages
        steps = Counter(
            (request.json["aggregation_key"], tag)
            for request in standin.requests
            if request.path == "/api/v1/events" and request.status == 202
            for tag in request.json["tags"] if tag.startswith("step:")
        )  # fmt: skip
        starts = {run for run, step in steps if step == "step:start"}
        stops = {run for run, step in steps if step == "step:stop"}
        print(json.dumps({
            "kills": kills, "acknowledged": len(wanted), "delivered": len(sender.delivered), "runs": len(runs),
            "lost": len(wanted - set(runs)), "twice": sum(n - 1 for n in runs.values()),
            "not in the bucket once": sum(n != 1 for n in archived.values()), "loads": len(starts),
            "events twice": sum(n > 1 for n in steps.values()), "starts without a stop": len(starts - stops),
        }))  # fmt: skip
    finally:
        await daemon.end()


async def _all(daemon: Daemon) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = await daemon.get(f"/api/v1/runs?limit=200{cursor}")
        found.update(run["id"] for run in page["runs"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in (sys.argv[1:] + ["245", "1"][len(sys.argv) - 1 :]))))

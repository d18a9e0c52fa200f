"""Two daemons and clients on one bucket, as real processes, while the S3 server and both daemons are killed."""

import asyncio
import json
import os
import random  # noqa: TID251 - by a seed
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.archive.objects import INBOX, RUNS, archived_id
from dogdriver.cli.arguments import ExitCode
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.demo.standin.budget import QUERY, Limit
from dogdriver.storage.s3 import S3Bucket, open_bucket
from tests.archive.made import made_elsewhere
from tests.archive.s3 import S3Server
from tests.end_to_end.parts import ROOT, Daemon
from tests.end_to_end.service import Service
from tests.world import START

CLIENT, UNDELIVERED = "cron", ExitCode.UNDELIVERED
PATIENCE = 300.0  # seconds until every dashboard must show everything
PLENTY = {QUERY: Limit(100_000, 3600, named=False)}  # else most runs would wait for Datadog's next hour
FINAL = {"done", "failed", "aborted", "invalid"}


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real processes, real time


@dataclass
class Outcome:
    """What every dashboard shows in the end, by daemon.

    *loaded* are by source the runs that were really made, by the daemons and by `dogdriver run`, which is not killed;
    *delivered* are those that were only left in the inbox.
    """

    runs: dict[str, list[Any]]
    delivered: set[str]
    loaded: dict[str, set[str]]
    inbox: list[str]
    archived: Counter[str | None]
    events: list[tuple[str, str]]
    gauges: list[str]
    seconds: float

    def check(self) -> None:
        wanted = self.delivered.union(*self.loaded.values())
        for name, runs in self.runs.items():
            found = Counter(run["id"] for run in runs)
            assert found == Counter(wanted), (name, found - Counter(wanted), Counter(wanted) - found)
            assert {run["status"] for run in runs} <= FINAL, name
            assert {run["status"] for run in runs if run["id"] in self.delivered} == {"done"}, name
            made = [run for run in runs if run["id"] in self.loaded[CLIENT]]
            assert {run["status"] for run in made} == {"done"}, [run["reason"] for run in made]
            sources = Counter(run["source"] for run in runs)
            assert sources == {"ci": len(self.delivered)} | {n: len(ids) for n, ids in self.loaded.items()}, sources
        assert self.inbox == []
        assert set(self.archived) == wanted
        own = set().union(*self.loaded.values())
        assert {run for run, _ in self.events} <= own, "nobody marks the runs of others"
        marks = [event for event in self.events if event[0] in self.loaded[CLIENT]]
        begun, ended = ([run for run, tag in marks if tag == f"step:{step}"] for step in ("start", "stop"))
        assert sorted(begun) == sorted(ended) == sorted(set(begun)), "one of each"
        assert set(begun) >= {run["id"] for run in made if run["status"] == "done"}
        assert set(self.gauges) <= {f"source:{name}" for name in self.runs}


async def havoc(folder: Path, s3: S3Server, seed: int, *, delivered: int, loads: int) -> Outcome:
    """*delivered* runs without a load, *loads* of each daemon and as many of `dogdriver run`, or one more where the
    last was made while the bucket was away. *s3* runs, and the environment holds its variables.
    """
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        service = Service()
        await service.server.start_server()
        stack.push_async_callback(service.server.close)
        standin = await stack.enter_async_context(serve_standin(now, delays={}, limits=PLENTY))
        at = int(time.time())  # noqa: TID251 - real processes, real time
        points = [(float(at + n), 0.2) for n in range(-120, 900)]
        standin.points.add("aws.elb.latency", points, tags=["app:thing"], unit="second", visible_at=0)
        bucket = await stack.enter_async_context(_open())
        daemons = {name: _daemon(folder, name, s3, service, standin) for name in ("paris", "oslo")}
        for daemon in daemons.values():
            await daemon.start()
            stack.push_async_callback(_stop, daemon)
        environ = {**s3.variables, "DOGDRIVER_BUCKET": "shared", "PATH": os.environ["PATH"]}  # noqa: TID251 - theirs
        bulk = await _started(stack, "tests.archive.deliverer", str(delivered), str(at), environ=environ)
        loaded: dict[str, set[str]] = {name: set() for name in (*daemons, CLIENT)}
        client = {**_settings(folder, CLIENT, service, standin), **environ, "DOGDRIVER_DATA": str(folder / CLIENT)}
        await asyncio.gather(
            *(_load(daemon, loaded[name], loads) for name, daemon in daemons.items()),
            _run(stack, client, loaded[CLIENT], loads),
            _kill_server(s3, dice.uniform(1, 6), dice.uniform(0.5, 3)),
            *(_kill(daemon, dice.uniform(0.5, 8)) for daemon in daemons.values()),
        )
        assert await bulk.wait() == 0
        wanted = {made_elsewhere(START, name=str(n)).id for n in range(delivered)}.union(*loaded.values())
        runs = {name: await _all_final(daemon, wanted) for name, daemon in daemons.items()}
        inbox = await _emptied(bucket)
        archived = Counter(archived_id(key) for key in await _listed(bucket, RUNS))
        requests = [r for r in standin.requests if r.status == 202]
        return Outcome(
            runs, wanted - set().union(*loaded.values()), loaded, inbox, archived,
            events=[(r.json["aggregation_key"], tag) for r in requests if r.path == "/api/v1/events"
                    for tag in r.json["tags"] if tag.startswith("step:")],
            gauges=[tag for r in requests if r.path == "/api/v2/series" for one in r.json["series"]
                    for tag in one.get("tags", ()) if tag.startswith("source:")],
            seconds=time.monotonic() - began,
        )  # fmt: skip


def _daemon(folder: Path, name: str, s3: S3Server, service: Service, standin: Standin) -> Daemon:
    more = {"DOGDRIVER_BUCKET": "shared", "DOGDRIVER_SYNC": "1"}
    return Daemon(folder / name / "data", {**s3.variables, **_settings(folder, name, service, standin), **more})


def _settings(folder: Path, source: str, service: Service, standin: Standin) -> dict[str, str]:
    home = folder / source
    home.mkdir()
    return {
        "DOGDRIVER_SOURCE": source, "DOGDRIVER_PROJECTS": service.projects(home, "short"), "DOGDRIVER_SETTLE": "1",
        "DOGDRIVER_DATADOG_URL": standin.url, "DD_API_KEY": "api-key", "DD_APP_KEY": "app-key",
    }  # fmt: skip


async def _started(
    stack: AsyncExitStack, *words: str, environ: Mapping[str, str], out: int | None = None
) -> asyncio.subprocess.Process:
    """`python -m` *words*; it ends with *stack* at the latest."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *words, cwd=ROOT, env=environ, stdout=out)

    async def end() -> None:
        if process.returncode is None:
            process.kill()
            await process.wait()

    stack.push_async_callback(end)
    return process


async def _run(stack: AsyncExitStack, environ: Mapping[str, str], runs: set[str], loads: int) -> None:
    """`dogdriver run` until it has made *loads* runs and nothing of them is left to be delivered."""
    code: int | None = UNDELIVERED
    while len(runs) < loads or code == UNDELIVERED:
        words = ("dogdriver", "run", "thing", "--to", "s3://shared", "--json")
        process = await _started(stack, *words, environ=environ, out=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        code = process.returncode
        assert code in {ExitCode.FINE, UNDELIVERED}, said.decode()[-2000:]
        ended = [line for line in map(json.loads, said.splitlines()) if line["event"] == "ended"]
        runs.update(line["run"]["id"] for line in ended)


@asynccontextmanager
async def _open() -> AsyncIterator[S3Bucket]:
    """The bucket, made."""
    async with open_bucket("shared") as bucket:
        await bucket._client.create_bucket(Bucket="shared")
        yield bucket


async def _stop(daemon: Daemon) -> None:
    if daemon.process is not None and daemon.process.returncode is None:
        await daemon.kill()


async def _load(daemon: Daemon, runs: set[str], loads: int) -> None:
    """Trigger *loads* runs, each when the one before has left the queue; a daemon that was killed is asked again."""
    answers = 0  # a run that is still queued is the answer again
    while len(runs) < loads:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(10):
                runs.add(await _triggered(daemon, f"load {answers}"))
                answers += 1
        await asyncio.sleep(0.3)


async def _triggered(daemon: Daemon, key: str) -> str:
    """The id of the run; asked again with the same *key* it is the same run, should the answer have been cut off."""
    token = (daemon.data / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{daemon.url}/api/v1/runs", json={"project": "thing"}) as answer,
    ):
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["run"]["id"])


async def _kill_server(s3: S3Server, after: float, away: float) -> None:
    await asyncio.sleep(after)
    s3.kill()
    await asyncio.sleep(away)
    await asyncio.to_thread(s3.start)


async def _kill(daemon: Daemon, after: float) -> None:
    await asyncio.sleep(after)
    await daemon.kill()
    await daemon.start()


async def _all_final(daemon: Daemon, wanted: set[str]) -> list[Any]:
    """The runs of a dashboard, once the *wanted* are there and all are final; else what there is in the end."""
    end = time.monotonic() + PATIENCE
    while True:
        runs = await _runs(daemon)
        if {run["id"] for run in runs} >= wanted and all(run["status"] in FINAL for run in runs):
            return runs
        if time.monotonic() > end:
            return runs
        await asyncio.sleep(0.3)


async def _runs(daemon: Daemon) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = await daemon.get(f"/api/v1/runs?limit=200{cursor}")
        found += page["runs"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def _emptied(bucket: S3Bucket) -> list[str]:
    """What is left in the inbox when the daemons have had the time to clear it."""
    end = time.monotonic() + PATIENCE
    while True:
        left = await _listed(bucket, INBOX)
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(0.2)


async def _listed(bucket: S3Bucket, prefix: str) -> list[str]:
    found: list[str] = []
    more = True
    while more:
        listing = await bucket.list(prefix, after=found[-1] if found else "")
        found += [one.key for one in listing.objects]
        more = listing.more
    return found

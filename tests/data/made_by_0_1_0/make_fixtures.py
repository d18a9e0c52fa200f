"""Makes what a daemon of commit 761d9f0 (version 0.1.0) leaves behind. Runs at that commit only.

In a checkout of it, with its test requirements installed:

    PYTHONPATH=$PWD python .../make_fixtures.py FOLDER

Its own pipeline did everything, with its own Datadog stand-in and an S3 server (moto), as in tests/bucket. The service,
the load and the clock are played; the dice are seeded, so that a second call makes the same again.
"""

import asyncio
import gzip
import io
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dogdriver.datadog import DEFAULT_METRICS
from dogdriver.demo.standin import serve_standin
from dogdriver.export import export_csv, export_lines
from dogdriver.model import Better, Deployment, Filter, Latency, Measured, Metric, Project, Release, Run, Status, Tally
from dogdriver.model import Test as LoadTest
from dogdriver.model import Trigger
from dogdriver.model.document import run_document
from dogdriver.pipeline.exchange.layout import INBOX
from dogdriver.recorder.latencies import Latencies
from dogdriver.storage import open_store
from dogdriver.web.runs import verdicts_of
from tests.bucket.made import deliver, job, made_elsewhere, put_job, put_result
from tests.bucket.s3 import S3Server
from tests.bucket.shared import Daemon
from tests.world import Catalogue, Clock, shop

BUCKET = "dogdriver"
STATE = ("bucket", f"bucket {BUCKET} archive", f"bucket {BUCKET} results", "datadog.budget")
DAY, HOUR = 86400.0, 3600.0
HOSTS = "avg:system.cpu.idle{app:{project},env:{deployment}} by {host}"
KINDS = "avg:system.cpu.idle{app:{project},env:{deployment}} by {host,instance-type}"
ADDED = (
    Metric("queue", "Jobs that wait", "", Better.LOWER, query="avg:shop.queue.length{app:{project}}"),
    Metric("typo", "A query that is none", "ms", Better.LOWER, query="avg:aws.elb.latency{"),
)
CPU, RPS, ART = DEFAULT_METRICS
OTHERS = {
    name: Project(
        name=name,
        deployments=(Deployment("prod", f"https://{name}.example.org"),),
        test=LoadTest(f"https://example.org/{name}-tests"),
        allowed=True,
        metrics=(metric,),
    )
    for name, metric in (("search", ART), ("login", RPS))
}


def commit(version: str) -> str:
    return version.encode().hex().ljust(40, "0")


class Place:
    """A daemon, and the services that it loads: *slow* is how slow they are, 1.0 at first."""

    def __init__(self, daemon: Daemon, dice: random.Random) -> None:
        self.daemon, self.dice, self.slow = daemon, dice, 1.0
        self.daemon.runner.change = self.measured

    def catalogue(self, fingerprint: str, *more: Metric) -> None:
        project = replace(shop(fingerprint=fingerprint), metrics=(CPU, ART, *more))
        self.daemon.catalogue.current = Catalogue({"shop": project, **OTHERS}).current

    def release(self, version: str, slow: float) -> None:
        self.daemon.target.versions, self.slow = [(version, commit(version))], slow

    async def load(self, project: str = "shop", **more: Any) -> Run:
        """A run to the end of its load."""
        run = await self.daemon.pipeline.trigger(project, trigger=Trigger.SCHEDULE, **more)
        assert await self.daemon.pipeline.launch_next()
        return await self.daemon.now(run)

    async def done(self, project: str = "shop", *, wait: float = HOUR, **points: Any) -> Run:
        """A run to its end; what it has to say is said, and *wait* seconds are over."""
        pending = await self.load(project)
        await self.daemon.deliver()
        self.points(pending, **points)
        done = await self.daemon.collect_until(pending, wait)
        assert done.status is Status.DONE, done
        await self.daemon.deliver()
        return done

    async def runs(self, count: int, project: str = "shop") -> list[Run]:
        return [await self.done(project) for _ in range(count)]

    def noise(self) -> float:
        return self.slow * self.dice.gauss(1, 0.004)

    def measured(self, measured: Measured) -> Measured:
        """What the load generator saw of a service that is *slow*; nothing here lasts any real time."""
        slow, seen = self.noise(), Latencies()
        for n in range(60):
            seen.record(0.02 * slow * 1.02**n)
        p50, p95, p99 = seen.quantiles(0.5, 0.95, 0.99)
        client = replace(
            measured.client, rps=round(100 / slow, 2), p50=p50, p95=p95, p99=p99, error_ratio=0.0,
            statuses={"200": 29990, "503": 10}, failures=(("503 at GET /v1/items", 10),),
            scenarios=(Latency("browse", 30000, 10, p50, p95, p99),), histogram=seen.encode(),
        )  # fmt: skip
        return replace(measured, tally=Tally(ok=3000, requests=30000, errors=10), client=client)

    def points(self, run: Run, *, minutes: int = 11, more: float = 1.0) -> None:
        """What the hosts and the balancer report around a run; the balancer's come for so many *minutes* only."""
        assert run.started
        slow = self.noise() * more
        tags, first = (f"app:{run.project}", f"env:{run.deployment}"), int(run.started.timestamp()) // 60 * 60 - 120
        add, seen = self.daemon.standin.points.add, self.daemon.clock().timestamp()
        idle, count, latency = round(60 / slow**0.5, 2), round(6000 / slow), round(0.2 * slow, 4)
        for host in "ab":
            fine = [(float(first + 15 * n), idle) for n in range(44)]
            add("system.cpu.idle", fine, tags=(*tags, "instance-type:m5.large"), host=host, visible_at=seen)
        every = [float(first + 60 * n) for n in range(minutes)]
        add("aws.elb.request_count", [(at, count) for at in every], tags=tags, visible_at=seen, kind="count")
        add("aws.elb.latency", [(at, latency) for at in every], tags=tags, visible_at=seen, unit="second")


async def history(paris: Place, oslo: Place) -> None:
    """Some days of three services, as paris' dashboard shows them in the end."""
    daemon = paris.daemon
    for place in (paris, oslo):
        place.catalogue(HOSTS)

    paris.release("1.0.0", 1.0)
    daemon.runner.smoked = lambda measured: replace(measured, tally=Tally(failed=1, requests=1, errors=1))
    assert (await paris.load()).status is Status.FAILED
    daemon.runner.smoked = lambda measured: measured
    await paris.runs(3)
    await a_day_of_trouble(paris)
    await paris.runs(3, "search")
    await paris.runs(3, "login")

    paris.release("1.1", 0.5)
    faster = await paris.runs(4, "search")
    await daemon.pipeline.exclude(faster[2].id, "the balancer was being replaced")  # which withdraws the verdicts
    paris.release("1.1", 2.0)
    await paris.runs(4, "login")

    paris.catalogue(KINDS)
    paris.release("1.1.0", 1.0)
    await paris.runs(3)
    paris.release("1.2.0", 1.0)
    same = await paris.runs(4)
    paris.points(same[0], more=1.01)  # Datadog says something else of it a day later
    daemon.target.versions = [("1.2.0", commit("1.2.0")), ("1.2.1", None)]
    assert (await paris.load()).status is Status.INVALID
    await daemon.deliver()
    cancelled = await daemon.pipeline.trigger("shop")
    await daemon.pipeline.cancel(cancelled.id)
    await elsewhere(paris, oslo)
    daemon.clock.forward(DAY)
    await daemon.deliver()

    paris.release("1.3.0", 1.8)
    await paris.runs(2)
    paris.catalogue(KINDS, *ADDED)
    await paris.runs(1)
    daemon.standin.mode("503", path="/api/v1/events")
    await paris.runs(1)
    paris.points(await paris.load())
    await daemon.pipeline.trigger("shop", idempotency_key="build-4711")
    await daemon.deliver()
    await daemon.upload()
    now = daemon.clock()
    await deliver(daemon, made_elsewhere(now, name="claimed", release=Release("1.3.0", "1.3.0")))
    await daemon.sync()
    await deliver(daemon, made_elsewhere(now, name="left over", release=Release("1.3.0", "1.3.0")))
    await put_job(daemon, job(int(now.timestamp()), int(now.timestamp()) + 300, version="1.0"))


async def elsewhere(paris: Place, oslo: Place) -> None:
    """What comes from another daemon, over HTTP, from the first dogDriver, and from somebody who is wrong."""
    daemon = paris.daemon
    for version, slow in (("1.1.0", 1.0), ("1.2.0", 1.3)):
        oslo.release(version, slow)
        await oslo.runs(3)
    await oslo.daemon.upload()
    handed = made_elsewhere(daemon.clock(), release=Release("1.2.0", "1.2.0"))
    await daemon.pipeline.accept(handed)
    await daemon.collect_until(handed, DAY)
    for n, version in enumerate(("0.8", "0.9")):
        old = {"CPU": 41.5, "RPS": 120.25 - n, "ART": 87 + n, "version": version, "source": "marseille"}
        await put_result(daemon, "shop", 1462000000 + 3600 * n, old)
    await put_result(daemon, "old-app", 1462000000, {"CPU": 12, "RPS": None, "ART": 30.5, "version": None})
    await daemon.bucket.put(f"{INBOX}broken.json", b'{"version": 1, "kind": "delivered run", "run": {"id": "broken"}}')
    await daemon.sync()


async def a_day_of_trouble(paris: Place) -> None:
    """A run whose events are refused until they are too old, and of whose points Datadog has only half."""
    daemon = paris.daemon
    daemon.standin.mode("forbidden", path="/api/v1/events")
    daemon.standin.mode("limited", path="/api/v1/query", times=1, reset=900)
    run = await paris.done(minutes=5, wait=DAY + HOUR)
    assert run.metrics["art"].state == "partial"
    daemon.standin.mode()
    await daemon.deliver()


async def make(target: Path) -> None:
    clock, dice = Clock(), random.Random(761)
    async with (
        AsyncExitStack() as stack,
        serve_standin(clock, api_key="api-key", app_key="app-key") as standin,
    ):
        places = []
        for source in ("paris", "oslo"):
            Path(source).mkdir()
            daemon = Daemon(Path(source), clock=clock, source=source, bucket_name=BUCKET)
            daemon.standin = standin
            await daemon.open()
            stack.push_async_callback(daemon.close)
            daemon.datadog._recall, daemon.datadog._remember = daemon.store.recall, daemon.store.remember
            places.append(Place(daemon, dice))
        await places[0].daemon.bucket._client.create_bucket(Bucket=BUCKET)
        await history(*places)
        await keep_bucket(places[0].daemon, target / "bucket")
    assert [path.name for path in Path("paris").glob("*.db*")] == ["dogdriver.db"]
    packed(target / "dogdriver.db.gz", Path("paris/dogdriver.db").read_bytes())
    packed(target / "export.jsonl.gz", exported(export_lines))
    (target / "export.csv").write_bytes(exported(export_csv))
    (target / "expected.json").write_text(json.dumps(await expected(clock()), indent=1) + "\n", encoding="utf-8")


async def keep_bucket(daemon: Daemon, folder: Path) -> None:
    for key in await daemon.listed():
        fetched = await daemon.bucket.get(key, most=10**7)
        assert fetched
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(fetched.body)


def packed(file: Path, body: bytes) -> None:
    file.write_bytes(gzip.compress(body, mtime=0))


def exported(export: Callable[..., Any]) -> bytes:
    out = io.StringIO(newline="")
    export(Path("paris"), out)
    return out.getvalue().encode()


async def expected(at: datetime) -> dict[str, Any]:
    """What this commit says of its own database."""
    async with open_store(Path("paris")) as store:
        errands = list(reversed(await store.errands(limit=1000)))
        runs = (await store.runs(Filter(), limit=1000)).runs
        places = sorted({(run.project, run.deployment, run.test, run.source) for run in runs})
        kept = {place: await store.verdicts(*place) for place in places}
        art = {run.id: run.metrics.get("art") for run in runs}
        chosen = [
            next(run for run in runs if (value := art[run.id]) and value.state == "partial" and not value.earlier),
            next(run for run in runs if (value := art[run.id]) and value.earlier),
            next(run for run in runs if run.excluded),
            next(run for run in runs if "typo" in run.metrics and run.status is Status.DONE),
        ]
        return {
            "at": at.isoformat(),
            "runs": {
                project: dict(sorted(Counter(run.status.value for run in runs if run.project == project).items()))
                for project in sorted({run.project for run in runs})
            },
            "releases": {
                f"{project}/{deployment}": [seen.release.label for seen in await store.releases(project, deployment)]
                for project, deployment in sorted({place[:2] for place in places})
            },
            "verdicts": [
                {
                    "project": project, "deployment": deployment, "test": test, "source": source,
                    "release": judged.release, "metric": judged.key.metric, "look": judged.look,
                    "outcome": judged.standing_outcome, "state": judged.standing,
                }
                for (project, deployment, test, source), all_of_it in kept.items()
                for judged in all_of_it
            ],
            "outbox": counted([(one.kind, one.state) for one in errands]),
            "told": {one.key: one.state for one in errands if one.key.startswith("verdict:")},
            "asked": {"build-4711": next(run.id for run in runs if run.status is Status.QUEUED)},
            "state": {name: await store.recall(name) for name in STATE},
            "documents": [
                run_document(
                    run, verdicts=verdicts_of(run, kept[run.project, run.deployment, run.test, run.source])
                )
                for run in chosen
            ],
        }  # fmt: skip


def counted(pairs: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (kind, state), number in sorted(Counter(pairs).items()):
        found.setdefault(kind, {})[state] = number
    return found


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # ids are made of the daemons' folders
        server = S3Server(Path(folder) / "s3")
        server.start()
        os.environ.update(server.variables)
        try:
            asyncio.run(make(target))
        finally:
            server.kill()
            os.chdir("/")


if __name__ == "__main__":
    main()

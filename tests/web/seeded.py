"""A site over the real store and the real commands, and a history to show; nothing here is random but by a seed."""

import random  # noqa: TID251 - a seeded history
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from aiohttp import web
from msgspec.structs import replace

from dogdriver.datadog import Datadog
from dogdriver.model import (
    CLIENT_METRICS,
    Better,
    Catalog,
    ClientMeasures,
    Deployment,
    Grade,
    Isolation,
    Latency,
    Load,
    Metric,
    MetricState,
    MetricValue,
    Problem,
    Project,
    Run,
    Schedule,
    Status,
    Tally,
    Test,
    Trigger,
)
from dogdriver.pipeline import Context, Pipeline
from dogdriver.pipeline.looks import Looks
from dogdriver.settings import Secret
from dogdriver.storage import Store
from dogdriver.web import setup

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TOKEN = "a-token-for-tests-0123456789"
OWN = "paris"
RECORDS = "/v1/buckets/{bucket}/collections/{collection}/records"
METRICS = (
    Metric("cpu", "CPU", "%", Better.LOWER, query="max:system.cpu.user{app:{project},env:{deployment}} by {host}"),
    Metric("rps", "Requests per second", "1/s", Better.HIGHER, query="sum:aws.elb.request_count{app:{project}}"),
    Metric("art", "Average response time", "ms", Better.LOWER, query="avg:aws.elb.latency{app:{project}}"),
)


class Clock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class FixedCatalog:
    """A catalog that says what it is given."""

    def __init__(self, *projects: Project, problems: tuple[Problem, ...] = ()) -> None:
        self.current = Catalog({project.name: project for project in projects}, problems)

    async def refresh(self) -> Catalog:
        return self.current


def project(name: str, *deployments: str, **others: Any) -> Project:
    fields: dict[str, Any] = {
        "deployments": tuple(Deployment(d, f"https://{d}.example.com") for d in deployments or ("stage",)),
        "test": Test("https://example.com/tests.git", ref="main"),
        "allowed": True,
        "metrics": METRICS,
        "schedule": Schedule(every=3600.0),
    }
    return Project(name, **(fields | others))


@dataclass
class SeededSite:
    """All the parts of a site, so that a test can reach behind it."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    catalog: FixedCatalog = field(default_factory=lambda: FixedCatalog(project("kintowe", "stage", "prod")))
    parts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = count(1)
        self.context = Context(
            store=self.store,
            catalog=self.catalog,
            target=cast("Any", None),
            checkouts=cast("Any", None),
            runner=cast("Any", None),
            datadog=Datadog(cast("Any", None), clock=self.clock, api_key=None, app_key=None),
            clock=self.clock,
            ids=lambda: f"{next(ids):032x}",
            source=OWN,
            settle=600.0,
            isolation=Isolation.THREAD,
            link=lambda run: f"http://dogdriver.example.com/r/{run}",
        )
        self.pipeline = Pipeline(self.context)
        self.looks = Looks(self.store)

    async def status(self) -> Mapping[str, Any]:
        return self.parts

    def app(self, *, private: bool = False, demo: bool = False, **others: Any) -> web.Application:
        app = web.Application()
        setup(
            app,
            store=self.store,
            commands=self.pipeline,
            catalog=self.catalog,
            status=others.pop("status", self.status),
            clock=self.clock,
            source=OWN,
            token=Secret(TOKEN),
            private=private,
            version={"source": "https://example.com/dogdriver", "version": "0.1.0", "commit": None, "build": None},
            demo=demo,
            **others,
        )
        return app

    async def keep(self, run: Run, values: Mapping[str, MetricValue] | None = None, *, judge: bool = True) -> Run:
        """Put an ended run into the store as the pipeline would have."""
        first = replace(run, status=Status.PENDING, due=run.ended or run.created, reason=None, metrics={})
        kept, new = await self.store.transitions.add(first)
        assert new
        assert await self.store.transitions.save(
            run, expect=Status.PENDING, values=values or {}, release_seen=run.started or run.created
        )
        if judge and run.status is Status.DONE and values:
            whole = await self.store.runs.get(run.id)
            assert whole is not None
            entry = self.catalog.current.projects.get(run.project)
            looks = await self.looks.look(whole, entry, run.ended or START)
            shown = await self.looks.cards(run.scope, entry)
            await self.store.transitions.save(whole, expect=Status.DONE, judged=looks, shown=shown)
        return kept

    async def history(
        self,
        name: str = "kintowe",
        *,
        releases: tuple[tuple[str, float], ...] = (("1.0.0", 1.0), ("1.1.0", 1.01), ("1.2.0", 1.25)),
        runs: int = 6,
        deployment: str = "stage",
        source: str = OWN,
        seed: int = 1,
        start: datetime = START,
        hosts: Mapping[str, float] | None = None,
    ) -> list[Run]:
        """*runs* done runs of each of *releases* (label, how slow), one an hour; the last two of each are judged.

        *hosts* by release, 3 where they are not said.
        """
        dice = random.Random(seed)  # noqa: S311 - a seeded history
        made = []
        at = start
        for label, slow in releases:
            for place in range(runs):
                run = ended_run(
                    f"{dice.getrandbits(128):032x}", name, at, label, slow * dice.gauss(1, 0.02),
                    deployment=deployment, source=source, fingerprint=(hosts or {}).get(label, 3.0),
                )  # fmt: skip
                await self.keep(run, values(run, slow, dice), judge=place >= runs - 2)
                made.append(run)
                at += timedelta(hours=1)
        self.clock.now = max(self.clock.now, at)
        return made


def ended_run(run_id: str, name: str, at: datetime, label: str, slow: float = 1.0, **others: Any) -> Run:
    """A run that is done."""
    rps = round(420 / slow, 1)
    fields: dict[str, Any] = {
        "deployment": "stage",
        "test": "dogdriver",
        "source": OWN,
        "status": Status.DONE,
        "trigger": Trigger.SCHEDULE,
        "created": at,
        "endpoint": "https://stage.example.com",
        "release": label,
        "version": label,
        "commit": (label.encode().hex() + "e" * 40)[:40],
        "started": at + timedelta(seconds=3),
        "ended": at + timedelta(seconds=303),
        "load": Load(workers=20, processes=1, duration=300.0, options={"scenario": "loadtest.py"}),
        "tally": Tally(ok=41_000, failed=3, requests=126_000, errors=3),
        "client": ClientMeasures(
            rps=rps, p50=round(18 * slow, 2), p95=round(41 * slow, 2), p99=round(77 * slow, 2), error_ratio=0.00002,
            lag_p99=3.1, stall=12.0, cpu=0.42, grade=Grade.OK, statuses={"200": 125_997, "503": 3},
            failures=(("503 Service Unavailable at GET /v1/records", 3),),
            scenarios=(
                Latency("list_records", 30_000, 3, 18.2, 41.0, 77.0),
                Latency("create_record", 11_000, 0, 22.5, 48.0, 91.0),
            ),
            endpoints=(Latency(f"GET https://stage.example.com{RECORDS}", 126_000, 3, 18.2, 41.0, 77.0),),
        ),
        "content": "tree-1",
        "test_commit": "c" * 40,
        "links": {"Metrics in Datadog": "https://app.datadoghq.com/metric/explorer?start=1"},
    }  # fmt: skip
    return Run(id=run_id, project=name, **(fields | others))


def values(run: Run, slow: float, dice: random.Random) -> dict[str, MetricValue]:
    def settled(value: float, unit: str, query: str | None = None) -> MetricValue:
        return MetricValue(MetricState.SETTLED, round(value, 3), 5, 5, query, unit, 60.0)

    assert run.client is not None
    made = {
        "cpu": settled(
            38 * dice.gauss(1, 0.03) * slow**0.5, "%", "max:system.cpu.user{app:kintowe,env:stage} by {host}"
        ),
        "rps": settled(418 / slow * dice.gauss(1, 0.02), "1/s", "sum:aws.elb.request_count{app:kintowe}"),
        "art": settled(17 * slow * dice.gauss(1, 0.02), "ms", "avg:aws.elb.latency{app:kintowe}"),
    }
    for metric in CLIENT_METRICS:
        value = getattr(run.client, metric.name.removeprefix("client."))
        made[metric.name] = settled(value, metric.unit) if value is not None else MetricValue(MetricState.NO_DATA)
    return made

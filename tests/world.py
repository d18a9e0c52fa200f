"""A world around a real pipeline: the real store, the real Datadog client against the stand-in, a clock of our own.

Only what would take long is played: the service under test, the checkout and the load itself.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Standin
from dogdriver.given_secrets import GivenSecrets
from dogdriver.metrics.query import DEFAULT_METRICS
from dogdriver.model import (
    Catalog,
    ClientMeasures,
    Deployment,
    Grade,
    Isolation,
    Job,
    Load,
    Measured,
    MessageKind,
    Phase,
    Prepared,
    Project,
    Run,
    Schedule,
    Snapshot,
    Stopped,
    Tally,
    Test,
    Window,
)
from dogdriver.pipeline import Context, Pipeline
from dogdriver.pipeline.outbox import Outbox
from dogdriver.settings import load
from dogdriver.storage import Store, open_store

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RUN_SECONDS = 300.0
SETTLE = 600.0


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Target:
    """A deployment that says what it is told to say."""

    def __init__(self) -> None:
        self.versions: list[tuple[str | None, str | None]] = [("1.0.0", "a" * 40)]
        self.unhealthy: Exception | None = None
        self.silent: Exception | None = None

    async def version(self, deployment: Deployment) -> tuple[str | None, str | None]:
        if self.silent:
            raise self.silent
        return self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]

    async def repository(self, deployment: Deployment) -> str | None:
        return "https://github.com/acme/shop"

    async def check(self, deployment: Deployment) -> None:
        if self.unhealthy:
            raise self.unhealthy


class Checkouts:
    error: Exception | None = None
    content = "tree-1"

    async def prepare(self, test: Test) -> Prepared:
        if self.error:
            raise self.error
        return Prepared("/nowhere", None, {"workers": 2}, test.name, self.content, "c" * 40)


class Runner:
    """A load that lasts five minutes on our clock; *change* makes it another one."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.change: Callable[[Measured], Measured] = lambda measured: measured
        self.smoked: Callable[[Measured], Measured] = lambda measured: measured
        self.error: BaseException | None = None
        self.jobs: list[Job] = []
        self.hold: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.recovered = 0

    def describe(self, prepared: Prepared) -> Load:
        return Load(workers=2, processes=1, duration=RUN_SECONDS)

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        return self.smoked(self._measured(1.0, ok=1))

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        self.jobs.append(job)
        watch(Snapshot(Phase.LOADING, 0.5, 150.0, 2, 10.0, 20.0, 30.0, 5, 0, 5, 0))
        self.begun.set()
        if self.error:
            raise self.error
        if self.hold:
            waits = [asyncio.ensure_future(event.wait()) for event in (self.hold, cancelled)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        measured = self.change(self._measured(RUN_SECONDS, ok=3000))
        return replace(measured, stopped=Stopped.CANCELLED) if cancelled.is_set() else measured

    async def recover(self) -> None:
        self.recovered += 1

    def _measured(self, seconds: float, *, ok: int) -> Measured:
        start = self.clock()
        self.clock.forward(seconds)
        return Measured(
            window=Window(start, self.clock()),
            load=Load(workers=2, processes=1, duration=RUN_SECONDS),
            tally=Tally(ok=ok, requests=ok),
            client=ClientMeasures(10.0, 20.0, 30.0, 40.0, 0.0, 1.0, 2.0, 0.3, Grade.OK, slow_ratio=0.01),
        )


class FixedCatalog:
    def __init__(self, projects: Mapping[str, Project]) -> None:
        self.current = Catalog(projects)

    async def refresh(self) -> Catalog:
        return self.current


def shop(**more: Any) -> Project:
    """A project with everything that it needs."""
    return Project(
        name="shop",
        deployments=(Deployment("stage", "http://127.0.0.1:1"),),
        test=Test("https://example.org/test", env={"SERVER": "{endpoint}", "WHO": "{project}/{source}"}),
        allowed=True,
        metrics=DEFAULT_METRICS,
        schedule=Schedule(every=3600),
        **more,
    )


@dataclass
class World:
    """All the parts; *open* again after *close* is a restart on the same data."""

    data: Path
    clock: Clock = field(default_factory=Clock)
    catalog: FixedCatalog = field(default_factory=lambda: FixedCatalog({"shop": shop()}))
    target: Target = field(default_factory=Target)
    checkouts: Checkouts = field(default_factory=Checkouts)
    keys: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)
    standin: Standin = field(init=False)
    runner: Runner = field(init=False)
    store: Store = field(init=False)
    datadog: Datadog = field(init=False)
    pipeline: Pipeline = field(init=False)
    outbox: Outbox = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _ids: Any = field(default_factory=lambda: count(1))

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.store = await self._stack.enter_async_context(open_store(self.data))
        keys = {"DD_API_KEY": "api-key", "DD_APP_KEY": "app-key"} if self.keys else {}
        settings = load({"DOGDRIVER_DATADOG_URL": self.standin.url, **keys})
        self.datadog = Datadog.from_settings(settings, session, self.clock)
        self.runner = Runner(self.clock)
        self.pipeline = Pipeline(
            Context(
                store=self.store,
                catalog=self.catalog,
                target=self.target,
                checkouts=self.checkouts,
                runner=self.runner,
                datadog=self.datadog,
                clock=self.clock,
                ids=lambda: f"{next(self._ids):032x}",
                source="here",
                settle=SETTLE,
                isolation=Isolation.THREAD,
                link=lambda run: f"http://dash/r/{run}",
                given=GivenSecrets(self.environ, self.withheld.append),
            )
        )
        senders = {
            MessageKind.EVENT: self.datadog.send_event,
            MessageKind.RESULTS: self.datadog.send_series,
            MessageKind.RECOLLECT: self.pipeline.recollect,
        }
        again = {MessageKind.EVENT: self.datadog.send_event_again}
        self.outbox = Outbox(self.store.outbox, senders, self.clock, resenders=again)

    async def close(self) -> None:
        await self._stack.aclose()

    async def launched(self) -> Run:
        """A run that has been triggered and has come to the end of its load."""
        run = await self.pipeline.trigger("shop")
        assert await self.pipeline.launch_next()
        return await self.now(run)

    async def now(self, run: Run) -> Run:
        kept = await self.store.runs.get(run.id)
        assert kept is not None
        return kept

    async def collect_until(self, run: Run, seconds: float) -> Run:
        """All attempts that fall due in the next *seconds*."""
        end = self.clock() + timedelta(seconds=seconds)
        while (due := await self.store.runs.next_due()) is not None and due <= end:
            self.clock.now = max(self.clock.now, due)
            assert await self.pipeline.collect_next()
        self.clock.now = end
        return await self.now(run)

    async def deliver(self) -> None:
        while await self.outbox.deliver_next():
            pass

    def events(self, step: str) -> list[Any]:
        return [
            request.json
            for request in self.standin.requests
            if request.path == "/api/v1/events" and request.status == 202 and f"step:{step}" in request.json["tags"]
        ]

    def feed(self, run: Run, *, cpu: float = 40.0, latency: float = 0.2, delay: float = 0.0) -> None:
        """What the service's hosts and balancer report around the run, seen *delay* seconds after its end."""
        assert run.started is not None
        assert run.ended is not None
        seen = run.ended.timestamp() + delay
        tags, first = ("app:shop", "env:stage"), int(run.started.timestamp()) // 60 * 60 - 120
        minutes = [float(first + 60 * n) for n in range(11)]
        add = self.standin.points.add
        for host in ("a", "b"):
            fine = [float(first + 15 * n) for n in range(44)]
            add("system.cpu.idle", [(at, 100 - cpu) for at in fine], tags=tags, host=host, visible_at=seen)
        counts = [(float(first + 5 * n), 50.0) for n in range(132)]
        add("aws.elb.request_count", counts, tags=tags, visible_at=seen, kind="count")
        add("aws.elb.latency", [(at, latency) for at in minutes], tags=tags, visible_at=seen, unit="second")

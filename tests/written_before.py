"""What version 0.1.0 wrote (data/made_by_0_1_0), and a daemon of now that goes on with it."""

import gzip
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from dogdriver.archive import Archive
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.metrics.query import DEFAULT_METRICS
from dogdriver.model import Deployment, Measured, MessageKind, OutboxMessage, Project, Run, Status, Tally
from dogdriver.pipeline import Context, Pipeline
from dogdriver.pipeline.looks import Looks
from dogdriver.pipeline.outbox import Outbox
from dogdriver.storage import Store
from dogdriver.storage.export import export_lines
from tests.archive.folder_bucket import FolderBucket
from tests.world import Clock, FixedCatalog, Target, World, shop

Document = dict[str, Any]
Told = tuple[str, str, str]
"""A project, its release, and the headline that was told of it."""

MADE = Path(__file__).parent / "data" / "made_by_0_1_0"
EXPECTED: Document = json.loads((MADE / "expected.json").read_text(encoding="utf-8"))
ENDED = datetime.fromisoformat(EXPECTED["at"])
TOLD: Mapping[Told, str] = {
    (project, release, headline): state
    for key, state in EXPECTED["told"].items()
    for project, _, _, release, headline in [key.removeprefix("verdict:").split("/")]
}
"""Which headlines had been put into the outbox, and whether they had been sent."""
SYNC = 30.0

CPU, RPS, ART = DEFAULT_METRICS
HOSTS = "avg:system.cpu.idle{app:{project},env:{deployment}} by {host,instance-type}"
PROJECTS: Mapping[str, Project] = {
    name: replace(shop(), name=name, deployments=(Deployment(place, f"http://{name}"),), **more)
    for name, place, more in (
        ("shop", "stage", {"metrics": (CPU, ART), "fingerprint": HOSTS}),
        ("search", "prod", {"metrics": (ART,)}),
        ("login", "prod", {"metrics": (RPS,)}),
    )
}
NEWEST = {"shop": ("1.3.0", 1.8), "search": ("1.1", 0.5), "login": ("1.1", 2.0)}
"""What each of them ran in the end, and how slow that was."""


# What is used of the store, of looks and of tests.world; all else goes by the API and the export


def context_of(world: World) -> Context:
    return world.pipeline._context


async def kept_run(store: Store, run_id: str) -> Run:
    run = await store.runs.get(run_id)
    assert run
    return run


async def one_more_look(world: World, run: Run) -> None:
    await Looks(world.store).look_again(run, world.catalog.current.projects.get(run.project), world.clock())


async def next_due(store: Store) -> datetime | None:
    return await store.runs.next_due()


async def messages(store: Store) -> Sequence[OutboxMessage]:
    """All that is or was in the outbox."""
    return await store.outbox.list(limit=10_000)


# The files


def database(data: Path) -> Path:
    """A data directory with the database as it was left."""
    data.mkdir()
    (data / "dogdriver.db").write_bytes(gzip.decompress((MADE / "dogdriver.db.gz").read_bytes()))
    return data


def export() -> list[bytes]:
    """The lines of the export of that time."""
    return gzip.decompress((MADE / "export.jsonl.gz").read_bytes()).splitlines(keepends=True)


def of_kind(kind: str, lines: Iterable[bytes | str]) -> list[Document]:
    return [document[kind] for line in lines if (document := json.loads(line))["kind"] == kind]


def exported(data: Path, kind: str) -> list[Document]:
    """What an export of now says of *data*, beside a daemon that may be running there."""
    out = io.StringIO()
    export_lines(data, out)
    return of_kind(kind, out.getvalue().splitlines())


# A daemon of now


class Deployed(Target):
    """Each is what it was in the end."""

    async def version(self, deployment: Deployment) -> tuple[str | None, str | None]:
        version, _ = NEWEST[deployment.endpoint.removeprefix("http://")]
        return version, version.encode().hex().ljust(40, "0")


def _clock() -> Clock:
    clock = Clock()
    clock.now = ENDED
    return clock


@dataclass
class Later(World):
    """A daemon that begins where the old one ended, in a world that is as it was."""

    clock: Clock = field(default_factory=_clock)
    catalog: FixedCatalog = field(default_factory=lambda: FixedCatalog(PROJECTS))
    target: Target = field(default_factory=Deployed)
    source: str = "paris"
    bucket: FolderBucket = field(default_factory=lambda: FolderBucket("dogdriver", MADE / "bucket"))
    archive: Archive = field(init=False)

    async def open(self) -> None:
        await super().open()
        context = replace(context_of(self), source=self.source)
        self.pipeline = Pipeline(context)
        self.archive = Archive(context, self.store, self.bucket, sync=SYNC)
        senders = {
            MessageKind.EVENT: self.datadog.send_event,
            MessageKind.RESULTS: self.datadog.send_series,
            MessageKind.RECOLLECT: self.pipeline.recollect,
        }
        self.outbox = Outbox(self.store.outbox, senders, self.clock)
        self.runner.change = self._measured

    async def start(self) -> None:
        await self.open()
        await self.pipeline.recover()

    async def one_more(self, project: str) -> Run:
        """A run of what *project* runs, to its end, with those that were queued before."""
        run = await self.pipeline.trigger(project)
        while run.status is Status.QUEUED:
            assert await self.pipeline.launch_next()
            run = await self.now(run)
        run = await self.collect_until(run, 1800)
        await self.deliver()
        return run

    def _measured(self, measured: Measured) -> Measured:
        project = self.runner.jobs[-1].env["WHO"].partition("/")[0]
        self.points(project, measured.window.start)
        _, slow = NEWEST[project]
        client = structs.replace(measured.client, rps=100 / slow, p50=35.7 * slow, p95=61.8 * slow, p99=64.4 * slow)
        return replace(measured, client=client, tally=Tally(ok=3000, requests=30000, errors=10))

    def points(self, project: str, start: datetime) -> None:
        """What the hosts and the balancer of a service report around a run that began then."""
        _, slow = NEWEST[project]
        tags, first = (f"app:{project}", f"env:{PROJECTS[project].deployments[0].name}"), int(start.timestamp()) - 120
        every, add = [float(first // 60 * 60 + 60 * n) for n in range(11)], self.standin.points.add
        for host in "ab":
            fine = [(every[0] + 15 * n, 60 / slow**0.5) for n in range(44)]
            add("system.cpu.idle", fine, tags=(*tags, "instance-type:m5.large"), host=host, visible_at=0)
        add("aws.elb.request_count", [(at, 6000 / slow) for at in every], tags=tags, visible_at=0, kind="count")
        add("aws.elb.latency", [(at, 0.2 * slow) for at in every], tags=tags, visible_at=0, unit="second")

    async def look_again(self) -> None:
        """One more look at every release of every series, without a new run."""
        newest = {(run["project"], run["deployment"], run["source"], run["release"]): run["id"] for run in self.done()}
        for run_id in newest.values():
            run = await kept_run(self.store, run_id)
            await one_more_look(self, run)

    async def collect_all(self) -> None:
        """Whatever waits for Datadog, to its end."""
        while (due := await next_due(self.store)) is not None:
            self.clock.now = max(self.clock.now, due)
            assert await self.pipeline.collect_next()

    async def sync(self) -> None:
        """The next look into the bucket, and all that follows from it."""
        self.clock.forward(SYNC)
        while await self.archive.sync_next():
            pass

    async def upload(self) -> None:
        while await self.archive.upload_next():
            pass

    def done(self) -> list[Document]:
        return [run for run in exported(self.data, "run") if run["status"] == "done"]

    async def in_outbox(self) -> list[Told]:
        """What was to be told; what counts as told from its history is marked without an event."""
        events = [one.payload for one in await messages(self.store) if one.kind == "datadog.event"]
        return told(event for event in events if event)


@asynccontextmanager
async def daemon(data: Path, *, source: str = "paris") -> AsyncIterator[Later]:
    """One that has started."""
    data.mkdir(exist_ok=True)
    world = Later(data, source=source)
    async with serve_standin(world.clock, api_key="api-key", app_key="app-key") as standin:
        world.standin = standin
        await world.start()
        yield world
        await world.close()


# What was said


def told(events: Iterable[Mapping[str, Any]]) -> list[Told]:
    """What events said of releases; those of the start and the stop of runs say nothing of them."""
    tags = [dict(tag.split(":", 1) for tag in event["tags"]) for event in events]
    return sorted((one["project"], one["version"], one["headline"]) for one in tags if "headline" in one)


def heard(standin: Standin) -> list[Told]:
    """The same of the events that have come to Datadog."""
    return told(one.json for one in standin.asked("/api/v1/events", "POST") if one.status == 202)


def announced(data: Path) -> set[tuple[str, ...]]:
    """What stands announced: project, source, release, metric, outcome."""
    newest = {(*one["key"].values(), one["release"]): one for one in sorted(exported(data, "verdict"), key=_look)}
    return {
        (one["key"]["project"], one["key"]["source"], one["release"], one["key"]["metric"], one["standing_outcome"])
        for one in newest.values()
        if one["standing"] == "announced"
    }


def _look(verdict: Document) -> int:
    return int(verdict["look"])


# Comparing


def lacks(found: Any, wanted: Any, path: str = "") -> list[str]:
    """Where *found* is not all that is *wanted*; documents may have further fields."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [text for name, one in wanted.items() for text in lacks(found.get(name), one, f"{path}.{name}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [text for n, one in enumerate(wanted) for text in lacks(found[n], one, f"{path}[{n}]")]
    return [] if found == wanted else [f"{path} is {found!r}, was {wanted!r}"]


def lost(found: Sequence[Document], wanted: Sequence[Document], *, but: Iterable[str] = ()) -> list[str]:
    """The same for many runs, verdicts or releases; of runs the fields *but* may differ."""
    there = {_name(one): one for one in found}
    return [
        text
        for one in wanted
        for text in lacks(
            there.get(_name(one)), {field: value for field, value in one.items() if field not in but}, str(_name(one))
        )
    ]


def _name(one: Document) -> tuple[str, ...]:
    if "key" in one:
        return (*one["key"].values(), one["release"], str(one["look"]))
    return (one["id"],) if "id" in one else (one["project"], one["deployment"], one["label"])

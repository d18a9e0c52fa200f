"""Wiring only: the one place that names concrete classes. A resource is one `cleanup_ctx`, and RESOURCES their order.

They start in that order and end in the opposite one. Each finds what it needs in the application under its key, and
leaves there what those behind it need.
"""

import asyncio
import json
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from dogdriver import identity, logs
from dogdriver import web as site
from dogdriver.archive import Archive
from dogdriver.calculator import Calculator
from dogdriver.catalog import ProjectCatalog
from dogdriver.checkout import TestCheckouts
from dogdriver.datadog import Datadog
from dogdriver.given_secrets import GivenSecrets
from dogdriver.model import Clock, Failures, Isolation, MessageKind, Problem
from dogdriver.network import http_client
from dogdriver.notify.delivery import World
from dogdriver.notify.notifier import Notifier
from dogdriver.pipeline import Context, Pipeline
from dogdriver.pipeline.outbox import Outbox
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.pipeline.retention import Retention, RunsKept
from dogdriver.reports.needed import Timetable
from dogdriver.reports.status import Status
from dogdriver.runner import MolotovRunner
from dogdriver.scheduler import Scheduler, Worker
from dogdriver.server import GRACE, RELOAD, ignore_second_signal, listen
from dogdriver.settings import Secret, Settings
from dogdriver.storage import Store, open_store
from dogdriver.target import DockerflowTarget
from dogdriver.tokens import Keyring
from dogdriver.web.proxies import Proxies

log = logging.getLogger(__name__)

WATCH_DEMO = 2.0  # seconds between two looks at what the deployments run
VERSION_FILE = Path("/app/version.json")  # written when the image is built (Dockerflow)


Resource = Callable[[web.Application], AsyncIterator[None]]


@dataclass(frozen=True, slots=True)
class Start:
    """What the daemon is started with: *address* is where its pages are, *environ* what git and uv may see."""

    settings: Settings
    environ: Mapping[str, str]
    address: str
    clock: Clock
    demo: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this daemon is, and what none of its words may show."""

    source: str
    token: Secret
    token_file: Path | None
    mask: logs.Masker


START = web.AppKey("start", Start)
SESSION = web.AppKey("session", aiohttp.ClientSession)
STORE = web.AppKey("store", Store)
IDENTITY = web.AppKey("identity", Identity)
CATALOG = web.AppKey("catalog", ProjectCatalog)
DATADOG = web.AppKey("datadog", Datadog)
CALCULATOR = web.AppKey("calculator", Calculator)
CONTEXT = web.AppKey("context", Context)
NOTIFIER = web.AppKey("notifier", Notifier)
PIPELINE = web.AppKey("pipeline", Pipeline)
ARCHIVE = web.AppKey("archive", Archive)  # where a bucket is set
SCHEDULER = web.AppKey("scheduler", Scheduler)


def clock() -> datetime:
    """The time now; everything else is given this function, or another one."""
    return datetime.now(UTC)  # noqa: TID251 - the clock that is injected everywhere


def create_app(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    address: str,
    now: Clock = clock,
    demo: bool = False,
    first: tuple[Resource, ...] = (),
) -> web.Application:
    """The whole daemon, not started yet. *first* are resources that start before its own (the demo's world)."""
    app = web.Application()
    app[START] = Start(settings, environ, address, now, demo)
    app.cleanup_ctx.extend(partial(_all_or_none, resource) for resource in (*first, *RESOURCES))
    app.on_shutdown.append(ignore_second_signal)
    return app


async def http_session(app: web.Application) -> AsyncIterator[None]:
    async with http_client(app[START].environ) as app[SESSION]:
        yield


async def store(app: web.Application) -> AsyncIterator[None]:
    data = app[START].settings.data
    identity.prepare_directory(data)
    async with open_store(data) as app[STORE]:  # from here on the data directory is ours alone
        yield


async def own_identity(app: web.Application) -> AsyncIterator[None]:
    settings, environ = app[START].settings, app[START].environ
    source = identity.source(settings, socket.gethostname())
    token, token_file = identity.token(settings)
    mask = logs.Masker.of(settings, environ, token)
    logs.configure(settings.log, mask)
    app[IDENTITY] = Identity(source, token, token_file, mask)
    yield


async def catalog(app: web.Application) -> AsyncIterator[None]:
    start = app[START]
    app[CATALOG] = ProjectCatalog.from_settings(start.settings, app[SESSION], start.clock, app[STORE].state)
    await app[CATALOG].restore()  # ServiceBook is asked by the scheduler: it may take its time
    yield


async def datadog(app: web.Application) -> AsyncIterator[None]:
    start = app[START]
    app[DATADOG] = Datadog.from_settings(start.settings, app[SESSION], start.clock, app[STORE].state)
    keys = asyncio.create_task(app[DATADOG].check_keys())  # never delays listening
    yield
    keys.cancel()
    await asyncio.gather(keys, return_exceptions=True)


async def calculator(app: web.Application) -> AsyncIterator[None]:
    app[CALCULATOR] = Calculator()
    yield
    app[CALCULATOR].close()


async def pipeline(app: web.Application) -> AsyncIterator[None]:
    start, own = app[START], app[IDENTITY]
    base = start.settings.public_url or start.address
    app[CONTEXT] = build_context(
        start.settings, start.environ, app[SESSION], app[STORE], app[CATALOG], app[DATADOG],
        home=start.settings.data, clock=start.clock, source=own.source, mask=own.mask, grace=GRACE / 2,
        link=lambda run: f"{base}/r/{run}", page=lambda project: f"{base}/p/{quote(project, safe='')}",
        alone=start.settings.bucket is None, compute=app[CALCULATOR],
    )  # fmt: skip
    app[NOTIFIER] = notifier(start.settings, app[SESSION], app[CATALOG], start.clock, app[CONTEXT].given, own.mask,
                             app[CONTEXT].failures)  # fmt: skip
    app[NOTIFIER].learn_all()
    app[PIPELINE] = Pipeline(app[CONTEXT])
    if interrupted := await app[PIPELINE].recover():
        log.warning("%d run(s) had been interrupted by the end of the last daemon", interrupted)
    yield


async def archive(app: web.Application) -> AsyncIterator[None]:
    """What goes to the bucket and comes from it, where one is set."""
    settings = app[START].settings
    if settings.bucket is None:
        yield
        return
    from dogdriver.storage.s3 import open_bucket  # noqa: PLC0415 - 60 MB and a second, for those who have a bucket

    async with open_bucket(settings.bucket) as bucket:
        for name in logs.AWS:  # the client has taken its own
            os.environ.pop(name, None)  # noqa: TID251 - the wiring
        app[ARCHIVE] = Archive(app[CONTEXT], app[STORE], bucket, sync=settings.sync)
        yield


async def scheduler(app: web.Application) -> AsyncIterator[None]:
    start, kept = app[START], app[STORE]
    app[SCHEDULER] = Scheduler(
        pipeline=app[PIPELINE], runs=kept.runs, catalog=app[CATALOG], clock=start.clock,
        failures=app[CONTEXT].failures, workers=tuple(_workers(app)),
        watch=WATCH_DEMO if start.demo else start.settings.watch,
    )  # fmt: skip
    app[RELOAD] = app[SCHEDULER].reload
    await app[SCHEDULER].start()
    yield
    await app[SCHEDULER].close(GRACE)


async def pages(app: web.Application) -> AsyncIterator[None]:
    start, own = app[START], app[IDENTITY]
    warnings = tuple(Problem("settings", warning) for warning in start.settings.warnings)
    status = Status(
        store=app[STORE], catalog=app[CATALOG], datadog=app[DATADOG], scheduler=app[SCHEDULER],
        failures=app[CONTEXT].failures, archive=app.get(ARCHIVE), servicebook=start.settings.servicebook is not None,
        warnings=warnings, pauses=app[PIPELINE].pauses,
    )  # fmt: skip
    site.setup(
        app, store=app[STORE], commands=app[PIPELINE], catalog=app[CATALOG], status=status, clock=start.clock,
        source=own.source, token=own.token, private=start.settings.private, version=version(), demo=start.demo,
        public_url=start.settings.public_url, mask=own.mask,
        proxies=Proxies(start.settings.trusted_proxies or (), start.settings.user_header),
        keyring=Keyring(start.settings.data, start.clock), compute=app[CALCULATOR],
        timetable=Timetable(app[SCHEDULER], app[CATALOG], own.source, start.settings.settle),
    )  # fmt: skip
    _greet(start, own)
    yield


RESOURCES = (http_session, store, own_identity, catalog, datadog, calculator, pipeline, archive, scheduler, pages)


def build_context(
    settings: Settings,
    environ: Mapping[str, str],
    session: aiohttp.ClientSession,
    kept: Store,
    projects: CatalogSource,
    metrics: Datadog,
    *,
    home: Path,
    clock: Clock,
    source: str,
    mask: logs.Masker,
    grace: float,
    link: Callable[[str], str | None],
    **others: Any,
) -> Context:
    """What the steps of a run work with; *home* holds checkouts and what the runner must find again."""
    return Context(
        store=kept,
        catalog=projects,
        target=DockerflowTarget(session),
        checkouts=TestCheckouts(home / "checkouts", environ=environ, mask=mask),
        runner=MolotovRunner(home, clock, grace=grace, mask=mask),
        datadog=metrics,
        clock=clock,
        ids=lambda: uuid.uuid4().hex,
        source=source,
        settle=settings.settle,
        isolation=Isolation(settings.isolation),
        link=link,
        mask=mask,
        given=GivenSecrets(environ, lambda name: os.environ.pop(name, None)),  # noqa: TID251 - the wiring
        **others,
    )


def notifier(
    settings: Settings, session: aiohttp.ClientSession, projects: CatalogSource, now: Clock, given: GivenSecrets,
    mask: logs.Masker, failures: Failures,
) -> Notifier:  # fmt: skip
    """Who tells people and programs."""
    mask.add(settings.smtp)
    world = World(session, now, settings.smtp, settings.smtp_from)
    return Notifier(world, lambda: projects.current, given, failures, mask.add)


def _workers(app: web.Application) -> Iterator[Worker]:
    """Who repeats a step; each step does one thing, and says whether there was one to do."""
    kept, now, run = app[STORE], app[START].clock, app[PIPELINE]
    senders = {
        MessageKind.EVENT: app[DATADOG].send_event,
        MessageKind.RESULTS: app[DATADOG].send_series,
        MessageKind.RECOLLECT: run.recollect,
        MessageKind.NOTICE: run.pass_on,
    }
    outbox = Outbox(
        kept.outbox,
        senders,
        now,
        resenders={MessageKind.EVENT: app[DATADOG].send_event_again},
        failures=app[CONTEXT].failures,
        leave=MessageKind.NOTIFY,
    )
    # A receiver that does not answer holds up nothing else.
    telling = {MessageKind.NOTIFY: app[NOTIFIER].send}
    notices = Outbox(kept.outbox, telling, now, failures=app[CONTEXT].failures, only=MessageKind.NOTIFY)
    set_to = app[START].settings
    runs = RunsKept(None if set_to.keep_runs is None else timedelta(days=set_to.keep_runs), set_to.most_runs)
    retention = Retention(kept.values, now, timedelta(days=set_to.keep_raw), runs=kept.deletions, kept=runs)
    worker = partial(Worker, commits=kept.commits, clock=now, failures=app[CONTEXT].failures)
    yield worker("launch", run.launch_next)
    yield worker("evidence", run.gather_next, next_due=run.next_gathering)
    yield worker("collect", run.collect_next, next_due=kept.runs.next_due)
    yield worker("cards", run.show_next)
    yield worker("outbox", outbox.deliver_next, next_due=outbox.next_due)
    yield worker("notify", notices.deliver_next, next_due=notices.next_due)
    yield worker("retention", retention.next, next_due=retention.due)
    if bucket := app.get(ARCHIVE):
        yield worker("archive", bucket.upload_next, next_due=bucket.next_upload)
        yield worker("bucket", bucket.sync_next, next_due=bucket.next_sync)


@asynccontextmanager
async def _all_or_none(resource: Resource, app: web.Application) -> AsyncIterator[None]:
    """Where *resource* cannot start, those before it end: aiohttp itself would leave them to the interpreter."""
    context: AbstractAsyncContextManager[None] = asynccontextmanager(resource)(app)
    try:
        await context.__aenter__()
    except BaseException:
        await app.cleanup()
        raise
    try:
        yield
    finally:
        await context.__aexit__(None, None, None)


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the daemon until a signal ends it."""
    return listen(settings.host, settings.port, partial(_at, settings, environ))


def _at(settings: Settings, environ: Mapping[str, str], address: str) -> web.Application:
    return create_app(settings, environ, address=address)


def version() -> dict[str, Any]:
    """What `/__version__` says: the image's version.json, else the installed package."""
    try:
        return dict(json.loads(VERSION_FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {"source": None, "version": installed_version("dogdriver"), "commit": None, "build": None}


def _greet(start: Start, own: Identity) -> None:
    for warning in start.settings.warnings:
        log.warning("%s", warning)
    log.info("dogDriver listens on %s as source %s; its data is in %s", start.address, own.source, start.settings.data)
    if own.token_file:
        show = "dogdriver token --demo" if start.demo else "dogdriver token"
        log.info("writes need the token in %s (`%s` shows it)", own.token_file, show)

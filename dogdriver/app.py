"""Wiring only: settings → services → jobs → routes. The one place that names concrete classes.

What lives as long as the process, in the order it starts: the HTTP session, the store, the catalog, Datadog,
the runner, the pipeline, the bucket if there is one, the scheduler with its workers, the web. They end in the
opposite order.
"""

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from dogdriver import identity, logs
from dogdriver import web as pages
from dogdriver.archive import Archive
from dogdriver.catalog import ProjectCatalog
from dogdriver.checkout import TestCheckouts
from dogdriver.datadog import Datadog
from dogdriver.errors import SettingsError
from dogdriver.model import Isolation, MessageKind, Problem
from dogdriver.pipeline import Pipeline, Services
from dogdriver.pipeline.outbox import Outbox
from dogdriver.pipeline.retention import Retention
from dogdriver.reports.status import Status
from dogdriver.runner import MolotovRunner
from dogdriver.scheduler import Scheduler, Worker
from dogdriver.settings import Secret, Settings
from dogdriver.storage import Store, open_store
from dogdriver.target import DockerflowTarget

log = logging.getLogger(__name__)

WATCH, WATCH_DEMO = 300.0, 5.0  # seconds between two looks at what the deployments run
GRACE = 8.0  # seconds that a run in hand has at shutdown; `docker stop` kills after ten
AWS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")  # read by its own library, and shown by nobody
VERSION_FILE = Path("/app/version.json")  # written when the image is built (Dockerflow)


def clock() -> datetime:
    """The time now; everything else is given this function, or another one."""
    return datetime.now(UTC)  # noqa: TID251 - the clock that is injected everywhere


async def create_app(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    address: str,
    now: Callable[[], datetime] = clock,
    demo: bool = False,
) -> web.Application:
    """The whole daemon, not started yet; *address* is where its pages are, *environ* what git and uv may see."""
    stack = AsyncExitStack()
    try:
        return await _build(stack, settings, environ, address=address, now=now, demo=demo)
    except BaseException:
        await stack.aclose()
        raise


async def _build(
    stack: AsyncExitStack, settings: Settings, environ: Mapping[str, str], *, address: str, now: Callable[[], datetime],
    demo: bool,
) -> web.Application:  # fmt: skip
    identity.prepare(settings.data)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    store = await stack.enter_async_context(open_store(settings.data))  # from here on the data directory is ours alone
    source = identity.source(settings, socket.gethostname())
    token, token_file = identity.token(settings)
    mask = logs.Masker((token, settings.api_key, settings.app_key, *(Secret(environ.get(name, "")) for name in AWS)))
    logs.configure(settings.log, mask)

    catalog = ProjectCatalog.from_settings(settings, session, now, store.state)
    datadog = Datadog.from_settings(settings, session, now, store.state)
    services = Services(
        store=store,
        catalog=catalog,
        target=DockerflowTarget(session),
        checkouts=TestCheckouts(settings.data / "checkouts", environ=environ),
        runner=MolotovRunner(settings.data, now, grace=GRACE / 2, mask=mask),
        datadog=datadog,
        clock=now,
        ids=lambda: uuid.uuid4().hex,
        source=source,
        settle=settings.settle,
        isolation=Isolation(settings.isolation),
        link=lambda run: f"{settings.public_url or address}/r/{run}",
    )
    pipeline = Pipeline(services)
    archive = await _archive(stack, settings, services, store)
    senders = {
        MessageKind.EVENT: datadog.send_event,
        MessageKind.RESULTS: datadog.send_series,
        MessageKind.RECOLLECT: pipeline.recollect,
    }
    outbox = Outbox(store.outbox, senders, now)
    retention = Retention(store.values, now, timedelta(days=settings.keep_raw))
    scheduler = Scheduler(
        pipeline=pipeline, runs=store.runs, catalog=catalog, clock=now, watch=WATCH_DEMO if demo else WATCH,
        workers=(
            Worker("launch", pipeline.launch_next, store.commits, now),
            Worker("collect", pipeline.collect_next, store.commits, now, store.runs.next_due),
            Worker("outbox", outbox.deliver_next, store.commits, now, store.outbox.next_due),
            Worker("retention", retention.next, store.commits, now, retention.due),
            *_bucket_workers(archive, store, now),
        ),
    )  # fmt: skip

    app = web.Application()
    status = Status(
        store=store, catalog=catalog, datadog=datadog, scheduler=scheduler, settings=settings, archive=archive,
        warnings=tuple(Problem("settings", w) for w in settings.warnings),
    )  # fmt: skip
    pages.setup(
        app, store=store, commands=pipeline, catalog=catalog, status=status, clock=now, source=source, token=token,
        private=settings.private, version=version(), demo=demo, public_url=settings.public_url, mask=mask,
    )  # fmt: skip

    async def running(_: web.Application) -> AsyncIterator[None]:
        await catalog.restore()  # the scheduler asks ServiceBook, which may take its time
        if interrupted := await pipeline.recover():
            log.warning("%d run(s) had been interrupted by the end of the last daemon", interrupted)
        keys = asyncio.create_task(datadog.check_keys())  # never delays listening
        await scheduler.start()
        _greet(settings, address, source, token_file)
        yield
        keys.cancel()
        await asyncio.gather(keys, return_exceptions=True)
        await scheduler.close(GRACE)

    async def close(_: web.Application) -> None:
        await stack.aclose()

    app.cleanup_ctx.append(running)
    app.on_cleanup.append(close)
    return app


async def _archive(stack: AsyncExitStack, settings: Settings, services: Services, store: Store) -> Archive | None:
    """What goes to and comes from the bucket; None without one."""
    if settings.bucket is None:
        return None
    from dogdriver.storage.s3 import open_bucket  # noqa: PLC0415 - 60 MB and a second, for those who have a bucket

    bucket = await stack.enter_async_context(open_bucket(settings.bucket))
    for name in AWS:  # the client has taken its own
        os.environ.pop(name, None)  # noqa: TID251 - the wiring
    return Archive(services, store, bucket, sync=settings.sync)


def _bucket_workers(archive: Archive | None, store: Store, now: Callable[[], datetime]) -> tuple[Worker, ...]:
    if archive is None:
        return ()
    return (
        Worker("archive", archive.upload_next, store.commits, now, archive.next_upload),
        Worker("bucket", archive.sync_next, store.commits, now, archive.next_sync),
    )


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the daemon until a signal ends it."""

    def build(address: str) -> Awaitable[web.Application]:
        return create_app(settings, environ, address=address)

    return listen(settings.host, settings.port, build)


def listen(host: str, port: int, build: Callable[[str], Awaitable[web.Application]]) -> int:
    """Take the port, build the application for its address, and let aiohttp own the process."""
    with _listening(host, port) as sock:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}"
        web.run_app(_deaf_at_the_end(build(address)), sock=sock, print=None, access_log=None, shutdown_timeout=GRACE)
    return 0


async def _deaf_at_the_end(building: Awaitable[web.Application]) -> web.Application:
    """Once it is stopping, a second signal must not cut the end short."""

    async def deafen(_: web.Application) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, log.info, "stopping already")

    app = await building
    app.on_shutdown.append(deafen)
    return app


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} on {host} is taken; set DOGDRIVER_PORT to a free one, or stop what listens there"
            ) from None
        why = (error.strerror or "").partition(" (")[0]
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({why}); set DOGDRIVER_HOST and DOGDRIVER_PORT"
        ) from None


def version() -> dict[str, Any]:
    """What `/__version__` says: the image's version.json, else the installed package."""
    try:
        return dict(json.loads(VERSION_FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {"source": None, "version": installed_version("dogdriver"), "commit": None, "build": None}


def _greet(settings: Settings, address: str, source: str, token_file: Path | None) -> None:
    for warning in settings.warnings:
        log.warning("%s", warning)
    log.info("dogDriver listens on %s as source %s; its data is in %s", address, source, settings.data)
    if token_file:
        log.info("writes need the token in %s (`dogdriver token` shows it)", token_file)

"""What a client works with: the daemon's own pipeline around a store of its own; wiring only."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from dogdriver.app import build_context
from dogdriver.catalog import ProjectCatalog
from dogdriver.cli.catalog import DaemonCatalog
from dogdriver.cli.destinations import DaemonClient, Destination
from dogdriver.cli.report import Report
from dogdriver.cli.store import open_client_store
from dogdriver.datadog import Datadog
from dogdriver.errors import StoreError
from dogdriver.logs import Masker
from dogdriver.model import Clock, MessageKind, Snapshot
from dogdriver.pipeline import Context, Pipeline
from dogdriver.pipeline.outbox import Outbox
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.pipeline.progress import LiveProgress
from dogdriver.scheduler import Worker
from dogdriver.settings import Settings
from dogdriver.storage import Store, open_store
from dogdriver.storage.database import locked

LONGEST = 150  # letters of a folder's name
GRACE = 10.0  # seconds that a load has to end in


class _ReportedProgress(LiveProgress):
    """Passes every snapshot on to the report."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def push(self, run_id: str, snapshot: Snapshot) -> None:
        super().push(run_id, snapshot)
        self._report.load(run_id, snapshot)


@dataclass(frozen=True, slots=True)
class Session:
    """*outgoing* is the worker that sends events and deliveries while everything else goes on."""

    context: Context
    pipeline: Pipeline
    store: Store
    outgoing: Worker


@asynccontextmanager
async def open_session(
    settings: Settings, environ: Mapping[str, str], http: aiohttp.ClientSession, clock: Clock, *,
    source: str, destination: Destination | None, lookup: DaemonClient | None, project: str | None, report: Report,
    mask: Masker,
) -> AsyncIterator[Session]:  # fmt: skip
    """Open until the end. *lookup* is asked for projects where neither a projects file nor ServiceBook is set.

    Raises StoreError where another dogDriver works in the data directory: two loads at once would measure each other.
    """
    home = settings.data / "client" if destination else settings.data
    async with AsyncExitStack() as stack:
        store = await _store(stack, home, destination, clock)
        catalog: CatalogSource = ProjectCatalog.from_settings(settings, http, clock, store.state)
        if lookup and not (settings.projects or settings.servicebook):
            catalog = DaemonCatalog(lookup, project)
        datadog = Datadog.from_settings(settings, http, clock, store.state)
        context = build_context(
            settings, environ, http, store, catalog, datadog, home=home, clock=clock, source=source, mask=mask,
            grace=GRACE, link=destination.link if destination else lambda _: None, live=_ReportedProgress(report),
        )  # fmt: skip

        async def deliver(payload: Mapping[str, Any]) -> None:
            if destination is not None:
                await destination.deliver(payload)

        pipeline = Pipeline(context)
        senders = {
            MessageKind.EVENT: datadog.send_event,
            MessageKind.RESULTS: datadog.send_series,
            MessageKind.RECOLLECT: pipeline.recollect,
            MessageKind.DELIVERY: deliver,
        }
        outbox = Outbox(store.outbox, senders, clock, resenders={MessageKind.EVENT: datadog.send_event_again})
        outgoing = Worker(
            "outbox", outbox.deliver_next, commits=store.commits, clock=clock, failures=context.failures,
            next_due=outbox.next_due,
        )  # fmt: skip
        yield Session(context, pipeline, store, outgoing)


async def _store(stack: AsyncExitStack, home: Path, destination: Destination | None, clock: Clock) -> Store:
    if destination is None:
        try:
            return await stack.enter_async_context(open_store(home))
        except StoreError as error:
            raise StoreError(f"{error.message} To hand the run to a running daemon, name it with --to.") from None
    stack.enter_context(locked(home))
    return await stack.enter_async_context(open_client_store(home / "to" / _folder(destination.name), clock))


def _folder(name: str) -> str:
    quoted = quote(name, safe="")
    return quoted if len(quoted) <= LONGEST else hashlib.sha256(name.encode()).hexdigest()

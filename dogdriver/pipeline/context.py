"""What the steps of a run work with: everything outside the pipeline, behind small Protocols."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from dogdriver.errors import Unavailable
from dogdriver.given_secrets import GivenSecrets
from dogdriver.logs import Masker
from dogdriver.metrics.query import metric_query
from dogdriver.metrics.slow_requests import slow_share_of_histogram
from dogdriver.metrics.units import delivered_in
from dogdriver.model import (
    CLIENT_METRICS,
    SLOW_REQUESTS,
    Clock,
    EventStep,
    Failures,
    Isolation,
    MessageKind,
    MetricState,
    MetricValue,
    OutboxMessage,
    Project,
    Run,
    Status,
)
from dogdriver.pipeline.backoff import due_after
from dogdriver.pipeline.cards import Compute
from dogdriver.pipeline.ports import CatalogSource, Checkouts, Datadog, Runner, Store, Target
from dogdriver.pipeline.progress import LiveProgress

LEASE = timedelta(minutes=5)  # longer than any attempt at collecting one run may take


@dataclass(frozen=True, slots=True)
class Context:
    """*settle* in seconds; *link* gives the address of a run on this dashboard; *ids* makes new run ids; *failures*
    keeps what went wrong, by what it was; *mask* takes the known secrets out of a text,
    *given* has those that tests get. *page* gives the address of a project. *alone*: no other daemon knows of our runs,
    for there is no bucket. *compute* is where statistics run, *turn* whose turn it is there.
    """

    store: Store
    catalog: CatalogSource
    target: Target
    checkouts: Checkouts
    runner: Runner
    datadog: Datadog
    clock: Clock
    ids: Callable[[], str]
    source: str
    settle: float
    isolation: Isolation
    link: Callable[[str], str | None]
    mask: Masker = field(default_factory=Masker)
    given: GivenSecrets = field(default_factory=lambda: GivenSecrets({}, str))
    compute: Compute = asyncio.to_thread
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    page: Callable[[str], str | None] = lambda _: None
    alone: bool = False
    live: LiveProgress = field(default_factory=LiveProgress)
    failures: Failures = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "failures", Failures(self.clock))

    def project(self, run: Run) -> Project | None:
        return self.catalog.current.projects.get(run.project)

    def awaits_catalog(self, run: Run) -> bool:
        """Whether ServiceBook, which has never answered so far, may still know what *run* needs of its project."""
        project = self.project(run)
        lacking = project is None or project.test is None or project.deployment(run.deployment) is None
        return lacking and not self.catalog.current.complete

    def require_catalog(self, run: Run) -> None:
        """Raises Unavailable where that is so: later everything may be known."""
        if self.awaits_catalog(run):
            raise Unavailable(f"{run.project} is not known yet, try again later: {self.catalog.current.stale}")

    def waiting_values(self, run: Run) -> dict[str, MetricValue]:
        """The metrics of the run's project, none of which was read yet."""
        project = self.project(run)
        state = MetricState.WAITING if self.datadog.configured else MetricState.NOT_CONFIGURED
        note = "not asked yet: Datadog's metrics come late"
        if not self.datadog.configured:
            note = "no Datadog keys are set, so this was not asked for; set DD_API_KEY and DD_APP_KEY"
        return {
            metric.name: MetricValue(state=state, query=metric_query(metric, run), unit=metric.unit, note=note)
            for metric in (project.metrics if project else ())
        }

    def first_due(self, run: Run) -> datetime:
        """When the metrics of a run that has ended are looked at first."""
        ended = run.ended or self.clock()
        if all(value.state.final for value in run.metrics.values()):
            return ended
        return due_after(ended, self.settle, 0) or ended

    def as_received(self, run: Run) -> Run:
        """A run made elsewhere as it is kept here: a pending one waits for all metrics of its project.

        Values are in the project's units; raises Invalid for one that cannot be.
        """
        project = self.project(run)
        known = {metric.name: metric for metric in (*CLIENT_METRICS, *(project.metrics if project else ()))}
        metrics = {
            name: delivered_in(value, known[name]) if name in known else value for name, value in run.metrics.items()
        }
        run = replace(run, metrics=metrics | _slow_requests(run))
        if run.status is not Status.PENDING:
            return run
        run = replace(run, metrics={**self.waiting_values(run), **run.metrics})
        return replace(run, due=self.first_due(run))

    def event(self, run: Run, step: EventStep) -> OutboxMessage:
        """The message that marks the start or the stop of *run* in Datadog, one of each for a run."""
        now = self.clock()
        payload = self.datadog.run_event(run, step, at=now, link=self.link(run.id))
        return self.message(MessageKind.EVENT, f"{run.id}:{step}", run, payload)

    def message(
        self, kind: str, key: str, run: Run, payload: Mapping[str, Any], *, due: datetime | None = None
    ) -> OutboxMessage:
        """Due now, where nothing else is said."""
        now = self.clock()
        return OutboxMessage(kind=kind, key=key, run=run.id, payload=payload, due=due or now, created=now)


def _slow_requests(run: Run) -> dict[str, MetricValue]:
    """Of a run whose maker sent its latencies, and not what they say of the tail."""
    if run.client is None or SLOW_REQUESTS in run.metrics:
        return {}
    share = run.client.slow_ratio
    if share is None and run.client.histogram is not None:
        share = slow_share_of_histogram(run.client.histogram)
    return {} if share is None else {SLOW_REQUESTS: MetricValue(state=MetricState.SETTLED, value=share, unit="ratio")}

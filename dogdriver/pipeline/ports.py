"""What the pipeline needs of the world, as small Protocols; app.py gives it the real things."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.errors import ExternalError
from dogdriver.model import (
    Catalog,
    Deployment,
    Errand,
    Filter,
    Headline,
    Job,
    Judged,
    Known,
    Measured,
    Metric,
    MetricValue,
    Outstanding,
    Page,
    Point,
    Prepared,
    Project,
    Reading,
    Release,
    Run,
    Seen,
    SeriesKey,
    Snapshot,
    Status,
    Test,
    Trigger,
    Window,
)


class Store(Protocol):
    """The database. Every method is one transaction; nothing is half-written.

    *version* counts commits since start: a cache of answers is keyed by it.
    """

    @property
    def version(self) -> int: ...

    # The life of a run
    async def add(self, run: Run, *, idempotency_key: str | None = None) -> tuple[Run, bool]:
        """Keep a new run. Returns it and True; or, for a queued run of the same project, deployment and test that is
        there already, or one with the same idempotency key, that one and False. A run that is not queued (made
        elsewhere) is kept under its own id; an id that exists returns the kept one and False.
        """

    async def claim(self, now: datetime, *, held: Sequence[str] = ()) -> Run | None:
        """Turn the oldest queued run that is not *held* into running, by a conditional UPDATE; None: there is none."""

    async def claim_due(self, now: datetime, lease_end: datetime) -> Run | None:
        """The pending run that has been due longest at *now*, its due moved to *lease_end*; None: there is none."""

    async def save(
        self,
        run: Run,
        *,
        expect: Status,
        values: Mapping[str, MetricValue] | None = None,
        judged: Sequence[Judged] = (),
        errands: Sequence[Errand] = (),
        release_seen: datetime | None = None,
    ) -> bool:
        """Write the row, with the *values* given (others stay), verdicts and errands, in one transaction.

        False, and nothing written, where the kept run is not in status *expect* any more. An errand of a kind and key
        that exists is left as it is. With *release_seen* the run's release is recorded as observed then.
        """

    async def flag(self, run_id: str, excluded: str | None) -> bool:
        """Set or take back the exclusion of a run that has ended; False where it has not. `save` leaves it alone."""

    async def note(self, judged: Sequence[Judged]) -> None:
        """Keep looks, and nothing else."""

    # Reading runs
    async def run(self, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""

    async def runs(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created; metrics included without their readings. A bad cursor raises Invalid."""

    async def running(self) -> Sequence[Run]:
        """What is in status running, oldest first (for recovery)."""

    async def queue(self) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""

    async def next_due(self) -> datetime | None:
        """When the next pending run is due; None: none is pending."""

    async def last_scheduled(self, project: str, deployment: str) -> datetime | None:
        """When the newest run with trigger `schedule` was created."""

    # Reading series
    async def known(self, project: str | None = None) -> Sequence[Known]:
        """Everything that has runs, most runs first, most recent first among equals."""

    async def metrics(self, project: str) -> Sequence[str]:
        """Names of all metrics that have a value row for this project, sorted."""

    async def series(
        self, key: SeriesKey, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        """The newest *limit* points, in order of time; runs that are done (judged) or ended badly (hollow)."""

    async def ever_had_data(self, project: str, metric: str) -> bool:
        """Whether any run of this project has a value of this metric."""

    async def readings(self, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        """The raw series of the newest *limit* settled values (for the usual gap)."""

    # Releases
    async def releases(self, project: str, deployment: str) -> Sequence[Seen]:
        """In the order in which they were first observed."""

    async def see_release(self, project: str, deployment: str, release: Release, at: datetime) -> bool:
        """Record that *release* is there at *at*; True where another was seen last (new, or a return)."""

    async def label(self, project: str, deployment: str, version: str | None, commit: str | None) -> str:
        """The label for what a deployment says of itself, unique among the releases seen there (design: release)."""

    # Verdicts
    async def looks(self, key: SeriesKey, release: str) -> Sequence[Judged]:
        """All looks at one release of one series, oldest first."""

    async def verdicts(self, project: str, deployment: str, test: str, source: str) -> Sequence[Judged]:
        """The newest look per metric and release, oldest release first."""

    # Errands
    async def claim_errand(self, now: datetime, lease_end: datetime) -> Errand | None:
        """The waiting errand that has been due longest, its due moved to *lease_end*."""

    async def close_errand(self, errand: Errand) -> None:
        """Write its state, due, attempts, error and result back; a result's `url` becomes a link of its run."""

    async def next_errand(self) -> datetime | None:
        """When the next waiting errand is due."""

    async def outbox(self) -> Outstanding:
        """What waits to be sent, all of it."""

    async def errands(self, *, state: str | None = None, limit: int = 50) -> Sequence[Errand]:
        """Newest first, for the status page."""

    # Small things that must survive a restart
    async def recall(self, name: str) -> Any:
        """The JSON value kept under *name*, or None."""

    async def remember(self, name: str, value: Any) -> None: ...

    # The database itself
    async def ping(self) -> None:
        """Raises StoreError where it cannot be read and written, or was taken away."""


class Catalogue(Protocol):
    """Which projects exist. `current` never waits; `refresh` asks ServiceBook and reads the file again."""

    @property
    def current(self) -> Catalog: ...

    async def refresh(self) -> Catalog: ...


class Target(Protocol):
    """The service under test."""

    async def version(self, deployment: Deployment) -> tuple[str | None, str | None]:
        """(version, commit) as `/__version__` says; (None, None) where it says nothing usable. Raises TargetError
        where the service cannot be reached at all.
        """

    async def check(self, deployment: Deployment) -> None:
        """Raises TargetError with one sentence where the heartbeat says that the service is unhealthy."""


class Checkouts(Protocol):
    """Test repositories on disk."""

    async def prepare(self, test: Test) -> Prepared:
        """Fetch, resolve, install the requirements. Raises CheckoutError or LoadTestError (no such entry)."""


class Runner(Protocol):
    """Molotov."""

    def describe(self, prepared: Prepared) -> Any:
        """The Load that the entry asks for."""

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        """Each scenario once, one after the other. Raises LoadTestError where the test cannot even be set up."""

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        """The whole load; *watch* is called in the daemon's loop about once a second. Raises LoadTestError."""

    async def recover(self) -> None:
        """End what an earlier daemon left running."""


class Datadog(Protocol):
    """Reading metrics back. *configured* is False without keys."""

    @property
    def configured(self) -> bool: ...

    @property
    def sends(self) -> bool:
        """Whether events and gauges can be sent, for which the API key is enough."""

    def render(self, metric: Metric, run: Run) -> str:
        """The query of *metric* with its template tokens replaced by the run's project, deployment, …"""

    def render_template(self, template: str, run: Run) -> str:
        """Any other query with the same tokens."""

    async def read_many(self, queries: Sequence[str], window: Window) -> Sequence[Reading | ExternalError]:
        """The answers over *window* in the order of *queries*, in as few requests as will do: a Reading, or what came
        instead of it: Unavailable (RateLimited) or Refused.
        """

    def assess(
        self,
        reading: Reading,
        previous: Reading | None,
        *,
        metric: Metric,
        window: Window,
        ramp_up: float,
        usual_gap: float | None,
        last: bool,
    ) -> MetricValue:
        """What the reading amounts to: waiting, settled, and with *last* (the deadline) partial or no_data."""

    def usual_gap(self, readings: Sequence[Reading]) -> float | None:
        """The gap in seconds usually seen between two points of this metric."""

    def fingerprint(self, reading: Reading, window: Window) -> float | None:
        """How many hosts a reading of the fingerprint's query speaks of; None where it says nothing."""

    def kinds(self, reading: Reading, window: Window) -> str | None:
        """What these hosts are (instance type, zone), where the query groups by that; None where it does not."""

    def events(self, run: Run, step: str, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the `start` or `stop` event of *run*."""

    def results(self, run: Run, *, at: datetime) -> Mapping[str, Any]:
        """The payload of the gauges of a run that is done."""

    def verdict_event(self, run: Run, headline: Headline, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that says what became of the release of *run*."""

    def links(self, run: Run) -> Mapping[str, str]:
        """Addresses in Datadog for the run's window."""


class Commands(Protocol):
    """What the web and the scheduler may ask of the pipeline; the pipeline itself is the only one that writes."""

    async def trigger(
        self,
        project: str,
        *,
        deployment: str | None = None,
        test: str | None = None,
        trigger: Trigger = Trigger.REQUEST,
        idempotency_key: str | None = None,
    ) -> Run:
        """Queue a run, or give the one that is queued already. Raises NotFound (project), Invalid (deployment or test,
        naming those there are), Conflict (it cannot run now, and why: no test, outside the allow-list).
        """

    async def accept(self, run: Run) -> tuple[Run, bool]:
        """Keep a run made elsewhere; True where it is new. Raises Conflict where a different one has that id, Invalid
        for this daemon's own source.
        """

    async def cancel(self, run_id: str) -> Run:
        """A queued run is aborted at once, a running one within its grace time. Raises NotFound, Conflict (final)."""

    async def exclude(self, run_id: str, reason: str) -> Run:
        """Leave a final run out of verdicts. Raises NotFound, Conflict (not final)."""

    async def include(self, run_id: str) -> Run:
        """Take the exclusion back."""

    def live(self, run_id: str) -> Snapshot | None:
        """The newest snapshot of a running load."""

    def follow(self, run_id: str) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, until the run leaves `running`; ends at once for a run that is not running."""


__all__ = [
    "Catalogue",
    "Checkouts",
    "Commands",
    "Datadog",
    "Filter",
    "Judged",
    "Known",
    "Project",
    "Runner",
    "Seen",
    "Store",
    "Target",
]

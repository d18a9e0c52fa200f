"""What the pipeline needs of everything outside it, as small Protocols, and what it offers (Commands).

app.py gives it the real things. What one user alone needs stands beside that user.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.errors import ExternalError
from dogdriver.model import (
    Catalog,
    Deployment,
    EventStep,
    Filter,
    Job,
    Judged,
    Known,
    Load,
    Measured,
    MetricValue,
    OutboxMessage,
    Page,
    Point,
    Prepared,
    Reading,
    Release,
    Run,
    Scope,
    SeriesKey,
    Snapshot,
    Status,
    Stay,
    Summary,
    Test,
    Trigger,
    Window,
)
from dogdriver.model.card import Edition, ScopeCards
from dogdriver.model.pause import Pause
from dogdriver.model.state import State
from dogdriver.pipeline.cards import Store as Cards
from dogdriver.pipeline.deletions import Deletions


class Commands(Protocol):
    """What the web and the scheduler may ask of the pipeline; the pipeline itself is the only one that writes."""

    async def trigger(
        self,
        project: str,
        *,
        deployment: str | None = None,
        test: str | None = None,
        release: str | None = None,
        trigger: Trigger = Trigger.REQUEST,
        idempotency_key: str | None = None,
    ) -> Run:
        """Queue a run, or give the one that is queued already. Raises NotFound (project), Invalid (deployment or test,
        naming those there are), Conflict (it cannot run now, and why: no test, outside the allow-list, one of another
        release is queued, code `paused`). A *release* is what a deployment runs that does not say it; of one that says
        another one the run fails.
        """

    async def pause(self, project: str | None, *, until: datetime | None, reason: str, by: str) -> Pause:
        """Load *project* (None: any) no more, until then or until it is resumed; what runs goes on. Raises NotFound,
        Invalid (a time that has passed).
        """

    async def resume(self, project: str | None) -> Pause:
        """End the pause of *project*, None: the one of all. Raises NotFound, Conflict where there is none."""

    async def pauses(self) -> Sequence[Pause]:
        """Those that hold, the one of all first."""

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

    async def delete(self, run_id: str) -> None:
        """Delete a run that has ended. Raises NotFound, Conflict (not final, or in the bucket by somebody else)."""

    async def delete_project(self, project: str) -> int:
        """Delete all that is known of a project; how many runs it had. Raises NotFound, Conflict as for one run."""

    def live(self, run_id: str) -> Snapshot | None:
        """The newest snapshot of a running load."""

    def follow(self, run_id: str) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, until the run leaves `running`; ends at once for a run that is not running."""


class CatalogSource(Protocol):
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

    async def repository(self, deployment: Deployment) -> str | None:
        """The address of its source, as `/__version__` says; None where it does not. Raises TargetError."""

    async def check(self, deployment: Deployment) -> None:
        """Raises TargetError with one sentence where the heartbeat says that the service is unhealthy."""


class Checkouts(Protocol):
    """Test repositories on disk."""

    async def prepare(self, test: Test) -> Prepared:
        """Fetch, resolve, install the requirements. Raises CheckoutError or LoadTestError (no such entry)."""


class Runner(Protocol):
    """Molotov."""

    def describe(self, prepared: Prepared) -> Load:
        """The load that the entry asks for. Raises LoadTestError where it asks for nonsense."""

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        """Each scenario once, one after the other. Raises LoadTestError where the test cannot even be set up."""

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        """The whole load; *watch* is called in the daemon's loop about once a second. Raises LoadTestError."""

    async def recover(self) -> None:
        """End what an earlier daemon left running."""


class Datadog(Protocol):
    """Queries are answered, events and gauges are worded; what the answers amount to is said in dogdriver.metrics."""

    @property
    def configured(self) -> bool:
        """Whether metrics can be read; False without keys."""

    @property
    def sends(self) -> bool:
        """Whether events and gauges can be sent, for which the API key is enough."""

    async def read_many(self, queries: Sequence[str], window: Window) -> Sequence[Reading | ExternalError]:
        """The answers over *window* in the order of *queries*, in as few requests as will do: a Reading, or what came
        instead of it: Unavailable (RateLimited) or Refused (KeysRefused, BadQuery).
        """

    def run_event(self, run: Run, step: EventStep, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that marks the start or the stop of *run*."""

    def verdict_event(self, run: Run, summary: Summary, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that says what became of the release of *run*."""

    def gauges(self, run: Run, *, at: datetime) -> Mapping[str, Any]:
        """The payload of the gauges of a run that is done."""

    def links(self, run: Run) -> Mapping[str, str]:
        """Addresses in Datadog for the run's window."""


class Runs(Protocol):
    """What was kept of each run."""

    async def get(self, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""

    async def running(self) -> Sequence[Run]:
        """What is in status running, oldest first (for recovery)."""

    async def known(self, project: str | None = None) -> Sequence[Known]:
        """Every scope that has runs."""

    async def queued(self) -> Sequence[Run]:
        """What is in status queued, oldest first."""

    async def queue(self) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""

    async def list(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created."""


class Transitions(Protocol):
    """How a run goes from one status to the next."""

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
        messages: Sequence[OutboxMessage] = (),
        release_seen: datetime | None = None,
        of: Edition | None = None,
        shown: ScopeCards | None = None,
    ) -> bool:
        """Write the row, with the *values* given (others stay), verdicts, cards and messages, in one transaction.

        False, and nothing written, where the kept run is not in status *expect* any more, or where what these were made
        *of* has changed since. A message of a kind and key
        that exists is left as it is. With *release_seen* the run's release is recorded as observed then.
        """

    async def set_excluded(self, run_id: str, excluded: str | None) -> bool:
        """Set or take back the exclusion of a run that has ended; False where it has not. `save` leaves it alone."""


class Series(Protocol):
    """The values of one metric over the runs of one scope."""

    async def points(
        self, key: SeriesKey, *, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        """The newest *limit* points, in order of time; runs that are done (judged) or ended badly (hollow)."""

    async def readings(self, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        """The raw series of the newest *limit* settled values (for the usual gap)."""


class Values(Protocol):
    """The values of all metrics."""

    async def metrics(self, project: str) -> Sequence[str]:
        """Names of all metrics that have a value row for this project, sorted."""

    async def ever_had_data(self, project: str, metric: str) -> bool:
        """Whether any run of this project has a value of this metric."""


class Releases(Protocol):
    """What each deployment was seen to run."""

    async def seen(self, project: str, deployment: str) -> Sequence[Stay]:
        """Each time that a release was there, in the order in which they began."""

    async def see(self, project: str, deployment: str, release: Release, at: datetime, *, stands: bool = False) -> bool:
        """Record that *release* is there at *at*; True where another was seen last (new, or a return). With *stands* it
        is what is there for good, so that a return begins a further stay.
        """

    async def standing(self, project: str, deployment: str) -> Release | None:
        """The release that was last seen to stand there."""

    async def label(self, project: str, deployment: str, version: str | None, commit: str | None) -> str:
        """The label for what a deployment says of itself, unique among the releases seen there (design: release)."""


class Verdicts(Protocol):
    """Every look at every release."""

    async def looks(self, key: SeriesKey, release: str) -> Sequence[Judged]:
        """All looks at one release of one series, oldest first."""

    async def newest(self, scope: Scope) -> Sequence[Judged]:
        """The newest look per metric and release, oldest release first."""

    async def save(
        self,
        judged: Sequence[Judged],
        messages: Sequence[OutboxMessage] = (),
        *,
        of: Edition | None = None,
        shown: ScopeCards | None = None,
    ) -> bool:
        """Keep looks, the *messages* that follow from them, and what is *shown*, in one transaction; False, and nothing
        kept, where they were made *of* what has changed since.
        """


class Outbox(Protocol):
    """What must reach somebody else in the end."""

    async def add(self, message: OutboxMessage) -> None:
        """Keep a message; one of its kind and key that is there is left as it is."""

    async def last(self, kind: str, beginning: str) -> OutboxMessage | None:
        """The newest message of *kind* whose key begins so."""


class Commits(Protocol):
    """What was written, counted: whoever waits for something to change in the database, waits for the next one."""

    @property
    def number(self) -> int: ...

    async def after(self, number: int) -> int:
        """Wait until there was a later commit than *number*; gives the number of the newest one."""


class Store(Protocol):
    """All of them, over one database."""

    @property
    def runs(self) -> Runs: ...

    @property
    def transitions(self) -> Transitions: ...

    @property
    def series(self) -> Series: ...

    @property
    def values(self) -> Values: ...

    @property
    def releases(self) -> Releases: ...

    @property
    def verdicts(self) -> Verdicts: ...

    @property
    def cards(self) -> Cards: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def deletions(self) -> Deletions: ...

    @property
    def state(self) -> State: ...

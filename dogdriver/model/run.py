"""One execution of a test against a deployment, and what is kept with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from dogdriver.model.load import ClientMeasures, Load, Tally, Window
from dogdriver.model.reading import MetricState, MetricValue


class Status(StrEnum):
    """Where a run is in its life; design: queued → running → pending → done, or one of the three bad ends."""

    QUEUED = "queued"
    RUNNING = "running"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"
    INVALID = "invalid"

    @property
    def final(self) -> bool:
        return self not in {Status.QUEUED, Status.RUNNING, Status.PENDING}


class EventStep(StrEnum):
    """Which end of a run an event marks; the value of its tag `step:`."""

    START = "start"  # the load begins
    STOP = "stop"  # the load is over, however it ended


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    RELEASE = "release"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Release:
    """What a deployment says it runs. *label* is the word for it; a label of `unknown` is no release."""

    label: str
    version: str | None = None
    commit: str | None = None

    @property
    def known(self) -> bool:
        return self.label != UNKNOWN


UNKNOWN = "unknown"


class Run(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The row. Times are aware UTC; what has not happened is None.

    *content* (tree hash of the test), *load* and *fingerprint* (hosts behind the deployment) are the comparability key,
    *kinds* too (what the fingerprint's query groups these hosts by, such as their instance type).
    *excluded* is the reason given for leaving a finished run out of verdicts. *started* and *ended* are the load alone.
    """

    id: str
    project: str
    deployment: str
    test: str
    source: str
    status: Status
    trigger: Trigger
    created: datetime
    endpoint: str | None = None
    release: str | None = None
    version: str | None = None
    commit: str | None = None
    reason: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    due: datetime | None = None
    attempts: int = 0
    load: Load | None = None
    tally: Tally | None = None
    client: ClientMeasures | None = None
    content: str | None = None
    test_commit: str | None = None
    fingerprint: float | None = None
    kinds: str | None = None
    excluded: str | None = None
    notes: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    metrics: Mapping[str, MetricValue] = {}

    @property
    def observed(self) -> Release | None:
        """What the deployment said that it runs; None where it was not asked."""
        return None if self.release is None else Release(self.release, self.version, self.commit)

    @property
    def known_release(self) -> str | None:
        """The label of its release, where it is one."""
        return None if self.release == UNKNOWN else self.release

    def with_release(self, seen: Release) -> "Run":
        return replace(self, release=seen.label, version=seen.version, commit=seen.commit)

    @property
    def scope(self) -> "Scope":
        return Scope(self.project, self.deployment, self.test, self.source)

    @property
    def window(self) -> Window | None:
        if self.started is None or self.ended is None:
            return None
        return Window(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose runs: those of one project, deployment, test and source. Runs of two scopes are never in one verdict."""

    project: str
    deployment: str
    test: str
    source: str

    def key(self, metric: str) -> "SeriesKey":
        return SeriesKey(self.project, self.deployment, self.test, self.source, metric)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Whose values: one metric over the runs of one scope."""

    project: str
    deployment: str
    test: str
    source: str
    metric: str

    @property
    def scope(self) -> Scope:
        return Scope(self.project, self.deployment, self.test, self.source)


@dataclass(frozen=True, slots=True)
class Point:
    """One run on a chart. *comparable* is equal for runs that may be compared (load, content, fingerprint)."""

    run: str
    at: datetime
    value: float | None
    release: str
    status: Status
    comparable: str
    state: MetricState
    excluded: bool = False
    fingerprint: float | None = None
    kinds: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and the cursor of the next page (None: there is none)."""

    runs: Sequence[Run]
    next: str | None

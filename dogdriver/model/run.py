"""One execution of a test against a deployment, and what was measured in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    RELEASE = "release"
    ELSEWHERE = "elsewhere"


class Grade(StrEnum):
    """How well the load generator itself did."""

    OK = "ok"
    DEGRADED = "degraded"
    INVALID = "invalid"


class MetricState(StrEnum):
    """How far one metric of one run has come; all but WAITING are final."""

    WAITING = "waiting"
    SETTLED = "settled"
    PARTIAL = "partial"
    NO_DATA = "no_data"
    NOT_CONFIGURED = "not_configured"
    REFUSED = "refused"

    @property
    def final(self) -> bool:
        return self is not MetricState.WAITING


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


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; both ends aware, UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked of Molotov; part of what makes two runs comparable. *options* are the entry's other options."""

    workers: int
    processes: int
    duration: float
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """*ok* and *failed* count scenario executions as Molotov does; *requests* and *errors* count HTTP requests."""

    ok: int = 0
    failed: int = 0
    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one scenario or one endpoint: requests, errors, and latency quantiles to the response headers, in ms."""

    name: str
    count: int
    errors: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class ClientMeasures:
    """What the load generator measured: rates per second, latencies and lag in ms, *cpu* as a share of the wall time.

    *failures* groups errors: (message, count), most frequent first. *histogram* is an HdrHistogram V2 in base64.
    """

    rps: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    error_ratio: float | None
    lag_p99: float | None
    stall: float | None
    cpu: float | None
    grade: Grade
    reasons: tuple[str, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, int], ...] = ()
    scenarios: tuple[Latency, ...] = ()
    endpoints: tuple[Latency, ...] = ()
    histogram: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A running load, once a second. *progress* is 0..1; *lines* are the test's own new log lines."""

    state: str
    progress: float
    elapsed: float
    workers: int
    rps: float | None
    p50: float | None
    p95: float | None
    ok: int
    failed: int
    requests: int
    errors: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a load (or of a smoke): when exactly, how much, and why it stopped early if it did.

    *stopped* is None for a load that ran its course, else `guard`, `cancelled` or `exit`, explained in *reason*.
    *failed* is true where the test's own rule says so (`fail: N`).
    """

    window: Window
    load: Load
    tally: Tally
    client: ClientMeasures
    stopped: str | None = None
    reason: str | None = None
    failed: bool = False
    clock_stepped: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A test repository that has become a directory that can be run.

    *directory* and *site* (the installed requirements) are absolute paths; *entry* is the chosen part of molotov.json;
    *content* is the tree hash of what is run, *commit* where it came from; *notes* are sentences for the run's log.
    """

    directory: str
    site: str | None
    entry: Mapping[str, Any]
    name: str
    content: str
    commit: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """All that a runner needs to know of one run. *env* is complete and rendered, it wins over the entry's own."""

    run: str
    prepared: Prepared
    env: Mapping[str, str]
    guard: float
    isolation: str  # thread | process


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a Datadog answer: *points* are (unix seconds of the bucket's start, value or None)."""

    scope: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A Datadog answer to one query over one window, as it came. *interval* in seconds, *unit* as Datadog names it.

    *scale* turns values into the base unit of *family* (`time` → seconds); None where Datadog gave no unit.
    """

    query: str
    series: tuple[Series, ...]
    interval: float | None
    unit: str | None = None
    family: str | None = None
    scale: float | None = None

    @property
    def empty(self) -> bool:
        return not any(value is not None for series in self.series for _, value in series.points)


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric of one run. *points* received of *expected*; *note* says in a sentence what a person should know.

    *value* is None in every state but settled and partial, and may be None there too; it is never 0 for missing.
    """

    state: MetricState
    value: float | None = None
    points: int | None = None
    expected: int | None = None
    query: str | None = None
    unit: str | None = None
    interval: float | None = None
    note: str | None = None
    earlier: float | None = None  # the value before a late re-collection changed it
    reading: Reading | None = None  # the raw series, kept with the run


@dataclass(frozen=True, slots=True)
class Run:
    """The row. Times are aware UTC; what has not happened is None.

    *content* (tree hash of the test), *load* and *fingerprint* (hosts behind the deployment) are the comparability key.
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
    release: Release | None = None
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
    excluded: str | None = None
    notes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, MetricValue] = field(default_factory=dict)

    @property
    def window(self) -> Window | None:
        if self.started is None or self.ended is None:
            return None
        return Window(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Whose values: one metric over the runs of one project, deployment, test and source."""

    project: str
    deployment: str
    test: str
    source: str
    metric: str


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


@dataclass(frozen=True, slots=True)
class Errand:
    """What must reach somebody else in the end. *kind* picks the sender, *key* makes it one of its kind.

    Kinds: `datadog.event`, `datadog.series`, `bucket.run`, `notice`. *result* is what the other side answered.
    """

    kind: str
    key: str
    run: str | None
    payload: Mapping[str, Any]
    due: datetime
    created: datetime
    attempts: int = 0
    state: str = "waiting"  # waiting | sent | refused
    error: str | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and the cursor of the next page (None: there is none)."""

    runs: Sequence[Run]
    next: str | None

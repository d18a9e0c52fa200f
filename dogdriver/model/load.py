"""A load: what is asked of the generator, and what it measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from dogdriver.model.fields import LARGEST_NUMBER, MOST_PARTS, RAW, Amount, Count, Text, at_most, rule


class Grade(StrEnum):
    """How well the load generator itself did."""

    OK = "ok"  # it kept pace
    DEGRADED = "degraded"  # it lagged at times: the run is judged, and marked
    INVALID = "invalid"  # it was saturated or stood still: the run measured it, not the service


class Isolation(StrEnum):
    """Where a test's code runs."""

    THREAD = "thread"  # in a thread of the daemon's own process: a load of several processes gets them all the same
    PROCESS = "process"  # in child processes, which see no secret of the daemon and can be killed


class Phase(StrEnum):
    """How far a load is; in this order, but for STOPPING, which any of the others may turn into."""

    IMPORT = "import"  # the test's code is being imported
    GLOBAL_SETUP = "global_setup"  # its fixture of that name runs
    LOADING = "loading"  # workers execute scenarios
    STOPPING = "stopping"  # it was told to end before its time and has its grace for that
    GLOBAL_TEARDOWN = "global_teardown"  # its fixture of that name runs


class Stopped(StrEnum):
    """Why a load ended before its time."""

    GUARD = "guard"  # too many of the last minute's executions failed
    CANCELLED = "cancelled"  # somebody wanted the run to end
    EXIT = "exit"  # the test itself ended it: sys.exit in a scenario, a process that died


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; both ends aware, UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


class Load(Struct, frozen=True):
    """What was asked of Molotov; part of what makes two runs comparable."""

    workers: Annotated[
        int,
        rule(lambda n: n >= 1, "is too small; a load needs at least 1 worker", minimum=1, maximum=LARGEST_NUMBER),
        Meta(description="in each process"),
    ]
    processes: Annotated[
        int,
        rule(lambda n: n >= 1, "is too small; a load needs at least 1 process", minimum=1, maximum=LARGEST_NUMBER),
        Meta(description="that share the load's duration"),
    ]
    duration: Annotated[
        float,
        rule(lambda s: s > 0, "must be above 0 seconds", exclusiveMinimum=0, maximum=LARGEST_NUMBER),
        Meta(description="seconds"),
    ]
    options: Annotated[
        Mapping[str, Any],
        Meta(description="the other options of the entry in `molotov.json`"),
        at_most(MOST_PARTS, "options"),
    ] = {}


class Tally(Struct, frozen=True):
    """How much was done: scenarios, counted as Molotov does, and the HTTP requests that they made."""

    ok: Annotated[Count, Meta(description="scenarios that were executed")] = 0
    failed: Annotated[Count, Meta(description="scenarios that raised")] = 0
    requests: Annotated[Count, Meta(description="HTTP requests")] = 0
    errors: Annotated[
        Count, Meta(description="HTTP requests without an answer, or with one of status 400 or above")
    ] = 0


class Latency(Struct, frozen=True):
    """Of one scenario or one endpoint, up to the response headers."""

    name: Annotated[Text, Meta(description="of the scenario, or method and address")]
    count: Annotated[Count, Meta(description="executions, or requests")]
    errors: Annotated[Count, Meta(description="how many of them failed")]
    p50: Annotated[Amount | None, Meta(description="median, in ms")]
    p95: Annotated[Amount | None, Meta(description="95th percentile, in ms")]
    p99: Annotated[Amount | None, Meta(description="99th percentile, in ms")]


class ClientMeasures(Struct, frozen=True):
    """What the load generator measured."""

    rps: Annotated[Amount | None, Meta(description="requests per second")] = None
    p50: Annotated[Amount | None, Meta(description="median latency to the response headers, in ms")] = None
    p95: Annotated[Amount | None, Meta(description="95th percentile of it, in ms")] = None
    p99: Annotated[Amount | None, Meta(description="99th percentile of it, in ms")] = None
    error_ratio: Annotated[Amount | None, Meta(description="failed scenarios, as a share of all")] = None
    lag_p99: Annotated[
        Amount | None, Meta(description="how late the generator's own loop was, 99th percentile, in ms")
    ] = None
    stall: Annotated[Amount | None, Meta(description="the longest time that it stood still, in ms")] = None
    cpu: Annotated[Amount | None, Meta(description="the generator's processor time, as a share of the wall time")] = (
        None
    )
    grade: Annotated[Grade, Meta(description="how well the generator itself did: `ok`, `degraded`, `invalid`")] = (
        Grade.OK
    )
    reasons: Annotated[
        tuple[Text, ...], Meta(description="for the grade, as sentences"), at_most(MOST_PARTS, "reasons")
    ] = ()
    statuses: Annotated[
        Mapping[Text, Count], Meta(description="responses by HTTP status"), at_most(MOST_PARTS, "statuses")
    ] = {}
    failures: Annotated[
        tuple[tuple[Text, Count], ...],
        Meta(description="message and count of each kind of failure, most frequent first"),
        at_most(MOST_PARTS, "failures"),
    ] = ()
    scenarios: Annotated[tuple[Latency, ...], Meta(description="by scenario"), at_most(MOST_PARTS, "scenarios")] = ()
    endpoints: Annotated[
        tuple[Latency, ...], Meta(description="by method and address"), at_most(MOST_PARTS, "endpoints")
    ] = ()
    histogram: Annotated[str | None, Meta(description="all latencies: an HdrHistogram V2 in base64"), RAW] = None
    slow_ratio: Annotated[
        Amount | None, Meta(description="requests slower than twice the median of this run, as a share of all")
    ] = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A running load, once a second. *progress* is 0..1; *lines* are the test's own new log lines."""

    state: Phase
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

    *stopped* is None for a load that ran its course, else explained in *reason*.
    *failed* is true where the test's own rule says so (`fail: N`).
    """

    window: Window
    load: Load
    tally: Tally
    client: ClientMeasures
    stopped: Stopped | None = None
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
    """All that a runner needs to know of one run. *env* is complete and rendered, it wins over the entry's own.

    *harmed* is told, in sentences without their subject, what the test does to the daemon's own process.
    """

    run: str
    prepared: Prepared
    env: Mapping[str, str]
    guard: float
    isolation: Isolation
    stall: float = 1.0
    harmed: Callable[[str], None] = lambda _: None

"""A load: what is asked of the generator, and what it measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Grade(StrEnum):
    """How well the load generator itself did."""

    OK = "ok"
    DEGRADED = "degraded"
    INVALID = "invalid"


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


class Load(Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked of Molotov; part of what makes two runs comparable. *options* are the entry's other options."""

    workers: int
    processes: int
    duration: float
    options: Mapping[str, Any] = {}


class Tally(Struct, frozen=True, forbid_unknown_fields=True):
    """*ok* and *failed* count scenario executions as Molotov does; *requests* and *errors* count HTTP requests."""

    ok: int = 0
    failed: int = 0
    requests: int = 0
    errors: int = 0


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Of one scenario or one endpoint: requests, errors, and latency quantiles to the response headers, in ms."""

    name: str
    count: int
    errors: int
    p50: float | None
    p95: float | None
    p99: float | None


class ClientMeasures(Struct, frozen=True, forbid_unknown_fields=True):
    """What the load generator measured: rates per second, latencies and lag in ms, *cpu* as a share of the wall time.

    *failures* groups errors: (message, count), most frequent first. *histogram* is an HdrHistogram V2 in base64.
    """

    rps: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    error_ratio: float | None = None
    lag_p99: float | None = None
    stall: float | None = None
    cpu: float | None = None
    grade: Grade = Grade.OK
    reasons: tuple[str, ...] = ()
    statuses: Mapping[str, int] = {}
    failures: tuple[tuple[str, int], ...] = ()
    scenarios: tuple[Latency, ...] = ()
    endpoints: tuple[Latency, ...] = ()
    histogram: str | None = None


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
    """All that a runner needs to know of one run. *env* is complete and rendered, it wins over the entry's own."""

    run: str
    prepared: Prepared
    env: Mapping[str, str]
    guard: float
    isolation: Isolation
    stall: float = 1.0

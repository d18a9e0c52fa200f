"""What can be tested: projects, where they run, what loads them, what is read back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from dogdriver.model.built_in import BuiltInTest
from dogdriver.model.evidence import EvidenceBudget
from dogdriver.model.load import Isolation
from dogdriver.model.notify import Route
from dogdriver.model.release_source import ReleaseSource
from dogdriver.model.verdict import Better

CLIENT_PREFIX = "client."

HOSTS_TOLERANCE = 0.2
"""The share by which two counts of hosts may differ and their runs still compare."""


LONGEST_LOAD = 3600.0
"""Seconds that a load may take where nothing else is said: an entry without a `duration` would take a day."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place where a project runs. *endpoint* has no trailing slash. *release*: where it says what it runs, None:
    at `/__version__`.
    """

    name: str
    endpoint: str
    release: ReleaseSource | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A Molotov test: a git address or a local folder with a molotov.json, and the name of one entry in it.

    *url* may hold no secret. *env* values may hold the tokens of a query template; *env_from* names variables that are
    passed on from the daemon's own environment, as secrets. *guard* is the error ratio of the last minute above which
    the load is stopped, *stall* the seconds that the load generator may stand still at a time without making its run
    invalid. *built_in*: the test that ships with dogDriver, instead of a *url*, which is empty then.
    """

    __test__: ClassVar[bool] = False  # not a pytest class

    url: str
    ref: str = "HEAD"
    name: str = "dogdriver"
    path: str = ""  # the folder of molotov.json inside the repository
    env: Mapping[str, str] = field(default_factory=dict)
    env_from: tuple[str, ...] = ()
    guard: float = 0.5
    stall: float = 1.0
    isolation: Isolation | None = None  # None: as the daemon is set
    built_in: BuiltInTest | None = None

    @property
    def shown(self) -> str:
        """Where it comes from, for people."""
        return str(self.built_in) if self.built_in else self.url


class Reduction(StrEnum):
    """How the points inside a run's window, of all series, become one number; beside these there is pNN."""

    MEAN = "mean"  # of all points
    MAX = "max"  # the largest point
    MIN = "min"  # the smallest point
    SUM = "sum"  # of all points
    LAST = "last"  # the mean of the newest bucket, over the series that have it


class Kind(StrEnum):
    """What a metric's values are, and so how they are judged."""

    VALUE = "value"  # a size of something: a latency, a rate
    RATIO = "ratio"  # a share, 0 to 1 or in percent; judged by its failures
    COUNT = "count"  # so many in a run: errors, restarts


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number per run. *query* is a template, None for what the load generator measures itself (`client.*`).

    *reduce*: a Reduction, or pNN: the percentile NN (0 to 100) of the points. *every*: seconds
    between two points at the metric's origin. *margin*: the relative change that matters. *decides*: whether it is part
    of the headline; None where nothing was said of it.
    """

    name: str
    title: str
    unit: str
    better: Better
    query: str | None = None
    reduce: str = Reduction.MEAN
    every: float = 60.0
    margin: float = 0.03
    kind: Kind = Kind.VALUE
    decides: bool | None = None

    @property
    def from_client(self) -> bool:
        return self.query is None


CLIENT_METRICS = (
    Metric("client.rps", "Client request rate", "1/s", Better.HIGHER),
    Metric("client.p50", "Client median latency", "ms", Better.LOWER),
    Metric("client.p95", "Client p95 latency", "ms", Better.LOWER, margin=0.05),
    Metric("client.p99", "Client p99 latency", "ms", Better.LOWER, margin=0.05),
    Metric(
        "client.slow_ratio", "Client slow requests", "ratio", Better.LOWER, margin=0.1, kind=Kind.RATIO, decides=False
    ),
    Metric("client.error_ratio", "Failed scenarios", "ratio", Better.LOWER, margin=0.05, kind=Kind.RATIO),
)
"""What every run has from the load generator itself, whatever the project; the names are fields of ClientMeasures."""
SLOW_REQUESTS = "client.slow_ratio"
"""What finds the tail."""
STAND_IN = "client.p50"
"""What decides where Datadog has no time."""
TIME_UNITS = frozenset({"ns", "us", "µs", "ms", "s", "min", "h"})


def deciding(metrics: Iterable[Metric], measured: Collection[str]) -> frozenset[str]:
    """The names of those that a headline rests on; *measured* are those that have ever had a value there.

    Those that are marked so. Where none is: the times from Datadog, else STAND_IN; and the ratios, the share of failed
    scenarios among them. What is marked as not deciding never does.
    """
    known = list(metrics)
    marked = frozenset(metric.name for metric in known if metric.decides)
    if marked:
        return marked
    open_ = [metric for metric in known if metric.decides is None]
    from_datadog = [metric for metric in open_ if not metric.name.startswith(CLIENT_PREFIX)]
    times = {metric.name for metric in from_datadog if metric.unit in TIME_UNITS} & set(measured)
    return frozenset(times or {STAND_IN}) | {metric.name for metric in open_ if metric.kind is Kind.RATIO}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a project runs by itself: *every* seconds after its last scheduled run, or a cron line (UTC), or never."""

    every: float | None = None
    cron: str | None = None

    @property
    def off(self) -> bool:
        return self.every is None and self.cron is None

    def __str__(self) -> str:
        if self.cron:
            return f"cron {self.cron}"
        if self.every is None:
            return "off"
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if self.every % size == 0:
                return f"every {int(self.every // size)}{unit}"
        return f"every {self.every:g}s"


@dataclass(frozen=True, slots=True)
class Project:
    """A service under test as ServiceBook and the projects file describe it together.

    *problems* are sentences for the status page. A project without a test, or with one outside the allow-list
    (*allowed* is false), is listed and never run. *partial*: ServiceBook, which may know more of it, was not heard yet.
    """

    name: str
    deployments: tuple[Deployment, ...] = ()
    test: Test | None = None
    allowed: bool = False
    metrics: tuple[Metric, ...] = ()
    schedule: Schedule = Schedule()
    on_release: bool = False
    fingerprint: str | None = None  # a query whose value is the number of hosts behind the deployment
    fingerprint_tolerance: float = HOSTS_TOLERANCE
    notify: tuple[Route, ...] = ()
    evidence: EvidenceBudget | None = None
    longest: float = LONGEST_LOAD  # seconds after which a load is cut
    problems: tuple[str, ...] = ()
    partial: bool = False

    def deployment(self, name: str | None) -> Deployment | None:
        """The deployment called *name*; for None the only one, else `stage`, else None. Names compare without case.

        Of a partial project the only one may not stay the only one, so it is no answer to None.
        """
        if name is None:
            if len(self.deployments) == 1 and not self.partial:
                return self.deployments[0]
            name = "stage"
        return next((d for d in self.deployments if d.name.lower() == name.lower()), None)

    def metric(self, name: str) -> Metric | None:
        return next((m for m in self.metrics if m.name == name), None)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the catalog that a person should fix; *subject* names the entry."""

    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The projects that exist now, by name, with what was wrong while they were read.

    *stale* says in a sentence why this is an earlier answer than wanted (ServiceBook is down), or is None. Not
    *complete*: ServiceBook has never answered, in this life or an earlier one, so there may be more projects.
    """

    projects: Mapping[str, Project] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    stale: str | None = None
    complete: bool = True

"""What a card, a trend and a chart's steps need, made when a run is judged and kept with the verdict.

Nobody who reads computes it. A worker (`stale_cards`) makes what is behind: after an upgrade, where a run changes a
series that no verdict rests on, and where the projects file has another margin.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from dogdriver.model import (
    CLIENT_METRICS,
    HOSTS_TOLERANCE,
    Better,
    Change,
    Metric,
    Point,
    Project,
    Scope,
    SeriesKey,
    Trend,
)
from dogdriver.model.card import Card, Edition, ScopeCards
from dogdriver.pipeline.per_host import per_host
from dogdriver.verdict import find_changes, trend
from dogdriver.verdict.comparability import classes, counts, newest_class, samples

PERIOD = 100  # runs that a trend looks back
STEPS = 1000  # runs in which steps are looked for
LINE = 60  # values of a card's line
SMALLEST_STEP = 0.02  # unless the metric's margin is smaller

P = ParamSpec("P")
T = TypeVar("T")

LEGACY_METRICS = {
    "cpu": Metric("cpu", "CPU", "%", Better.LOWER),
    "rps": Metric("rps", "Requests per second", "1/s", Better.HIGHER),
    "art": Metric("art", "Average response time", "ms", Better.LOWER),
}
"""What a project is measured by that is known from the first dogDriver's history alone."""


class Compute(Protocol):
    """Runs a function of a module elsewhere than in the daemon's loop: `asyncio.to_thread` does, a process better."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class Store(Protocol):
    """The cards that are kept."""

    async def of(self, scope: Scope) -> Mapping[str, Card]:
        """By metric."""

    async def stale(self) -> Scope | None:
        """A scope whose points have changed since its cards were made."""

    async def made(self) -> Mapping[SeriesKey, str]:
        """What each card was made with."""

    async def outdate(self, scope: Scope) -> None:
        """The cards of *scope* have to be made again."""

    async def edition(self, project: str) -> Edition:
        """What is read after this is true as long as this holds."""

    async def numbers(self) -> Mapping[str, int]:
        """How often what is kept of each project has changed."""


class Series(Protocol):
    """The part of the store that cards are made of."""

    async def points(
        self, key: SeriesKey, *, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        """The newest *limit* points before *until*, in the order of time."""


class Values(Protocol):
    """Which metrics there are."""

    async def metrics(self, project: str) -> Sequence[str]: ...


class CardMaker:
    """Makes the cards of a scope."""

    def __init__(self, series: Series, values: Values, compute: Compute) -> None:
        self._series, self._values, self._compute = series, values, compute

    async def make(self, scope: Scope, project: Project | None) -> ScopeCards:
        tolerance = tolerance_of(project)
        metrics = charted_metrics(project, await self._values.metrics(scope.project))
        given = [(metric, await self._series.points(scope.key(metric.name), limit=STEPS)) for metric in metrics]
        measured = [(metric, points) for metric, points in given if any(counts(point) for point in points)]
        return ScopeCards(scope, await self._compute(_cards, measured, tolerance) if measured else ())


def charted_metrics(project: Project | None, names: Iterable[str]) -> tuple[Metric, ...]:
    """The project's own, what the load generator measures, and any other of *names*, which once had a value."""
    metrics = {metric.name: metric for metric in (project.metrics if project else ())}
    metrics |= {metric.name: metric for metric in CLIENT_METRICS}
    for name in names:
        if name not in metrics:
            metrics[name] = LEGACY_METRICS.get(name, Metric(name, name, "", Better.LOWER))
    return tuple(sorted(metrics.values(), key=lambda metric: metric.from_client and metric in CLIENT_METRICS))


def tolerance_of(project: Project | None) -> float:
    """The share by which counts of hosts may differ in runs that are compared."""
    return project.fingerprint_tolerance if project else HOSTS_TOLERANCE


def made_with(metric: Metric, tolerance: float) -> str:
    """Equal for equal settings that a card depends on."""
    said = repr((metric.better.value, metric.margin, tolerance))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _cards(given: Sequence[tuple[Metric, Sequence[Point]]], tolerance: float) -> tuple[Card, ...]:
    return tuple(_card(metric, points, tolerance) for metric, points in given)


def _card(metric: Metric, points: Sequence[Point], tolerance: float) -> Card:
    newest = newest_class(points[-PERIOD:], tolerance)
    last = next((point for point in reversed(points) if counts(point)), None)
    return Card(
        metric=metric.name,
        last=last,
        trend=comparable_trend(points[-PERIOD:], metric, tolerance),
        changes=tuple(comparable_changes(points, metric, tolerance)),
        line=tuple([point.value for point in newest if point.value is not None][-LINE:]),
        per_host=per_host(metric, points, last.release, tolerance) if last else None,
        made=made_with(metric, tolerance),
    )


def comparable_trend(points: Sequence[Point], metric: Metric, tolerance: float) -> Trend | None:
    """Through the runs that compare with the newest one; None where nothing counts."""
    found = samples(newest_class(points, tolerance))
    return trend(found, better=metric.better, margin=metric.margin) if found else None


def comparable_changes(points: Sequence[Point], metric: Metric, tolerance: float) -> list[Change]:
    """In each class of runs that compare with each other; all of them, oldest first."""
    members: dict[int, list[Point]] = {}
    for point, number in zip(points, classes(points, tolerance), strict=True):
        members.setdefault(number, []).append(point)
    smallest = min(SMALLEST_STEP, metric.margin)
    found = [
        change
        for alike in members.values()
        for change in find_changes(samples(alike), better=metric.better, min_effect=smallest)
    ]
    return sorted(found, key=lambda change: change.at)

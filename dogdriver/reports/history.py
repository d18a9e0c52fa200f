"""What a series did: its points, its trend and its steps, computed again only where the points are others."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dogdriver.model import Change, Metric, Point, SeriesKey, Stay, Trend
from dogdriver.pipeline.judge import tolerance_of
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Selection
from dogdriver.verdict import find_changes, trend
from dogdriver.verdict.comparability import classes, newest_class, samples

PERIOD = 100  # runs that a trend looks back
MOST_RESULTS = 2000
SMALLEST_STEP = 0.02  # unless the metric's margin is smaller

T = TypeVar("T")
Computation = Callable[[Sequence[Point], Metric, float], T]
"""Of points (in the order of time), their metric, and the tolerance by which counts of hosts may differ."""


class History:
    """Series of selections. Trends and steps are found among comparable runs alone, never across a change of load,
    test or infrastructure.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._results: OrderedDict[tuple[Computation[Any], SeriesKey], tuple[Any, Any]] = OrderedDict()

    async def points(
        self, selection: Selection, metric: str, *, limit: int | None = PERIOD, **span: Any
    ) -> Sequence[Point]:
        """The newest *limit* points (None: all), in the order of time."""
        key = selection.key(metric)
        return await self._store.series.points(key, limit=limit, **span) if key else ()

    async def trend(self, selection: Selection, metric: Metric, points: Sequence[Point]) -> Trend | None:
        """Of those *points* that compare with the newest one; None where nothing counts."""
        return await self._compute(comparable_trend, selection, metric, points)

    async def changes(self, selection: Selection, metric: Metric, points: Sequence[Point]) -> Sequence[Change]:
        """The steps in *points*, oldest first, each between runs that compare."""
        return await self._compute(comparable_changes, selection, metric, points) or ()

    async def releases(self, selection: Selection) -> Sequence[Stay]:
        """Each stay, in the order in which they began on the selection's deployment."""
        if selection.deployment is None:
            return ()
        return await self._store.releases.seen(selection.project, selection.deployment)

    async def _compute(
        self, computation: Computation[T], selection: Selection, metric: Metric, points: Sequence[Point]
    ) -> T | None:
        """In a thread, for it takes tenths of a second; the newest result for each series is kept."""
        key = selection.key(metric.name)
        if key is None or not points:
            return None
        given = (points, metric, tolerance_of(selection.entry))
        kept = self._results.get((computation, key))
        if kept is not None and kept[0] == given:
            self._results.move_to_end((computation, key))
            known: T = kept[1]
            return known
        result = await asyncio.to_thread(computation, *given)
        self._results[computation, key] = (given, result)
        if len(self._results) > MOST_RESULTS:
            self._results.popitem(last=False)
        return result


def comparable_trend(points: Sequence[Point], metric: Metric, tolerance: float) -> Trend | None:
    """Through the runs that compare with the newest one."""
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

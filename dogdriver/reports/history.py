"""What a series did: its points, where it went and where it stepped, computed again only for new points."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dogdriver.model import Change, Metric, Point, Seen, SeriesKey, Trend
from dogdriver.pipeline.judge import tolerance_of
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Selection
from dogdriver.verdict import find_changes, trend
from dogdriver.verdict.comparability import classes, newest_class, samples

PERIOD = 100  # runs that a trend looks back
MOST_KEPT = 2000
SMALLEST_STEP = 0.02  # unless the metric's margin is smaller

T = TypeVar("T")


class History:
    """Series of selections. Trends and steps are found among comparable runs alone, never across a change of load,
    test or infrastructure.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._computed: OrderedDict[tuple[str, SeriesKey], tuple[Sequence[Point], Any]] = OrderedDict()

    async def points(self, selection: Selection, metric: str, *, limit: int = PERIOD, **span: Any) -> Sequence[Point]:
        """The newest *limit* points, in the order of time."""
        key = selection.key(metric)
        return await self._store.series.points(key, limit=limit, **span) if key else ()

    async def trend(self, selection: Selection, metric: Metric, points: Sequence[Point]) -> Trend | None:
        """Of those *points* that compare with the newest one; None where nothing counts."""
        tolerance = tolerance_of(selection.entry)

        def compute() -> Trend | None:
            found = samples(newest_class(points, tolerance))
            return trend(found, better=metric.better, margin=metric.margin) if found else None

        return await self._once("trend", selection, metric, points, compute)

    async def changes(self, selection: Selection, metric: Metric, points: Sequence[Point]) -> Sequence[Change]:
        """The steps in *points*, oldest first, each between runs that compare."""
        tolerance = tolerance_of(selection.entry)

        def compute() -> list[Change]:
            by_class: dict[int, list[Point]] = {}
            for point, number in zip(points, classes(points, tolerance), strict=True):
                by_class.setdefault(number, []).append(point)
            smallest = min(SMALLEST_STEP, metric.margin)
            found = [
                change
                for alike in by_class.values()
                for change in find_changes(samples(alike), better=metric.better, min_effect=smallest)
            ]
            return sorted(found, key=lambda change: change.at)

        return await self._once("changes", selection, metric, points, compute) or ()

    async def releases(self, selection: Selection) -> Sequence[Seen]:
        """In the order in which they were first observed on the selection's deployment."""
        if selection.deployment is None:
            return ()
        return await self._store.releases.seen(selection.project, selection.deployment)

    async def _once(
        self, what: str, selection: Selection, metric: Metric, points: Sequence[Point], compute: Callable[[], T]
    ) -> T | None:
        key = selection.key(metric.name)
        if key is None or not points:
            return None
        kept = self._computed.get((what, key))
        if kept is not None and kept[0] == points:
            self._computed.move_to_end((what, key))
            known: T = kept[1]
            return known
        found = await asyncio.to_thread(compute)
        self._computed[what, key] = (points, found)
        if len(self._computed) > MOST_KEPT:
            self._computed.popitem(last=False)
        return found

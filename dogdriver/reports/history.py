"""What a series did: its points, and its trend and steps as they were found when its runs were judged."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from dogdriver.model import Change, Metric, Point, Stay
from dogdriver.model.card import Card
from dogdriver.pipeline.cards import STEPS, Compute, comparable_changes, tolerance_of
from dogdriver.reports.kept import Kept
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Selection


class History:
    """Series of selections. Trends and steps are found among comparable runs alone, never across a change of load,
    test or infrastructure. A window that somebody has chosen is computed once, and kept until its project changes.
    """

    def __init__(self, store: Store, compute: Compute = asyncio.to_thread) -> None:
        self._store, self._compute = store, compute
        self._kept = Kept()

    async def cards(self, selection: Selection) -> Mapping[str, Card]:
        """By metric; of those that have a value."""
        return await self._store.cards.of(selection.scope) if selection.scope else {}

    async def points(
        self,
        selection: Selection,
        metric: str,
        *,
        limit: int | None = STEPS,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Point]:
        """The newest *limit* points (None: all), in the order of time."""
        key = selection.key(metric)
        return await self._store.series.points(key, limit=limit, since=since, until=until) if key else ()

    async def changes(
        self,
        selection: Selection,
        metric: Metric,
        points: Sequence[Point],
        *,
        limit: int = STEPS,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Change]:
        """The steps in *points*, which this window has, oldest first, each between runs that compare."""
        key = selection.key(metric.name)
        if key is None or not points:
            return ()
        if limit <= STEPS and since is None and until is None:
            card = (await self.cards(selection)).get(metric.name)
            return [change for change in card.changes if change.at > points[0].at] if card else ()
        edition, tolerance = await self._store.cards.edition(selection.project), tolerance_of(selection.entry)

        async def find() -> Sequence[Change]:
            there = await self.points(selection, metric.name, limit=limit, since=since, until=until)
            return await self._compute(comparable_changes, there, metric, tolerance)

        return await self._kept.get((key, limit, since, until), (edition, metric, tolerance), find)

    async def releases(self, selection: Selection) -> Sequence[Stay]:
        """Each stay, in the order in which they began on the selection's deployment."""
        if selection.deployment is None:
            return ()
        return await self._store.releases.seen(selection.project, selection.deployment)

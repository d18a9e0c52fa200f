"""Cards that are behind their series are made again, one scope after the other."""

from dogdriver.model import Catalog, Scope
from dogdriver.pipeline.cards import charted_metrics, made_with, tolerance_of
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.looks import Looks


class StaleCards:
    """A step for the scheduler's workers: `next`."""

    def __init__(self, context: Context, looks: Looks) -> None:
        self._context, self._store, self._looks = context, context.store, looks
        self._compared: Catalog | None = None

    async def next(self) -> bool:
        """Make the cards of one scope; False: none is behind."""
        await self._compare()
        scope = await self._store.cards.stale()
        if scope is None:
            return False
        await self._looks.show(scope, self._context.catalog.current.projects.get(scope.project))
        return True

    async def _compare(self) -> None:
        """Where the catalog has other settings of a metric than a card was made with, that card is behind."""
        catalog = self._context.catalog.current
        if catalog is self._compared:
            return
        wanted: dict[str, dict[str, str]] = {}
        behind = set()
        for key, made in (await self._store.cards.made()).items():
            if key.project not in wanted:
                entry = catalog.projects.get(key.project)
                metrics = charted_metrics(entry, await self._store.values.metrics(key.project))
                wanted[key.project] = {one.name: made_with(one, tolerance_of(entry)) for one in metrics}
            if wanted[key.project].get(key.metric) != made:
                behind.add(Scope(key.project, key.deployment, key.test, key.source))
        for scope in behind:
            await self._store.cards.outdate(scope)
        self._compared = catalog

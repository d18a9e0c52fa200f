"""Which runs are meant: a project, and the deployment, test and source that are named or suggest themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dogdriver.errors import NotFound
from dogdriver.model import Known, Metric, Project, Scope, SeriesKey
from dogdriver.pipeline.cards import charted_metrics
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.reports.ports import Store


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs of one *deployment*, *test* and *source* of a project, and what else could be selected.

    *entry* is what the catalog says of the project, None where only its history is known. *sources* have the best
    (most runs, most recent) first. *deployment*, *test* are None where the project has none at all.
    """

    project: str
    entry: Project | None
    deployment: str | None
    test: str | None
    source: str
    deployments: tuple[str, ...]
    tests: tuple[str, ...]
    sources: tuple[str, ...]
    metrics: tuple[Metric, ...]
    last: datetime | None

    @property
    def scope(self) -> Scope | None:
        """None where the project has no deployment or no test at all."""
        return self.scope_from(self.source)

    def scope_from(self, source: str) -> Scope | None:
        """The same deployment and test, loaded from *source*."""
        if self.deployment is None or self.test is None:
            return None
        return Scope(self.project, self.deployment, self.test, source)

    def key(self, metric: str) -> SeriesKey | None:
        return self.scope.key(metric) if self.scope else None

    @property
    def titles(self) -> Mapping[str, str]:
        """Of its metrics, by name."""
        return {metric.name: metric.title for metric in self.metrics}

    def metric(self, name: str) -> Metric:
        """Raises NotFound, naming those there are."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        for metric in self.metrics:
            if metric.name.lower() == name.lower():
                return metric
        known = ", ".join(m.name for m in self.metrics)
        raise NotFound(f"{self.project} has no metric {name}; it has {known}")


class Selections:
    """Finds selections in catalog and history. *source* is this daemon's own: it stands in where nothing ran."""

    def __init__(self, store: Store, catalog: CatalogSource, source: str) -> None:
        self._store = store
        self._catalog = catalog
        self._source = source

    async def names(self) -> list[str]:
        """All projects, those known from history alone included, in the order of the alphabet."""
        known = set(await self._store.runs.projects())
        return sorted(known | self._catalog.current.projects.keys(), key=lambda name: (name.lower(), name))

    async def find(
        self, project: str, *, deployment: str | None = None, test: str | None = None, source: str | None = None
    ) -> Selection:
        """Raises NotFound for a project, deployment, test or source that there is not, naming those there are."""
        entry = self._catalog.current.projects.get(project)
        known = await self._store.runs.known(project)
        if entry is None and not known:
            raise NotFound(f"there is no project {project}; GET /api/v1/projects lists those there are")
        deployments = _merged([d.name for d in entry.deployments] if entry else [], (k.deployment for k in known))
        where = _choose("deployment", project, deployment, deployments) or _default_deployment(
            entry, known, deployments
        )
        here = [k for k in known if k.deployment == where]
        tests = _merged([entry.test.name] if entry and entry.test else [], (k.test for k in here))
        what = _choose("test", project, test, tests) or _default_test(entry, here, tests)
        sources = best_first(k for k in here if k.test == what)
        chosen = _choose("source", project, source, sources or (self._source,)) or (*sources, self._source)[0]
        last = max((k.last for k in here if k.test == what and k.source == chosen), default=None)
        metrics = charted_metrics(entry, await self._store.values.metrics(project))
        return Selection(project, entry, where, what, chosen, deployments, tests, sources, metrics, last)

    async def all_sources(self, project: str) -> tuple[str, ...]:
        """Wherever the project was ever loaded from, best first."""
        return best_first(await self._store.runs.known(project))


def best_first(known: Iterable[Known]) -> tuple[str, ...]:
    """Sources by their runs, the more recent first among equals."""
    runs: dict[str, int] = {}
    last: dict[str, datetime] = {}
    for one in known:
        runs[one.source] = runs.get(one.source, 0) + one.runs
        last[one.source] = max(last.get(one.source, one.last), one.last)
    return tuple(sorted(runs, key=lambda source: (runs[source], last[source], source), reverse=True))


def _merged(first: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *others]))


def _choose(kind: str, project: str, wanted: str | None, there: Sequence[str]) -> str | None:
    if wanted is None:
        return None
    for name in there:
        if name == wanted:
            return name
    for name in there:
        if name.lower() == wanted.lower():
            return name
    raise NotFound(f"{project} has no {kind} {wanted}; it has {', '.join(there) or 'none'}")


def _default_deployment(entry: Project | None, known: Sequence[Known], there: Sequence[str]) -> str | None:
    default = entry.deployment(None) if entry else None
    loaded = [k.deployment for k in known]
    if default and (default.name in loaded or not loaded):
        return default.name
    return next(iter((*loaded, *there)), None)


def _default_test(entry: Project | None, here: Sequence[Known], there: Sequence[str]) -> str | None:
    default = entry.test.name if entry and entry.test else None
    loaded = [k.test for k in here]
    if default and (default in loaded or not loaded):
        return default
    return next(iter((*loaded, *there)), None)

"""A project at a glance, as the API and the pages show it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from dogdriver.model import CALLED, Filter, Judged, Metric, MetricState, Outcome, Point, Problem, Run, Test, Trend
from dogdriver.model.card import Card, PerHost
from dogdriver.model.document import moment
from dogdriver.model.evidence import EvidencePlan
from dogdriver.model.pause import Pause
from dogdriver.pipeline.cards import Compute, tolerance_of
from dogdriver.pipeline.evidence import EvidencePlans
from dogdriver.pipeline.judge import Judge
from dogdriver.pipeline.per_host import is_total, per_host
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.reports.agreement import Agreement, agreement_document, agreement_of
from dogdriver.reports.history import History
from dogdriver.reports.kept import Kept
from dogdriver.reports.needed import Timetable
from dogdriver.reports.ports import Store
from dogdriver.reports.release import Releases, ReleaseView
from dogdriver.reports.scope import Selection, Selections

MOST_PROJECTS = 10_000  # whose views are kept
RECENT = 5  # runs among which one is looked for that Datadog was asked about
READ = frozenset({MetricState.SETTLED, MetricState.PARTIAL, MetricState.NO_DATA, MetricState.REFUSED})


@dataclass(frozen=True, slots=True)
class MetricView:
    """A metric with what its *card* says of it (None where it has no value) and the release's verdict (*judged*).

    *per_host*: the levels per host, where they can be compared but the values cannot. *points*: the newest ones, where
    they were asked for.
    """

    metric: Metric
    card: Card | None
    judged: Judged | None
    per_host: PerHost | None
    points: Sequence[Point] = ()

    @property
    def last(self) -> Point | None:
        """The newest point that counts."""
        return self.card.last if self.card else None

    @property
    def trend(self) -> Trend | None:
        """Over the newest runs that compare with the last one."""
        return self.card.trend if self.card else None


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project in one selection: *sources* are all that it was ever loaded from, *problems* what a person should fix,
    *agreement* what the selection's sources say together of the release, None where fewer than two have judged it.
    """

    selection: Selection
    sources: tuple[str, ...]
    metrics: tuple[MetricView, ...]
    release: ReleaseView
    problems: tuple[str, ...]
    newest: Run | None
    agreement: Agreement | None
    evidence: EvidencePlan
    paused: Pause | None


class Reports:
    """Everything that is read for people and programs, over what the pipeline has stored."""

    def __init__(
        self,
        store: Store,
        catalog: CatalogSource,
        source: str,
        timetable: Timetable | None = None,
        compute: Compute = asyncio.to_thread,
        pauses: Callable[[], Awaitable[Sequence[Pause]]] | None = None,
    ) -> None:
        self._pauses = pauses or _no_pauses
        self._store, self._catalog, self._compute = store, catalog, compute
        self.selections = Selections(store, catalog, source)
        self.history = History(store, compute)
        self.releases = Releases(store, Judge(store.series, compute), timetable)
        self._plans = EvidencePlans(store, source, self._pauses)
        self._views, self._documents, self._levels = Kept(MOST_PROJECTS), Kept(MOST_PROJECTS), Kept()

    async def projects(self) -> list[ProjectView]:
        """All of them at their usual selection; of one that has not changed the same view as before."""
        numbers = await self._store.cards.numbers()  # read before the rest: what changes meanwhile is read again
        catalog, pauses = self._catalog.current, tuple(await self._pauses())
        problems: dict[str, list[Problem]] = {}
        for problem in catalog.problems:
            problems.setdefault(problem.subject, []).append(problem)
        return [
            await self._views.get(
                name,
                (numbers.get(name), catalog.projects.get(name), problems.get(name), pauses),
                partial(self.project, name),
            )
            for name in await self.selections.names()
        ]

    async def document(self, view: ProjectView) -> bytes:
        """One of `/api/v1/projects`, as JSON; of the same view the same bytes as before."""

        async def encode() -> bytes:
            return msgspec.json.encode(project_document(view))

        return await self._documents.get(view.selection.project, view, encode)

    async def project(
        self, name: str, *, newest: int = 0, release: str | None = None, baseline: str | None = None, **choice: Any
    ) -> ProjectView:
        """*choice*: deployment, test and source; *newest*: points of each metric. Raises NotFound for what there is
        not.
        """
        selection = await self.selections.find(name, **choice)
        view = await self.releases.view(selection, release, baseline)
        votes = await self.releases.votes(selection, view)
        judged = {one.key.metric: one for one in view.verdicts}
        cards = await self.history.cards(selection)
        metrics = [
            MetricView(
                metric=metric,
                card=cards.get(metric.name),
                judged=judged.get(metric.name),
                per_host=await self._per_host(selection, metric, cards.get(metric.name), view, judged.get(metric.name)),
                points=await self.history.points(selection, metric.name, limit=newest) if newest else (),
            )
            for metric in selection.metrics
        ]
        page = await self._store.runs.list(Filter(project=name), limit=RECENT)
        return ProjectView(
            selection=selection,
            sources=await self.selections.all_sources(name),
            metrics=tuple(metrics),
            release=view,
            problems=tuple(self._problems(selection, page.runs)),
            newest=page.runs[0] if page.runs else None,
            agreement=agreement_of(view.release, votes) if view.release else None,
            evidence=await self._plans.of(selection.entry),
            paused=next((one for one in await self._pauses() if one.project in {None, name}), None),
        )

    async def _per_host(
        self, selection: Selection, metric: Metric, card: Card | None, view: ReleaseView, judged: Judged | None
    ) -> PerHost | None:
        key = selection.key(metric.name)
        if judged is None or key is None or judged.verdict.baseline_runs or not is_total(metric):
            return None
        pinned = view.baseline if view.pinned else None
        if pinned is None and (card is None or card.last is None or card.last.release == judged.release):
            return card.per_host if card else None
        edition, tolerance = await self._store.cards.edition(selection.project), tolerance_of(selection.entry)

        async def find() -> PerHost | None:
            whole = await self.history.points(selection, metric.name, limit=None)
            return await self._compute(per_host, metric, whole, judged.release, tolerance, baseline=pinned)

        return await self._levels.get((key, judged.release, pinned), (edition, metric, tolerance), find)

    def _problems(self, selection: Selection, newest: Sequence[Run]) -> list[str]:
        own = [*(selection.entry.problems if selection.entry else ())]
        listed = [p.message for p in self._catalog.current.problems if p.subject == selection.project]
        return [*own, *(message for message in listed if message not in own), *_refused(newest, selection.metrics)]


async def _no_pauses() -> Sequence[Pause]:
    return ()


def _refused(runs: Sequence[Run], metrics: Sequence[Metric]) -> list[str]:
    """What Datadog said against the queries of the newest run that it was asked about."""
    titles = {metric.name: metric.title for metric in metrics}
    for run in runs:
        read = {name: one for name, one in run.metrics.items() if one.query is not None and one.state in READ}
        if read:
            refused = [(name, one) for name, one in read.items() if one.state is MetricState.REFUSED]
            return [f"{titles.get(name, name)}: {one.note} (asked: {one.query})" for name, one in refused]
    return []


def project_document(view: ProjectView) -> dict[str, Any]:
    """One of `/api/v1/projects`."""
    selection = view.selection
    return {
        "name": selection.project,
        "deployments": list(selection.deployments),
        "sources": list(view.sources),
        "best_source": view.sources[0] if view.sources else None,
        "metrics": [_metric_document(metric) for metric in view.metrics],
        **view.release.document(),
        "agreement": agreement_document(view.agreement),
        "evidence": evidence_document(view.evidence),
        "problems": list(view.problems),
    }


def project_detail(view: ProjectView) -> dict[str, Any]:
    """`/api/v1/projects/{project}`: the same, with what is run and when."""
    entry = view.selection.entry
    test = entry.test if entry else None
    load = view.newest.load if view.newest else None
    return {
        **project_document(view),
        "endpoints": {d.name: d.endpoint for d in entry.deployments} if entry else {},
        "schedule": str(entry.schedule) if entry else None,
        "test": _test_document(test) if test else None,
        "load": {"workers": load.workers, "processes": load.processes, "duration": load.duration} if load else None,
    }


def evidence_document(plan: EvidencePlan) -> dict[str, Any]:
    """What the newest release still needs."""
    return {
        "release": plan.release,
        "state": plan.state.value,
        "runs": plan.runs,
        "most": plan.most,
        "next": moment(plan.next),
        "visible": plan.visible,
    }


def _test_document(test: Test) -> dict[str, Any]:
    """Of the built-in test what is asked for, and no header and no body."""
    requests = [one.label for one in test.built_in.requests] if test.built_in else None
    return {"url": test.url or None, "ref": test.ref, "name": test.name, "path": test.path, "requests": requests}


def _metric_document(view: MetricView) -> dict[str, Any]:
    last = view.last
    return {
        **metric_head(view.metric),
        "last": last.value if last else None,
        "trend": trend_document(view.trend),
        "verdict": view.judged.standing_outcome.value if view.judged else None,
    }


def metric_head(metric: Metric) -> dict[str, Any]:
    return {"name": metric.name, "title": metric.title, "unit": metric.unit, "better": metric.better.value}


def direction(trend: Trend) -> str | None:
    """Up or down where the trend is decided, flat where it is unchanged, None where nobody can tell."""
    if trend.outcome in CALLED and trend.effect:
        return "up" if trend.effect > 0 else "down"
    return "flat" if trend.outcome is Outcome.UNCHANGED else None


def trend_document(trend: Trend | None) -> dict[str, Any] | None:
    if trend is None:
        return None
    return {
        "direction": direction(trend),
        "outcome": trend.outcome.value,
        "effect": trend.effect,
        "low": trend.low,
        "high": trend.high,
        "p": trend.p,
        "runs": trend.runs,
        "since": moment(trend.since),
        "until": moment(trend.until),
        "margin": trend.margin,
        "reason": trend.reason,
    }

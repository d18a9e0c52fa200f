"""A project at a glance, as the API and the pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dogdriver.model import Filter, Judged, Metric, MetricState, Outcome, Point, Run
from dogdriver.model.document import moment
from dogdriver.model.verdict import Trend
from dogdriver.reports.agreement import Agreement, agreement, agreement_document
from dogdriver.reports.history import History, ReleaseView, judged_point
from dogdriver.reports.scope import Scope
from dogdriver.web.keys import Site

RECENT = 5  # runs among which one is looked for that Datadog was asked about
READ = frozenset({MetricState.SETTLED, MetricState.PARTIAL, MetricState.NO_DATA, MetricState.REFUSED})


@dataclass(frozen=True, slots=True)
class MetricView:
    """A metric with its newest *points*, their *trend* and the newest release's verdict (*judged*)."""

    metric: Metric
    points: Sequence[Point]
    trend: Trend | None
    judged: Judged | None

    @property
    def last(self) -> Point | None:
        """The newest point that counts."""
        return next((point for point in reversed(self.points) if judged_point(point)), None)


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project in one scope: *sources* are all that it was ever loaded from, *problems* what a person should fix,
    *agreement* what they say together of the release, None where fewer than two have judged it.
    """

    scope: Scope
    sources: tuple[str, ...]
    metrics: tuple[MetricView, ...]
    release: ReleaseView
    problems: tuple[str, ...]
    newest: Run | None
    agreement: Agreement | None


async def project_view(
    site: Site, name: str, *, limit: int = 100, release: str | None = None, baseline: str | None = None, **choice: Any
) -> ProjectView:
    """*choice*: deployment, test and source. Raises NotFound for what there is not."""
    scope = await site.scopes.find(name, **choice)
    view = await site.history.view(scope, release, baseline)
    judged = {one.key.metric: one for one in view.verdicts}
    metrics = [
        await _metric_view(site.history, scope, metric, limit, judged.get(metric.name)) for metric in scope.metrics
    ]
    page = await site.store.runs.list(Filter(project=name), limit=RECENT)
    catalog = site.catalog.current
    problems = [*(scope.entry.problems if scope.entry else ())]
    problems += [p.message for p in catalog.problems if p.subject == name and p.message not in problems]
    problems += _refused(page.runs, scope.metrics)
    return ProjectView(
        scope=scope,
        sources=await site.scopes.all_sources(name),
        metrics=tuple(metrics),
        release=view,
        problems=tuple(problems),
        newest=page.runs[0] if page.runs else None,
        agreement=await agreement(site.store, scope, view.release),
    )


def _refused(runs: Sequence[Run], metrics: Sequence[Metric]) -> list[str]:
    """What Datadog said against the queries of the newest run that it was asked about."""
    titles = {metric.name: metric.title for metric in metrics}
    for run in runs:
        read = {name: one for name, one in run.metrics.items() if one.query is not None and one.state in READ}
        if read:
            refused = [(name, one) for name, one in read.items() if one.state is MetricState.REFUSED]
            return [f"{titles.get(name, name)}: {one.note} (asked: {one.query})" for name, one in refused]
    return []


async def _metric_view(history: History, scope: Scope, metric: Metric, limit: int, judged: Judged | None) -> MetricView:
    points = await history.points(scope, metric.name, limit=limit) if scope.last else ()
    return MetricView(metric, points, await history.trend(scope, metric, points), judged)


def project_document(view: ProjectView) -> dict[str, Any]:
    """One of `/api/v1/projects`."""
    scope = view.scope
    return {
        "name": scope.project,
        "deployments": list(scope.deployments),
        "sources": list(view.sources),
        "best_source": view.sources[0] if view.sources else None,
        "metrics": [_metric_document(metric) for metric in view.metrics],
        "headline": view.release.headline.value if view.release.headline else None,
        "agreement": agreement_document(view.agreement),
        "problems": list(view.problems),
    }


def project_detail(view: ProjectView) -> dict[str, Any]:
    """`/api/v1/projects/{project}`: the same, with what is run and when."""
    entry = view.scope.entry
    test = entry.test if entry else None
    load = view.newest.load if view.newest else None
    return {
        **project_document(view),
        "endpoints": {d.name: d.endpoint for d in entry.deployments} if entry else {},
        "schedule": str(entry.schedule) if entry else None,
        "test": {"url": test.url, "ref": test.ref, "name": test.name, "path": test.path} if test else None,
        "load": {"workers": load.workers, "processes": load.processes, "duration": load.duration} if load else None,
        "release": view.release.release,
        "sentence": view.release.headline.sentence if view.release.headline else None,
    }


def _metric_document(view: MetricView) -> dict[str, Any]:
    last = view.last
    return {
        **metric_head(view.metric),
        "last": last.value if last else None,
        "trend": trend_document(view.trend),
        "verdict": view.judged.standing_outcome if view.judged else None,
    }


def metric_head(metric: Metric) -> dict[str, Any]:
    return {"name": metric.name, "title": metric.title, "unit": metric.unit, "better": metric.better.value}


DECIDED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})


def direction(trend: Trend) -> str | None:
    """Up or down where the trend is decided, flat where it is unchanged, None where nobody can tell."""
    if trend.outcome in DECIDED and trend.effect:
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

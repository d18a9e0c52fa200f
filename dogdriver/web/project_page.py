"""`/p/{project}`: the verdicts on the newest release, a chart per metric, the newest runs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from dogdriver.model import Filter
from dogdriver.web import words
from dogdriver.web.agreement import FEWEST
from dogdriver.web.cards import blocked, empty, project_url, row, verdict_cards
from dogdriver.web.dashboard import Chart, Choice, ProjectPage
from dogdriver.web.keys import Site
from dogdriver.web.overview import MetricView, ProjectView, project_view
from dogdriver.web.words import Saying

NEWEST = 10  # values in a chart's table
RUNS = 25  # runs in the list
SPANS = (50, 200, 1000)  # runs that a chart may show


async def project_page(site: Site, name: str, wanted: Mapping[str, Any]) -> ProjectPage:
    """*wanted*: deployment, test, source, and runs, how many a chart shows."""
    choice = {key: wanted.get(key) for key in ("deployment", "test", "source")}
    span = wanted.get("runs", SPANS[1])
    view = await project_view(site, name, limit=span, **choice)
    scope, release = view.scope, view.release
    page = await site.store.runs(Filter(project=name, deployment=scope.deployment), limit=RUNS)
    query = {"deployment": scope.deployment, "test": scope.test, "source": scope.source, "limit": span}
    titles = {metric.name: metric.title for metric in scope.metrics}
    return ProjectPage(
        name=scope.project,
        url=project_url(scope.project),
        release=release.release,
        baseline=release.baseline,
        headline=words.headline_saying(release.headline),
        sentence=release.headline.sentence if release.headline else None,
        choices=(
            Choice("deployment", "Deployment", scope.deployments, scope.deployment),
            Choice("test", "Test", scope.tests, scope.test),
            Choice("source", "Source", scope.sources or (scope.source,), scope.source),
            Choice("runs", "Runs shown", tuple(map(str, sorted({*SPANS, span}))), str(span)),
        ),
        voices=_voices(view),
        agreement=view.agreement.sentence if view.agreement else None,
        verdicts=verdict_cards(release.verdicts, titles),
        charts=tuple(_chart(name, metric, query) for metric in view.metrics),
        runs=tuple(row(site, run) for run in page.runs),
        facts=_project_facts(view),
        problems=view.problems,
        blocked=blocked(view),
        empty=empty(view),
    )


def _voices(view: ProjectView) -> tuple[tuple[str, Saying], ...]:
    """What each source says of the same release; empty where there is but one."""
    sources = view.scope.sources
    if len(sources) < FEWEST or view.release.release is None:
        return ()
    said = dict(view.agreement.voices) if view.agreement else {}
    if view.release.headline:
        said.setdefault(view.scope.source, view.release.headline)
    return tuple((source, words.headline_saying(said.get(source))) for source in sources)


def _project_facts(view: ProjectView) -> tuple[tuple[str, str], ...]:
    entry = view.scope.entry
    if entry is None:
        return ()
    facts = [("Schedule", str(entry.schedule))]
    if entry.test:
        facts += [("Test", entry.test.name), ("From", entry.test.url), ("At", entry.test.ref)]
    return (*facts, *((deployment.name, deployment.endpoint) for deployment in entry.deployments))


def _chart(project: str, view: MetricView, query: Mapping[str, Any]) -> Chart:
    metric, last = view.metric, view.last
    given = urlencode({key: value for key, value in query.items() if value is not None})
    newest = tuple((p, words.amount(p.value, metric.unit)) for p in reversed(view.points[-NEWEST:]))
    empty = None
    if not any(point.value is not None for point in view.points):
        empty = "No value yet." if metric.from_client else "No value yet; the runs below say what Datadog answered."
    return Chart(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=words.better_is(metric),
        last=words.amount(last.value, metric.unit) if last else words.NOTHING,
        trend=words.trend_saying(view.trend),
        reason=view.trend.reason if view.trend else "",
        series=f"/api/v1/series/{quote(project, safe='')}/{quote(metric.name, safe='')}?{given}",
        newest=newest,
        empty=empty,
    )

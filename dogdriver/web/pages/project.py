"""`/p/{project}`: the verdicts on a release, a chart per metric, the newest runs."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from dogdriver.model import Change, Filter
from dogdriver.pipeline.per_host import is_total
from dogdriver.pipeline.ports import Commands
from dogdriver.reports.agreement import FEWEST_SOURCES
from dogdriver.reports.ports import Runs
from dogdriver.reports.project import MetricView, ProjectView, Reports
from dogdriver.reports.release import ReleaseView
from dogdriver.web.keys import ROOT
from dogdriver.web.pages.contexts import Chart, Choice, ProjectPage
from dogdriver.web.pages.evidence import evidence_line
from dogdriver.web.pages.format import (
    DASH,
    Badge,
    amount,
    better_is,
    headline_badge,
    percent,
    summary_badge,
    trend_badge,
)
from dogdriver.web.pages.parts import (
    baselines_in_words,
    blocked,
    empty,
    project_url,
    run_row,
    sentence_of,
    verdict_table,
    waiting_in_words,
)

NEWEST = 10  # values in a chart's table
RUNS = 25  # runs in the list
SPANS = (50, 200, 1000)  # runs that a chart may show
CHANGES = 3  # steps that are listed beside a chart
RELEASES = 100  # that can be picked


async def project_page(
    reports: Reports, runs: Runs, commands: Commands, name: str, wanted: Mapping[str, Any]
) -> ProjectPage:
    """*wanted*: deployment, test, source, release, baseline, and runs, how many a chart shows."""
    choice = {key: wanted.get(key) for key in ("deployment", "test", "source", "release", "baseline")}
    span = wanted.get("runs", SPANS[1])
    view = await reports.project(name, newest=NEWEST, **choice)
    selection, release = view.selection, view.release
    page = await runs.list(Filter(project=name, deployment=selection.deployment), limit=RUNS)
    query = {"deployment": selection.deployment, "test": selection.test, "source": selection.source, "limit": span}
    return ProjectPage(
        name=selection.project,
        url=project_url(selection.project),
        release=release.release,
        newest=release.newest if release.newest != release.release else None,
        compared_with=baselines_in_words(release),
        headline=summary_badge(release.titled_summary),
        sentence=sentence_of(release.titled_summary),
        waiting=waiting_in_words(release),
        choices=(
            Choice("deployment", "Deployment", _plain(selection.deployments), selection.deployment),
            Choice("test", "Test", _plain(selection.tests), selection.test),
            Choice("source", "Source", _plain(selection.sources or (selection.source,)), selection.source),
            *_releases(release, wanted.get("baseline")),
            Choice("runs", "Runs shown", _plain(map(str, sorted({*SPANS, span}))), str(span), independent=True),
        ),
        source_badges=_source_badges(view),
        agreement=view.agreement.sentence if view.agreement else None,
        evidence=evidence_line(view.evidence, selection.entry),
        paused=view.paused,
        verdicts=verdict_table(view),
        false_alarms=release.false_alarms,
        charts=tuple(_chart(name, metric, query) for metric in view.metrics),
        runs=tuple(run_row(commands, run) for run in page.runs),
        facts=_project_facts(view),
        problems=view.problems,
        blocked=blocked(view),
        empty=empty(view),
    )


def _plain(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


def _releases(view: ReleaseView, baseline: str | None) -> tuple[Choice, ...]:
    """Which release is judged, and against which; the defaults have no value, so that an address stays with them."""
    if view.newest is None or view.release is None:
        return ()
    shown = [label for label in reversed(view.releases[-RELEASES:]) if label != view.newest]
    others = [label for label in reversed(view.releases[-RELEASES:]) if label != view.release]
    chosen = "" if view.release == view.newest else view.release
    return (
        Choice("release", "Release", (("", f"{view.newest}, the newest"), *_plain(shown)), chosen),
        Choice("baseline", "Against", (("", "the releases before it"), *_plain(others)), baseline or ""),
    )


def _source_badges(view: ProjectView) -> tuple[tuple[str, Badge], ...]:
    """The headline of the same release from each source; empty where there is but one."""
    sources = view.selection.sources
    if len(sources) < FEWEST_SOURCES or view.release.release is None:
        return ()
    votes = dict(view.agreement.votes) if view.agreement else {}
    if view.release.summary:
        votes.setdefault(view.selection.source, view.release.summary.headline)
    return tuple((source, headline_badge(votes.get(source))) for source in sources)


def _project_facts(view: ProjectView) -> tuple[tuple[str, str], ...]:
    entry = view.selection.entry
    if entry is None:
        return ()
    facts = [("Schedule", str(entry.schedule))]
    if entry.test:
        facts.append(("Test", entry.test.name))
        if entry.test.built_in:
            facts.append(("Its requests", ", ".join(one.label for one in entry.test.built_in.requests)))
        else:
            facts += [("Test’s repository", entry.test.url), ("Its branch", entry.test.ref)]
    return (*facts, *((f"Endpoint of {deployment.name}", deployment.endpoint) for deployment in entry.deployments))


def _change(change: Change) -> tuple[datetime, str]:
    where = f"with {change.release}" if change.release else "with no release: infrastructure?"
    return (
        change.at,
        f"{percent(change.effect)} ({percent(change.low)} to {percent(change.high)}), {where}",
    )


def _chart(project: str, view: MetricView, query: Mapping[str, Any]) -> Chart:
    metric, last = view.metric, view.last
    given = urlencode({key: value for key, value in query.items() if value is not None})
    newest = tuple((p, amount(p.value, metric.unit)) for p in reversed(view.points))
    changes = view.card.changes if view.card else ()
    empty = None
    if last is None and not any(point.value is not None for point in view.points):
        empty = "No value yet." if metric.from_client else "No value yet; the runs below say what Datadog answered."
    return Chart(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=better_is(metric),
        client=metric.from_client,
        last=amount(last.value, metric.unit) if last else DASH,
        trend=trend_badge(view.trend),
        reason=view.trend.reason if view.trend else "",
        changes=tuple(_change(change) for change in changes[-CHANGES:]),
        per_host=is_total(metric),
        series=f"{ROOT}/series/{quote(project, safe='')}/{quote(metric.name, safe='')}?{given}",
        newest=newest,
        empty=empty,
    )

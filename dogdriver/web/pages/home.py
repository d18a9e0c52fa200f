"""`/` and `/status`: all projects at a glance, and the daemon itself."""

from collections.abc import Mapping, Sequence

from dogdriver.model import CALLED, Headline
from dogdriver.reports.project import MetricView, ProjectView
from dogdriver.verdict.comparability import counts
from dogdriver.web.keys import Site
from dogdriver.web.pages import format as words
from dogdriver.web.pages.contexts import Card, HomePage, StatusPage
from dogdriver.web.pages.parts import against, empty, project_url, row, told
from dogdriver.web.pages.svg import sparkline

PRESSING = (Headline.SLOWER, Headline.MIXED, Headline.FASTER, Headline.UNDECIDED, Headline.NO_CHANGE, None)


async def home_page(site: Site) -> HomePage:
    views = [await site.reports.project(name) for name in await site.reports.selections.names()]
    catalog = site.catalog.current
    shown = {view.selection.project for view in views}
    return HomePage(
        lead=_lead(views),
        cards=tuple(_card(site, view) for view in sorted(views, key=_pressing) if view.newest),
        others=tuple(_card(site, view) for view in views if not view.newest),
        queue=tuple(row(site, run) for run in await site.store.runs.queue()),
        problems=tuple((p.subject, p.message) for p in catalog.problems if p.subject not in shown),
        stale=catalog.stale,
    )


def _lead(views: Sequence[ProjectView]) -> str:
    if not views:
        return "No project yet."
    said = [view.release.summary.headline if view.release.summary else None for view in views]
    counts = [(said.count(word), text) for word, text in (
        (Headline.SLOWER, "slower"), (Headline.FASTER, "faster"), (Headline.MIXED, "mixed"),
        (Headline.NO_CHANGE, "unchanged"), (Headline.UNDECIDED, "undecided"), (None, "without a verdict"),
    )]  # fmt: skip
    return f"{words.plural(len(views), 'project')}: " + ", ".join(f"{n} {text}" for n, text in counts if n) + "."


def _pressing(view: ProjectView) -> int:
    """What is slower comes first."""
    return PRESSING.index(view.release.summary.headline if view.release.summary else None)


def _card(site: Site, view: ProjectView) -> Card:
    lead, selection, release = _telling(view.metrics), view.selection, view.release
    last = lead.last
    return Card(
        name=selection.project,
        url=project_url(selection.project),
        headline=words.headline_saying(release.titled),
        release=release.release,
        against=against(release),
        sentence=told(release.titled),
        metric=lead.metric.title,
        last=words.amount(last.value, lead.metric.unit) if last else words.NOTHING,
        trend=words.trend_saying(lead.trend),
        spark=sparkline([p.value for p in lead.points if counts(p) and p.value is not None]),
        run=row(site, view.newest) if view.newest else None,
        schedule=str(selection.entry.schedule) if selection.entry else "known from history only",
        problems=view.problems,
        empty=empty(view),
    )


def _telling(metrics: Sequence[MetricView]) -> MetricView:
    """The metric with the largest decided effect; else the first that has values."""
    decided = [m for m in metrics if m.judged and m.judged.standing_outcome in CALLED]
    if decided:
        return max(decided, key=lambda m: abs((m.judged and m.judged.verdict.effect) or 0.0))
    return next((m for m in metrics if m.last), metrics[0])


async def status_page(site: Site) -> StatusPage:
    catalog = site.catalog.current
    parts = [(name, said) for name, said in (await site.status()).items() if isinstance(said, Mapping)]
    return StatusPage(
        parts=tuple(parts),
        queue=tuple(row(site, run) for run in await site.store.runs.queue()),
        problems=tuple((p.subject, p.message) for p in catalog.problems),
        stale=catalog.stale,
    )

"""`/` and `/status`: all projects at a glance, and the daemon itself."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dogdriver.model import CALLED, Catalog, Headline
from dogdriver.model.audit import Change
from dogdriver.reports.project import MetricView, ProjectView, Reports
from dogdriver.verdict.headline import WORSE
from dogdriver.web.pages.contexts import Card, HomePage, RunRow, StatusPage
from dogdriver.web.pages.format import DASH, STATUSES, amount, plural, summary_badge, trend_badge
from dogdriver.web.pages.parts import baselines_in_words, empty, project_url, sentence_of, waiting_in_words
from dogdriver.web.pages.svg import sparkline

BY_URGENCY = (
    Headline.SLOWER, Headline.MIXED, Headline.PROBABLY_SLOWER, Headline.FASTER, Headline.PROBABLY_FASTER,
    Headline.UNDECIDED, Headline.NO_CHANGE, None,
)  # fmt: skip


async def home_page(reports: Reports, catalog: Catalog, queue: tuple[RunRow, ...]) -> HomePage:
    views = await reports.projects()
    shown = {view.selection.project for view in views}
    return HomePage(
        lead=_lead(views),
        cards=tuple(_card(view) for view in sorted(views, key=_urgency) if view.newest),
        others=tuple(_card(view) for view in views if not view.newest),
        queue=queue,
        problems=tuple((p.subject, p.message) for p in catalog.problems if p.subject not in shown),
        stale=catalog.stale,
    )


def _lead(views: Sequence[ProjectView]) -> str:
    if not views:
        return "No project yet."
    headlines = [_headline(view) for view in views]
    counts = [(headlines.count(word), text) for word, text in (
        (Headline.SLOWER, "slower"), (Headline.FASTER, "faster"), (Headline.MIXED, "mixed"),
        (Headline.PROBABLY_SLOWER, "probably slower"), (Headline.PROBABLY_FASTER, "probably faster"),
        (Headline.NO_CHANGE, "unchanged"), (Headline.UNDECIDED, "undecided"), (None, "without a verdict"),
    )]  # fmt: skip
    beside = sum(view.release.attention and _headline(view) not in WORSE for view in views)
    more = f" {beside} of them with a metric that is worse, though it does not decide." if beside else ""
    return f"{plural(len(views), 'project')}: " + ", ".join(f"{n} {text}" for n, text in counts if n) + f".{more}"


def _headline(view: ProjectView) -> Headline | None:
    return view.release.summary.headline if view.release.summary else None


def _urgency(view: ProjectView) -> tuple[bool, int]:
    """What is worse comes first: slower, mixed, and what has another metric that is worse."""
    return not view.release.attention, BY_URGENCY.index(_headline(view))


def _card(view: ProjectView) -> Card:
    lead, selection, release = _most_telling(view.metrics, view.release.deciding), view.selection, view.release
    last = lead.last
    return Card(
        name=selection.project,
        url=project_url(selection.project),
        headline=summary_badge(release.titled_summary),
        attention=release.attention,
        release=release.release,
        compared_with=baselines_in_words(release),
        sentence=sentence_of(release.titled_summary),
        waiting=waiting_in_words(release),
        metric=lead.metric.title,
        last=amount(last.value, lead.metric.unit) if last else DASH,
        trend=trend_badge(lead.trend),
        spark=sparkline(lead.card.line if lead.card else ()),
        run=view.newest,
        status=STATUSES[view.newest.status] if view.newest else None,
        schedule=str(selection.entry.schedule) if selection.entry else "known from history only",
        problems=view.problems,
        empty=empty(view),
    )


def _most_telling(metrics: Sequence[MetricView], deciding: Collection[str]) -> MetricView:
    """The metric with the largest decided effect, else the first that has values; of those that decide, if any."""
    ranked = sorted(metrics, key=lambda m: m.metric.name not in deciding)
    called = [m for m in ranked if m.judged and m.judged.standing_outcome in CALLED]
    if called:
        return max(called, key=lambda m: (m.metric.name in deciding, abs((m.judged and m.judged.verdict.effect) or 0)))
    return next((m for m in ranked if m.last), metrics[0])


def status_page(
    catalog: Catalog, parts: Mapping[str, Any], queue: tuple[RunRow, ...], changes: Sequence[Change] = ()
) -> StatusPage:
    return StatusPage(
        parts=tuple((name, part) for name, part in parts.items() if isinstance(part, Mapping)),
        queue=queue,
        problems=tuple((p.subject, p.message) for p in catalog.problems),
        stale=catalog.stale,
        changes=tuple(changes),
    )

"""The pieces that several pages show."""

from collections.abc import Iterable
from math import inf
from urllib.parse import quote

from dogdriver.model import OPEN, Judged, Outcome, Run, Standing, Status, Summary
from dogdriver.pipeline.ports import Commands
from dogdriver.reports.per_host import PerHost
from dogdriver.reports.project import ProjectView
from dogdriver.reports.release import ReleaseView
from dogdriver.web.api.runs import progress
from dogdriver.web.pages.contexts import RunRow, VerdictRow, VerdictTable
from dogdriver.web.pages.format import (
    DASH,
    OUTCOMES,
    STATUSES,
    amount,
    percent,
    plural,
    share,
    without_badge_words,
)
from dogdriver.web.pages.svg import interval, scale_of

ORDER = tuple(Outcome)  # what is decided first
RUNNING_MAX_AGE = 1.0  # seconds: a load says something new once a second, and the page streams it


def project_url(name: str) -> str:
    return f"/p/{quote(name, safe='')}"


def run_row(commands: Commands, run: Run) -> RunRow:
    return RunRow(run, STATUSES[run.status], progress(commands, run))


def max_age(rows: Iterable[RunRow]) -> float:
    """For how many seconds a page with these *rows* is true, unless something is written."""
    return RUNNING_MAX_AGE if any(one.run.status is Status.RUNNING for one in rows) else inf


def baselines_in_words(view: ReleaseView) -> str | None:
    """What a release is compared with."""
    if len(view.baselines) > 1:
        return f"{len(view.baselines)} earlier releases, {view.baselines[0]} to {view.baselines[-1]}"
    return view.baseline


def sentence_of(summary: Summary | None) -> str | None:
    return without_badge_words(summary.sentence) if summary else None


def verdict_table(view: ProjectView) -> VerdictTable:
    """The decided ones first."""
    judged, titles = view.release.verdicts, view.selection.titles
    ranked = sorted(judged, key=lambda one: ORDER.index(one.standing_outcome))
    scale = scale_of(one.verdict for one in ranked)
    rows = tuple(_verdict_row(one, titles.get(one.key.metric, one.key.metric), scale) for one in ranked)
    reasons = {row.reason for row in rows}
    return VerdictTable(
        rows=rows,
        scale=amount(scale, "ratio"),
        shared_reason=reasons.pop() if len(rows) > 1 and len(reasons) == 1 else None,
        per_host=tuple(
            (one.metric.title, _per_host(one.metric.unit, one.per_host)) for one in view.metrics if one.per_host
        ),
    )


def _per_host(unit: str, levels: PerHost) -> str:
    before, after = amount(levels.before, unit), amount(levels.after, unit)
    return f"{before} with {levels.earlier}, {after} with {levels.release}"


def _verdict_row(judged: Judged, title: str, scale: float) -> VerdictRow:
    verdict, seen = judged.verdict, judged.verdict.smallest_visible
    span = None
    if verdict.low is not None and verdict.high is not None:
        span = f"{percent(verdict.low)} to {percent(verdict.high)}"
    return VerdictRow(
        title=title,
        badge=OUTCOMES[judged.standing_outcome],
        reason=judged.reason,
        effect=percent(verdict.effect),
        span=span,
        interval=interval(verdict, scale),
        runs=f"{verdict.runs} vs {verdict.baseline_runs}",
        certainty=_certainty(judged),
        smallest_visible=DASH if seen is None else f"≥ {share(seen)}",
    )


def _certainty(judged: Judged) -> str:
    """How firm the outcome is; of one that is open, what it would take."""
    verdict, outcome = judged.verdict, judged.standing_outcome
    before = "withdrawn; " if judged.standing is Standing.WITHDRAWN else ""
    if outcome not in OPEN:
        return "firm" if judged.standing is Standing.ANNOUNCED else f"{before}from one comparison"
    if verdict.outcome not in OPEN:
        return f"{before}one more run has to agree"
    if verdict.runs_needed:
        return f"{before}{plural(verdict.runs_needed, 'more run')}"
    if outcome is Outcome.TOO_FEW_RUNS:
        return f"{before}too few runs of earlier releases"
    return f"{before}more runs will hardly tell"


def empty(view: ProjectView) -> str | None:
    """What is missing where there is nothing to show, and what to do about it."""
    if view.newest is not None:
        return None
    if why := blocked(view):
        return f"Never run: {why}"
    return "Never run. Its first run starts by its schedule, or with the button on its page."


def blocked(view: ProjectView) -> str | None:
    entry = view.selection.entry
    if entry is None:
        return "it is known from its history alone; add it to the projects file to run it again."
    if not entry.deployments:
        return "it has no deployment; give it one in ServiceBook or in the projects file."
    if entry.test is None:
        return "it has no test; name one in ServiceBook or in the projects file."
    if not entry.allowed:
        return f"its test {entry.test.url} matches nothing in allowed_tests; add a pattern to the projects file."
    return None

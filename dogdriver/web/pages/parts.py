"""The pieces that several pages show."""

from collections.abc import Iterable
from math import inf
from urllib.parse import quote

from dogdriver.model import (
    CALLED,
    OPEN,
    Better,
    EffectScale,
    Judged,
    Metric,
    Outcome,
    Run,
    Standing,
    Status,
    Summary,
    Verdict,
)
from dogdriver.model.card import PerHost
from dogdriver.pipeline.ports import Commands
from dogdriver.reports.needed import Due, needed
from dogdriver.reports.project import ProjectView
from dogdriver.reports.release import ReleaseView
from dogdriver.verdict import Measure
from dogdriver.verdict.sizes import bound
from dogdriver.web.api.runs import progress
from dogdriver.web.pages.contexts import RunRow, VerdictRow, VerdictTable
from dogdriver.web.pages.format import (
    DASH,
    NOTHING_BEFORE,
    OUTCOMES,
    PROBABLE,
    STATUSES,
    Badge,
    amount,
    clock_time,
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


def waiting_in_words(view: ReleaseView) -> str | None:
    """What runs now where nothing of it has been judged, and another release is spoken of."""
    stay = view.waiting
    if stay is None or view.release is None:
        return None
    back = "is back" if stay.number > 1 else "is there"
    runs = f"{plural(view.waiting_runs, 'run')} so far" if view.waiting_runs else "no run yet"
    return f"{stay.release.label} {back} since {clock_time(stay.first)}, {runs}; not judged yet."


def sentence_of(summary: Summary | None) -> str | None:
    return without_badge_words(summary.sentence) if summary else None


def verdict_table(view: ProjectView) -> VerdictTable:
    """Those that the headline rests on first, and of these and of the others the decided ones first."""
    release, summary = view.release, view.release.titled_summary
    metrics = {metric.name: metric for metric in view.selection.metrics}
    ranked = sorted(
        release.verdicts,
        key=lambda one: (one.key.metric not in release.deciding, ORDER.index(one.standing_outcome)),
    )
    scale = scale_of(one.verdict for one in ranked)
    rows = tuple(_verdict_row(one, metrics.get(one.key.metric), release, scale) for one in ranked)
    reasons = {row.reason for row in rows}
    shown = {row.title for row in rows}
    return VerdictTable(
        rows=rows,
        scale=amount(scale, "ratio"),
        judged=f"Judged {summary.judged} of {plural(summary.of, 'metric')}." if summary and rows else None,
        unjudged=tuple((one.metric, one.reason) for one in summary.reasons if one.metric not in shown)
        if summary
        else (),
        shared_reason=reasons.pop() if len(rows) > 1 and len(reasons) == 1 else None,
        per_host=tuple(
            (one.metric.title, _per_host(one.metric.unit, one.per_host)) for one in view.metrics if one.per_host
        ),
    )


def _per_host(unit: str, levels: PerHost) -> str:
    before, after = amount(levels.before, unit), amount(levels.after, unit)
    return f"{before} with {levels.earlier}, {after} with {levels.release}"


def _verdict_row(judged: Judged, metric: Metric | None, release: ReleaseView, scale: float) -> VerdictRow:
    verdict, seen = judged.verdict, judged.verdict.smallest_visible
    unit = metric.unit if metric else ""
    span = levels = None
    if verdict.low is not None and verdict.high is not None:
        span = f"{_change(verdict.low, verdict, unit)} to {_change(verdict.high, verdict, unit)}"
    if verdict.before is not None and verdict.after is not None:
        levels = f"{amount(verdict.before, unit)} → {amount(verdict.after, unit)}"
    return VerdictRow(
        title=metric.title if metric else judged.key.metric,
        decides=judged.key.metric in release.deciding,
        badge=_outcome_badge(judged),
        reason=judged.reason,
        effect=_change(verdict.effect, verdict, unit),
        levels=levels,
        span=span,
        interval=interval(verdict, scale),
        runs=f"{verdict.runs} vs {verdict.baseline_runs}",
        certainty=_certainty(judged, release.due),
        smallest_visible=DASH if seen is None else f"≥ {_change(seen, verdict, unit, sign=False)}",
    )


def _change(effect: float | None, verdict: Verdict, unit: str, *, sign: bool = True) -> str:
    """On the verdict's scale: a share, a difference in the metric's unit, a share of its failures."""
    if effect is None or verdict.scale is EffectScale.RATIO:
        return percent(effect) if sign else share(effect)
    return bound(effect, verdict.scale, Measure(Better.LOWER, unit=unit), sign=sign).replace("-", "−")


def _outcome_badge(judged: Judged) -> Badge:
    """A difference that one more look has to agree with has a word of its own."""
    if judged.standing_outcome is Outcome.UNDECIDED and judged.verdict.outcome in CALLED:
        return PROBABLE[judged.verdict.outcome]
    if judged.standing_outcome is Outcome.TOO_FEW_RUNS and not judged.verdict.baseline_runs:
        return NOTHING_BEFORE
    return OUTCOMES[judged.standing_outcome]


def _certainty(judged: Judged, due: Due) -> str:
    """How sure the outcome is; of one that is open, what it would take."""
    verdict, outcome = judged.verdict, judged.standing_outcome
    before = "withdrawn; " if judged.standing is Standing.WITHDRAWN else ""
    if outcome not in OPEN:
        return "sure" if judged.standing is Standing.ANNOUNCED else f"{before}from one comparison"
    wanted = needed(judged, due)
    if verdict.outcome not in OPEN:
        return f"{before}probably: one more run" if wanted.runs else f"{before}probably: a few more runs"
    if wanted.runs:
        by = "" if wanted.at is None else f", until {clock_time(wanted.at)}"
        about = "about " if outcome is Outcome.UNDECIDED and wanted.runs > 1 else ""
        return f"{before}{about}{plural(wanted.runs, 'more run')}{by}"
    if not verdict.baseline_runs:
        return f"{before}nothing to compare with"
    if outcome is Outcome.TOO_FEW_RUNS:
        return f"{before}too few runs of earlier releases"
    return f"{before}needs a steadier metric"


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

"""The pieces that several pages show."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from dogdriver.model import OPEN, Judged, Outcome, Run, Standing, Status, Summary
from dogdriver.reports.project import ProjectView
from dogdriver.reports.release import ReleaseView
from dogdriver.web.api.runs import progress
from dogdriver.web.keys import Site
from dogdriver.web.pages import format as words
from dogdriver.web.pages.contexts import RunRow, VerdictRow, VerdictTable
from dogdriver.web.pages.svg import interval, reach

ORDER = tuple(Outcome)  # what is decided first


def project_url(name: str) -> str:
    return f"/p/{quote(name, safe='')}"


def row(site: Site, run: Run) -> RunRow:
    return RunRow(run, words.STATUSES[run.status], progress(site, run))


def resting(rows: Sequence[RunRow]) -> bool:
    """Whether nothing in the list moves without a write."""
    return all(one.run.status is not Status.RUNNING for one in rows)


def against(view: ReleaseView) -> str | None:
    """What a release is held against, in words."""
    if len(view.baselines) > 1:
        return f"{len(view.baselines)} earlier releases, {view.baselines[0]} to {view.baselines[-1]}"
    return view.baseline


def told(summary: Summary | None) -> str | None:
    return words.beside_badge(summary.sentence) if summary else None


def verdict_table(judged: Iterable[Judged], titles: Mapping[str, str]) -> VerdictTable:
    """The decided ones first; *titles* of metrics by name."""
    ranked = sorted(judged, key=lambda one: ORDER.index(one.standing_outcome))
    wide = reach(one.verdict for one in ranked)
    rows = tuple(_verdict_row(one, titles.get(one.key.metric, one.key.metric), wide) for one in ranked)
    reasons = {row.reason for row in rows}
    return VerdictTable(
        rows, words.amount(wide, "ratio"), reasons.pop() if len(rows) > 1 and len(reasons) == 1 else None
    )


def _verdict_row(judged: Judged, title: str, wide: float) -> VerdictRow:
    verdict, seen = judged.verdict, judged.verdict.smallest_visible
    span = None
    if verdict.low is not None and verdict.high is not None:
        span = f"{words.percent(verdict.low)} to {words.percent(verdict.high)}"
    return VerdictRow(
        title=title,
        saying=words.OUTCOMES[judged.standing_outcome],
        reason=judged.reason,
        effect=words.percent(verdict.effect),
        span=span,
        interval=interval(verdict, wide),
        runs=f"{verdict.runs} vs {verdict.baseline_runs}",
        stands=_stands(judged),
        visible=words.NOTHING if seen is None else f"≥ {words.share(seen)}",
    )


def _stands(judged: Judged) -> str:
    """How firm the outcome is; of one that is open, what it would take."""
    verdict, outcome = judged.verdict, judged.standing_outcome
    before = "withdrawn; " if judged.standing is Standing.WITHDRAWN else ""
    if outcome not in OPEN:
        return "firm" if judged.standing is Standing.ANNOUNCED else f"{before}from one comparison"
    if verdict.outcome not in OPEN:
        return f"{before}one more run has to agree"
    if verdict.runs_needed:
        return f"{before}{words.plural(verdict.runs_needed, 'more run')}"
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

"""The pieces that several pages show."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from dogdriver.model import Judged, Outcome, Run, Status
from dogdriver.model.document import reason_of
from dogdriver.web import words
from dogdriver.web.dashboard import RunRow, VerdictCard
from dogdriver.web.keys import Site
from dogdriver.web.overview import ProjectView
from dogdriver.web.runs import progress

ORDER = tuple(outcome.value for outcome in Outcome)  # what is decided first


def project_url(name: str) -> str:
    return f"/p/{quote(name, safe='')}"


def row(site: Site, run: Run) -> RunRow:
    return RunRow(run, words.STATUSES[run.status], progress(site, run))


def resting(rows: Sequence[RunRow]) -> bool:
    """Whether nothing in the list moves without a write."""
    return all(one.run.status is not Status.RUNNING for one in rows)


def verdict_cards(judged: Iterable[Judged], titles: Mapping[str, str]) -> tuple[VerdictCard, ...]:
    """The decided ones first."""
    ranked = sorted(judged, key=lambda one: ORDER.index(one.standing_outcome))
    return tuple(_verdict_card(one, titles.get(one.key.metric, one.key.metric)) for one in ranked)


def _verdict_card(judged: Judged, title: str) -> VerdictCard:
    verdict = judged.verdict
    interval = None
    if verdict.low is not None and verdict.high is not None:
        interval = f"{words.percent(verdict.low)} to {words.percent(verdict.high)}"
    rests = words.plural(verdict.runs, "run")
    if verdict.baseline_runs:
        rests += f" against {verdict.baseline_runs}"
    return VerdictCard(
        title=title,
        saying=words.OUTCOMES[Outcome(judged.standing_outcome)],
        reason=reason_of(judged),
        effect=words.percent(verdict.effect),
        interval=interval,
        rests=rests,
        state=judged.standing,
    )


def empty(view: ProjectView) -> str | None:
    """What is missing where there is nothing to show, and what to do about it."""
    if view.newest is not None:
        return None
    if why := blocked(view):
        return f"Never run: {why}"
    return "Never run. Its first run starts by its schedule, or with the button on its page."


def blocked(view: ProjectView) -> str | None:
    entry = view.scope.entry
    if entry is None:
        return "it is known from its history alone; add it to the projects file to run it again."
    if not entry.deployments:
        return "it has no deployment; give it one in ServiceBook or in the projects file."
    if entry.test is None:
        return "it has no test; name one in ServiceBook or in the projects file."
    if not entry.allowed:
        return f"its test {entry.test.url} matches nothing in allowed_tests; add a pattern to the projects file."
    return None

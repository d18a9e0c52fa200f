"""What the pages show, as values: each page's template gets one of these as `page`, and a Frame as `frame`.

A template knows nothing else; every field is described here, and a test sees to that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from dogdriver.model import Filter, Headline, Judged, Outcome, Point, Run, Status
from dogdriver.web import words
from dogdriver.web.api import find_run, progress, verdicts_of
from dogdriver.web.drawing import Sparkline, sparkline
from dogdriver.web.history import headline_of, judged_point
from dogdriver.web.keys import Site
from dogdriver.web.overview import MetricView, ProjectView, project_view
from dogdriver.web.words import Saying

NEWEST = 10  # values in a chart's table
RUNS = 25  # runs in a project's list
SPANS = (50, 200, 1000)  # runs that a chart may show
DECIDED = frozenset({Outcome.REGRESSED.value, Outcome.IMPROVED.value})


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page.

    *title* of the page, *here* its address (for coming back after signing in), *signed_in* whether buttons are shown,
    *demo* whether the banner is, *source* this daemon's own, *version* dogDriver's.
    """

    title: str
    here: str
    signed_in: bool
    demo: bool
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line in a list of runs: the *run*, its *status* in words, its *progress* 0..1 while its load runs."""

    run: Run
    status: Saying
    progress: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """A project on the home page.

    *name* and *url*; the *headline* in words with its *release* and *sentence*; the most telling *metric* with its
    *last* value, *trend* and *spark* line; the newest *run*; when it runs (*schedule*); *problems* to mend; *empty*
    says what is missing where nothing was ever run.
    """

    name: str
    url: str
    headline: Saying
    release: str | None
    sentence: str | None
    metric: str
    last: str
    trend: Saying
    spark: Sparkline | None
    run: RunRow | None
    schedule: str
    problems: tuple[str, ...]
    empty: str | None


@dataclass(frozen=True, slots=True)
class HomePage:
    """`/`: the *cards* of all projects, the *lead* sentence, the *queue*, and what is wrong with the catalogue.

    *problems* are (subject, message); *stale* says why the catalogue is an earlier one than wanted.
    """

    lead: str
    cards: tuple[Card, ...]
    queue: tuple[RunRow, ...]
    problems: tuple[tuple[str, str], ...]
    stale: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the selectors above the charts: its *name* in the address, its *label*, *options*, the *chosen* one."""

    name: str
    label: str
    options: tuple[str, ...]
    chosen: str | None


@dataclass(frozen=True, slots=True)
class VerdictCard:
    """What is said of one metric of the release: its *title*, the outcome in words (*saying*), the *reason* in a
    sentence, the *effect* with its *interval* and what it *rests* on; *state* says whether it may still change.
    """

    title: str
    saying: Saying
    reason: str
    effect: str
    interval: str | None
    rests: str
    state: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric's chart: *name*, *title*, *unit*, which way is *better*, its *last* value and *trend* in words, the
    address of its *series*, the *newest* values (point, text) for its table, and *empty*: what to do without any.
    """

    name: str
    title: str
    unit: str
    better: str
    last: str
    trend: Saying
    reason: str
    series: str
    newest: tuple[tuple[Point, str], ...]
    empty: str | None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """`/p/{project}`: *name*, *url*; the *release* with its *headline*, *sentence* and the *baseline* it is held
    against; the *choices* of deployment, test, source and span; what each source says (*voices*: source, saying);
    *verdicts*, *charts* and *runs*; *facts* (label, text) on test and schedule; *problems*; *blocked* says why no run
    can be started, None where one can; *empty* what is missing where nothing was run.
    """

    name: str
    url: str
    release: str | None
    baseline: str | None
    headline: Saying
    sentence: str | None
    choices: tuple[Choice, ...]
    voices: tuple[tuple[str, Saying], ...]
    verdicts: tuple[VerdictCard, ...]
    charts: tuple[Chart, ...]
    runs: tuple[RunRow, ...]
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    blocked: str | None
    empty: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric on the run's page: *title*, the *text* of its value, its *state* in words, *points* received of those
    expected, a *note*, and the *query* that was asked.
    """

    title: str
    text: str
    state: str
    points: str | None
    note: str | None
    query: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """`/r/{run}`: the *row* with run and status, the address of its *project*; *live* and *api*, where its progress
    and its document are; *facts* (label, text); *tally* (label, text); *client* (label, text); *measures*;
    *verdicts* on its release with the *headline* in words; whether it can be cancelled, excluded or included (*can*).
    """

    row: RunRow
    project: str
    live: str
    api: str
    facts: tuple[tuple[str, str], ...]
    tally: tuple[tuple[str, str], ...]
    client: tuple[tuple[str, str], ...]
    measures: tuple[Measure, ...]
    headline: Saying | None
    verdicts: tuple[VerdictCard, ...]
    can: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """`/status`: *parts* (name, what is said of it), the *queue*, *problems* (subject, message) and *stale*."""

    parts: tuple[tuple[str, Mapping[str, Any]], ...]
    queue: tuple[RunRow, ...]
    problems: tuple[tuple[str, str], ...]
    stale: str | None


@dataclass(frozen=True, slots=True)
class LoginPage:
    """`/login`: where to go *next*, and what was wrong (*problem*)."""

    next: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """Any page that is not there: the *status* number and the *message*."""

    status: int
    message: str


def project_url(name: str) -> str:
    return f"/p/{quote(name, safe='')}"


def row(site: Site, run: Run) -> RunRow:
    return RunRow(run, words.STATUSES[run.status], progress(site, run))


async def home_page(site: Site) -> HomePage:
    views = [await project_view(site, name) for name in await site.scopes.names()]
    catalog = site.catalogue.current
    shown = {view.scope.project for view in views}
    return HomePage(
        lead=_lead(views),
        cards=tuple(_card(site, view) for view in views),
        queue=tuple(row(site, run) for run in await site.store.queue()),
        problems=tuple((p.subject, p.message) for p in catalog.problems if p.subject not in shown),
        stale=catalog.stale,
    )


def _lead(views: Sequence[ProjectView]) -> str:
    if not views:
        return "No project yet."
    said = [view.release.headline for view in views]
    counts = [(said.count(word), text) for word, text in (
        (Headline.SLOWER, "slower"), (Headline.FASTER, "faster"), (Headline.MIXED, "mixed"),
        (Headline.NO_CHANGE, "unchanged"), (Headline.UNDECIDED, "undecided"), (None, "without a verdict"),
    )]  # fmt: skip
    return f"{words.plural(len(views), 'project')}: " + ", ".join(f"{n} {text}" for n, text in counts if n) + "."


def _card(site: Site, view: ProjectView) -> Card:
    lead, scope, release = _telling(view.metrics), view.scope, view.release
    last = lead.last
    return Card(
        name=scope.project,
        url=project_url(scope.project),
        headline=words.headline_saying(release.headline),
        release=release.release,
        sentence=release.headline.sentence if release.headline else None,
        metric=lead.metric.title,
        last=words.amount(last.value, lead.metric.unit) if last else words.NOTHING,
        trend=words.trend_saying(lead.trend),
        spark=sparkline([p.value for p in lead.points if judged_point(p) and p.value is not None]),
        run=row(site, view.newest) if view.newest else None,
        schedule=str(scope.entry.schedule) if scope.entry else "known from history only",
        problems=view.problems,
        empty=_empty(view),
    )


def _telling(metrics: Sequence[MetricView]) -> MetricView:
    """The metric with the largest decided effect; else the first that has values."""
    decided = [m for m in metrics if m.judged and m.judged.standing_outcome in DECIDED]
    if decided:
        return max(decided, key=lambda m: abs((m.judged and m.judged.verdict.effect) or 0.0))
    return next((m for m in metrics if m.last), metrics[0])


def _empty(view: ProjectView) -> str | None:
    """What is missing where there is nothing to show, and what to do about it."""
    if view.newest is not None:
        return None
    if blocked := _blocked(view):
        return f"Never run: {blocked}"
    return "Never run. Its first run starts by its schedule, or with the button on its page."


def _blocked(view: ProjectView) -> str | None:
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
        voices=await _voices(site, view),
        verdicts=tuple(verdict_card(one, titles.get(one.key.metric, one.key.metric)) for one in release.verdicts),
        charts=tuple(_chart(name, metric, query) for metric in view.metrics),
        runs=tuple(row(site, run) for run in page.runs),
        facts=_project_facts(view),
        problems=view.problems,
        blocked=_blocked(view),
        empty=_empty(view),
    )


async def _voices(site: Site, view: ProjectView) -> tuple[tuple[str, Saying], ...]:
    """What each source says of the same release; empty where there is but one."""
    scope, release = view.scope, view.release.release
    if len(scope.sources) < 2 or release is None:  # noqa: PLR2004 - nobody to agree with
        return ()
    voices = []
    for source in scope.sources:
        kept = await site.store.verdicts(scope.project, scope.deployment or "", scope.test or "", source)
        headline = headline_of(judged for judged in kept if judged.release == release)
        voices.append((source, words.headline_saying(headline)))
    return tuple(voices)


def _project_facts(view: ProjectView) -> tuple[tuple[str, str], ...]:
    entry = view.scope.entry
    if entry is None:
        return ()
    facts = [("Schedule", str(entry.schedule))]
    if entry.test:
        facts += [("Test", entry.test.name), ("From", entry.test.url), ("At", entry.test.ref)]
    return (*facts, *((deployment.name, deployment.endpoint) for deployment in entry.deployments))


def verdict_card(judged: Judged, title: str) -> VerdictCard:
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
        reason=judged.standing_reason or verdict.reason,
        effect=words.percent(verdict.effect),
        interval=interval,
        rests=rests,
        state=judged.standing,
    )


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


async def run_page(site: Site, run_id: str) -> RunPage:
    run = await find_run(site, run_id)
    kept = await site.store.verdicts(run.project, run.deployment, run.test, run.source)
    judged = verdicts_of(run, kept)
    scope = await site.scopes.find(run.project)
    metrics = {metric.name: metric for metric in scope.metrics}
    titles = {name: metric.title for name, metric in metrics.items()}
    headline = headline_of(judged)
    measures = []
    order = {name: place for place, name in enumerate(metrics)}
    for name, value in sorted(run.metrics.items(), key=lambda item: order.get(item[0], len(order))):
        unit = value.unit or (metrics[name].unit if name in metrics else "")
        points = f"{value.points} of {value.expected}" if value.expected is not None else None
        measures.append(
            Measure(titles.get(name, name), words.amount(value.value, unit), value.state.value.replace("_", " "),
                    points, value.note, value.query)
        )  # fmt: skip
    return RunPage(
        row=row(site, run),
        project=project_url(run.project),
        live=f"/api/v1/runs/{quote(run.id, safe='')}/live",
        api=f"/api/v1/runs/{quote(run.id, safe='')}",
        facts=_run_facts(run),
        tally=_tally(run),
        client=_client(run),
        measures=tuple(measures),
        headline=words.headline_saying(headline) if headline else None,
        verdicts=tuple(verdict_card(one, titles.get(one.key.metric, one.key.metric)) for one in judged),
        can=_can(run),
    )


def _run_facts(run: Run) -> tuple[tuple[str, str], ...]:
    seconds = run.window.seconds if run.window else None
    load = run.load
    commit = run.release.commit if run.release else None
    facts = [
        ("Release", run.release.label if run.release else words.NOTHING),
        ("Commit", commit[:12] if commit else None),
        ("Deployment", run.deployment),
        ("Endpoint", run.endpoint),
        ("Test", run.test),
        ("Test’s commit", run.test_commit[:12] if run.test_commit else None),
        ("Source", run.source),
        ("Started by", run.trigger.value),
        ("Load", f"{load.workers} × {load.processes} for {words.duration(load.duration)}" if load else None),
        ("Lasted", words.duration(seconds) if seconds is not None else None),
        ("Hosts", words.number(run.fingerprint) if run.fingerprint is not None else None),
    ]
    return tuple((label, text) for label, text in facts if text)


def _tally(run: Run) -> tuple[tuple[str, str], ...]:
    if run.tally is None:
        return ()
    tally = run.tally
    return (
        ("Scenarios succeeded", words.number(tally.ok)),
        ("Scenarios failed", words.number(tally.failed)),
        ("Requests", words.number(tally.requests)),
        ("Requests failed", words.number(tally.errors)),
    )


def _client(run: Run) -> tuple[tuple[str, str], ...]:
    if run.client is None:
        return ()
    client = run.client
    return (
        ("Rate", words.amount(client.rps, "1/s")),
        ("Median latency", words.amount(client.p50, "ms")),
        ("95th percentile", words.amount(client.p95, "ms")),
        ("99th percentile", words.amount(client.p99, "ms")),
        ("Requests failed", words.amount(client.error_ratio, "ratio")),
        ("Generator’s lag, p99", words.amount(client.lag_p99, "ms")),
        ("Its longest stall", words.amount(client.stall, "ms")),
        ("Its CPU", words.amount(client.cpu, "ratio")),
        ("Its grade", client.grade.value),
    )


def _can(run: Run) -> frozenset[str]:
    if not run.status.final:
        return frozenset({"cancel"})
    return frozenset({"include"}) if run.excluded is not None else frozenset({"exclude"})


async def status_page(site: Site) -> StatusPage:
    catalog = site.catalogue.current
    parts = [(name, said) for name, said in (await site.status()).items() if isinstance(said, Mapping)]
    return StatusPage(
        parts=tuple(parts),
        queue=tuple(row(site, run) for run in await site.store.queue()),
        problems=tuple((p.subject, p.message) for p in catalog.problems),
        stale=catalog.stale,
    )


def resting(rows: Sequence[RunRow]) -> bool:
    """Whether nothing in the list moves without a write."""
    return all(one.run.status is not Status.RUNNING for one in rows)

"""What the pages show, as values: each page's template gets one of these as `page`, and a Frame as `frame`.

A template knows nothing else; every field is described here, and a test sees to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dogdriver.model import Point, Run
from dogdriver.model.audit import Change
from dogdriver.model.pause import Pause
from dogdriver.verdict import FalseAlarms
from dogdriver.web.pages.evidence import EvidenceLine
from dogdriver.web.pages.format import Badge
from dogdriver.web.pages.svg import Interval, Sparkline


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page.

    *title* of the page, its *address* (for coming back after signing in), *signed_in*: whether buttons are shown,
    and at a proxy before us, under which name (*user*, None: not there); *demo*: whether the banner is,
    *source*: this daemon's own, *version*: dogDriver's.
    """

    title: str
    address: str
    signed_in: bool
    user: str | None
    demo: bool
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line in a list of runs: the *run*, its *status* as a badge, its *progress* 0..1 while its load runs."""

    run: Run
    status: Badge
    progress: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """A project on the home page.

    *name* and *url*. The *headline* of its *release*, whether something is worse though it does not decide
    (*attention*), what the release is *compared_with*, and the *sentence*; what runs now and is not judged yet
    (*waiting*). The title of one *metric* (the largest decided change), its *last* value, its *trend* and *spark* line.
    The newest *run* and its *status*. When it runs (*schedule*). *problems* to fix. *empty* says what is missing where
    nothing was ever run.
    """

    name: str
    url: str
    headline: Badge
    attention: bool
    release: str | None
    compared_with: str | None
    sentence: str | None
    waiting: str | None
    metric: str
    last: str
    trend: Badge
    spark: Sparkline | None
    run: Run | None
    status: Badge | None
    schedule: str
    problems: tuple[str, ...]
    empty: str | None


@dataclass(frozen=True, slots=True)
class HomePage:
    """`/`: the *cards* of all projects that ever ran, what is slower first, and of the *others*, which never ran.

    *lead* is the sentence above them. *queue*: the runs that are not done. *problems* of the catalog are (subject,
    message); *stale* says why the catalog is an earlier one than wanted, None where it is not.
    """

    lead: str
    cards: tuple[Card, ...]
    others: tuple[Card, ...]
    queue: tuple[RunRow, ...]
    problems: tuple[tuple[str, str], ...]
    stale: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A selector: its *name* in the address, its *label*, *options* (value, text), the *chosen* value.

    What is picked in one decides what the selectors after it offer, unless it is *independent*.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str | None
    independent: bool = False


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """The verdict on one metric of the release.

    *title* of the metric, whether the headline rests on it (*decides*), the outcome as a *badge*, the *reason* in a
    sentence. *effect* with its interval in words (*span*) and drawn (*interval*), and from which level to which
    (*levels*), None where they are not known. *runs* of the release and of what it is compared with. *certainty*: how
    sure the outcome is, or what it would take. *smallest_visible*: the smallest change that these runs could show.
    """

    title: str
    badge: Badge
    reason: str
    decides: bool
    effect: str
    levels: str | None
    span: str | None
    interval: Interval | None
    runs: str
    certainty: str
    smallest_visible: str


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """The verdicts on a release: *rows*, the decided ones first.

    *scale*: how far to either side the intervals are drawn, as text. *judged*: how many of the release's metrics have
    an answer, in words, None where all or none have; *unjudged* are the others that have no row (title, why).
    *shared_reason*: the one reason of all metrics,
    None where they differ. *per_host*: levels per host (title, text) of metrics
    whose values cannot be compared because the hosts changed.
    """

    rows: tuple[VerdictRow, ...]
    scale: str
    judged: str | None
    unjudged: tuple[tuple[str, str], ...]
    shared_reason: str | None
    per_host: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric's chart.

    *name*, *title*, *unit*; which way is *better*, in words; whether the load generator measured it (*client*). Its
    *last* value; its *trend*, with the *reason*. *series*: the address of what is drawn; *per_host*:
    whether its values divided by the number of hosts mean something. In words and numbers: the
    newest steps of its level (*changes*: at, words) and the *newest* values (point, text). *empty* says what to do
    where there is none.
    """

    name: str
    title: str
    unit: str
    better: str
    client: bool
    last: str
    trend: Badge
    reason: str
    series: str
    per_host: bool
    changes: tuple[tuple[datetime, str], ...]
    newest: tuple[tuple[Point, str], ...]
    empty: str | None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """`/p/{project}`, of one deployment, test and source.

    *name* and *url*. The *release* with its *headline* and *sentence*, what it is *compared_with*, and the *newest*
    release where that is another; what runs now and is not judged yet (*waiting*). *choices* of deployment, test,
    source, release, baseline, and how many runs are drawn. What each source says (*source_badges*: source, badge) and
    what that amounts to (*agreement*); what runs the release still gets (*evidence*). *verdicts* and how often they are
    wrong (*false_alarms*), *charts*, the newest
    *runs*. *facts* (label, text) on test and schedule. *problems* to fix. *blocked* says why no run can be started,
    *empty* what is missing where nothing was run, *paused* that somebody wants none for now; None elsewhere.
    """

    name: str
    url: str
    release: str | None
    newest: str | None
    compared_with: str | None
    headline: Badge
    sentence: str | None
    waiting: str | None
    choices: tuple[Choice, ...]
    source_badges: tuple[tuple[str, Badge], ...]
    agreement: str | None
    evidence: EvidenceLine | None
    paused: Pause | None
    verdicts: VerdictTable
    false_alarms: FalseAlarms
    charts: tuple[Chart, ...]
    runs: tuple[RunRow, ...]
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    blocked: str | None
    empty: str | None


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric from Datadog on the run's page: *title*, its *value* and *state* in words, *points* received of those
    expected, a *note*, and the *query* that was asked.
    """

    title: str
    value: str
    state: str
    points: str | None
    note: str | None
    query: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """`/r/{run}`.

    *row*: the run and its status. Addresses: of its *project*, its progress (*live*), its document (*api*) and the
    verdicts on its release (*verdicts*), of which *headline* and *sentence* are shown, None where there are none.
    *facts*, the *tally* and what the *client* measured as (label, text); the *metrics* from Datadog; *links* (text,
    address). *commands*: which of cancel, exclude and include are possible.
    """

    row: RunRow
    project: str
    live: str
    api: str
    facts: tuple[tuple[str, str], ...]
    tally: tuple[tuple[str, str], ...]
    client: tuple[tuple[str, str], ...]
    metrics: tuple[MetricRow, ...]
    links: tuple[tuple[str, str], ...]
    headline: Badge | None
    sentence: str | None
    verdicts: str
    commands: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """`/status`: *parts* of the daemon (name, how it is), the *queue*, and of the catalog *problems* (subject, message)
    and *stale*, why it is an earlier one than wanted. *changes* are the newest, for who has a token.
    """

    parts: tuple[tuple[str, Mapping[str, Any]], ...]
    queue: tuple[RunRow, ...]
    problems: tuple[tuple[str, str], ...]
    stale: str | None
    changes: tuple[Change, ...]


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

"""What the pages show, as values: each page's template gets one of these as `page`, and a Frame as `frame`.

A template knows nothing else; every field is described here, and a test sees to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dogdriver.model import Point, Run
from dogdriver.web.pages.format import Saying
from dogdriver.web.pages.svg import Interval, Sparkline


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

    *name* and *url*; the *headline* in words with its *release*, what that is held *against*, and the *sentence*; the
    most telling *metric* with its *last* value, *trend* and *spark* line; the newest *run*; when it runs (*schedule*);
    *problems* to fix; *empty* says what is missing where nothing was ever run.
    """

    name: str
    url: str
    headline: Saying
    release: str | None
    against: str | None
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
    """`/`: the *cards* of all projects that ever ran, the most pressing first, and of the *others*; the *lead*
    sentence, the *queue*, and what is wrong with the catalog.

    *problems* are (subject, message); *stale* says why the catalog is an earlier one than wanted.
    """

    lead: str
    cards: tuple[Card, ...]
    others: tuple[Card, ...]
    queue: tuple[RunRow, ...]
    problems: tuple[tuple[str, str], ...]
    stale: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A selector: its *name* in the address, its *label*, *options* (value, text), the *chosen* value. What is picked
    here decides what there is to pick in those that follow, unless it stands *apart*.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str | None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What is said of one metric of the release: its *title*, the outcome in words (*saying*)
    and the *reason* in a sentence; the *effect* with its interval in words (*span*) and drawn (*interval*); the *runs*
    that it rests on; *stands*, how firmly, or what it would take; *visible*, the smallest change that could be seen.
    """

    title: str
    saying: Saying
    reason: str
    effect: str
    span: str | None
    interval: Interval | None
    runs: str
    stands: str
    visible: str


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """The verdicts on a release: *rows*, the decided ones first; *wide*, how far the drawn intervals reach to either
    side, as text; *same*, the one reason that all metrics share, None where they differ.
    """

    rows: tuple[VerdictRow, ...]
    wide: str
    same: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric's chart: *name*, *title*, *unit*, which way is *better*, whether the load generator measured it
    (*client*), its *last* value and *trend* in words with its *reason*, the address of its *series*; as text, the
    newest steps in its level (*changes*: at, words) and the *newest* values (point, text); *empty* says what to do
    without any.
    """

    name: str
    title: str
    unit: str
    better: str
    client: bool
    last: str
    trend: Saying
    reason: str
    series: str
    changes: tuple[tuple[datetime, str], ...]
    newest: tuple[tuple[Point, str], ...]
    empty: str | None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """`/p/{project}`: *name*, *url*; the *release* with its *headline*, *sentence* and what it is held *against*, and
    the *newest* one where that is another; the *choices* of deployment, test, source, release, baseline and span; what
    each source says (*voices*: source, saying) and what that amounts to (*agreement*);
    *verdicts*, *charts* and *runs*; *facts* (label, text) on test and schedule; *problems*; *blocked* says why no run
    can be started, None where one can; *empty* what is missing where nothing was run.
    """

    name: str
    url: str
    release: str | None
    newest: str | None
    against: str | None
    headline: Saying
    sentence: str | None
    choices: tuple[Choice, ...]
    voices: tuple[tuple[str, Saying], ...]
    agreement: str | None
    verdicts: VerdictTable
    charts: tuple[Chart, ...]
    runs: tuple[RunRow, ...]
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    blocked: str | None
    empty: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A Datadog metric on the run's page: *title*, the *text* of its value, its *state* in words, *points* received of
    those expected, a *note*, and the *query* that was asked.
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
    and its document are; *facts* (label, text); *tally* (label, text); *client* (label, text); *measures*; *links*
    (text, address); what is said of its release, the *headline* and *sentence*, None where nothing is, and the address
    of the page that says more (*verdicts*); whether it can be cancelled, excluded or included (*can*).
    """

    row: RunRow
    project: str
    live: str
    api: str
    facts: tuple[tuple[str, str], ...]
    tally: tuple[tuple[str, str], ...]
    client: tuple[tuple[str, str], ...]
    measures: tuple[Measure, ...]
    links: tuple[tuple[str, str], ...]
    headline: Saying | None
    sentence: str | None
    verdicts: str
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

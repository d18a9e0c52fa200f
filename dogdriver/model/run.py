"""One execution of a test against a deployment, and what is kept with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from dogdriver.model.fields import (
    DELIVERED,
    FIXED,
    MEASURED,
    MOST_METRICS,
    MOST_NOTES,
    SENT,
    SERVER,
    Count,
    Id,
    Moment,
    Name,
    Text,
    at_most,
)
from dogdriver.model.load import ClientMeasures, Load, Tally, Window
from dogdriver.model.reading import MetricState, MetricValue


class Status(StrEnum):
    """Where a run is in its life; design: queued → running → pending → done, or one of the three bad ends."""

    QUEUED = "queued"  # asked for, and waits for its turn
    RUNNING = "running"  # from the look at its target to the end of its load
    PENDING = "pending"  # its load is over, and its metrics are being collected
    DONE = "done"  # its last metric is final: it is judged
    FAILED = "failed"  # it could not be made, or the daemon ended during it
    ABORTED = "aborted"  # somebody, or the test itself, ended it
    INVALID = "invalid"  # what it measured is not the release: kept, and never judged

    @property
    def final(self) -> bool:
        return self not in {Status.QUEUED, Status.RUNNING, Status.PENDING}

    @property
    def ended(self) -> bool:
        """Its load is over, if there was one."""
        return self not in {Status.QUEUED, Status.RUNNING}


class EventStep(StrEnum):
    """Which end of a run an event marks; the value of its tag `step:`."""

    START = "start"  # the load begins
    STOP = "stop"  # the load is over, however it ended


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"  # the project's timer
    REQUEST = "request"  # somebody, by the API or the page
    RELEASE = "release"  # a new release was seen, and the project wants a run of it
    EVIDENCE = "evidence"  # a release's verdict needs it
    ELSEWHERE = "elsewhere"  # another daemon or a client made it, and it was delivered or imported


@dataclass(frozen=True, slots=True)
class Release:
    """What a deployment says it runs. *label* is the word for it; a label of `unknown` is no release."""

    label: str
    version: str | None = None
    commit: str | None = None

    @property
    def known(self) -> bool:
        return self.label != UNKNOWN

    def called(self, word: str) -> bool:
        """Whether *word* is its label, its version, or the beginning of its commit."""
        of_commit = self.commit is not None and len(word) >= FEWEST_LETTERS and self.commit.startswith(word)
        return word in {self.label, self.version} or of_commit


UNKNOWN = "unknown"
FEWEST_LETTERS = 7  # of a commit, to name it


def stay_name(label: str, number: int | None) -> str:
    """1.0, and 1.0@2 for its second stay."""
    return f"{label}@{number}" if number is not None and number > 1 else label


@dataclass(frozen=True, slots=True)
class Stay:
    """One time that *release* ran at a deployment: its *number*, and when it was *first* and *last* observed."""

    release: Release
    number: int
    first: datetime
    last: datetime

    @property
    def name(self) -> str:
        return stay_name(self.release.label, self.number)


class Run(Struct, frozen=True, kw_only=True):
    """A run, as it is kept, delivered, archived and exported. Times are aware UTC; what has not happened is None.

    This is where its fields are described: reading, writing, the API's components and the columns follow. *load*,
    *content*, *fingerprint* and *kinds* are what makes two runs comparable.
    """

    id: Annotated[Id, Meta(description="chosen by who made it; a UUID's hex digits are best"), FIXED]
    project: Annotated[Name, Meta(description="the service under test"), FIXED, DELIVERED]
    deployment: Annotated[Name, Meta(description="the place where it runs"), FIXED, DELIVERED]
    endpoint: Annotated[Text | None, Meta(description="the address of the deployment")] = None
    test: Annotated[Name, Meta(description="the name of the entry in `molotov.json`"), FIXED, DELIVERED]
    source: Annotated[Name, Meta(description="where the load came from"), FIXED, DELIVERED]
    release: Annotated[Name | None, Meta(description="its label, `unknown` where there is none"), DELIVERED] = None
    version: Annotated[Name | None, Meta(description="the version that `/__version__` said")] = None
    commit: Annotated[Name | None, Meta(description="the commit that `/__version__` said")] = None
    stay: Annotated[
        Count | None,
        Meta(description="2 in its release's second stay at the deployment, after a rollback to it; null in the first"),
        FIXED,
        SERVER,
    ] = None
    status: Annotated[
        Status,
        Meta(
            description="`queued`, `running`, `pending` (its metrics are being collected), `done`; or `failed`, "
            "`aborted`, `invalid`, each with a `reason` and never judged"
        ),
    ]
    reason: Annotated[Text | None, Meta(description="why it ended so, as a sentence")] = None
    trigger: Annotated[
        Trigger,
        Meta(description="`schedule`, `request`, `release`, `evidence` or `elsewhere` (it was delivered)"),
        FIXED,
        SERVER,
    ]
    created: Annotated[Moment, Meta(description="when it was asked for"), FIXED]
    started: Annotated[Moment | None, Meta(description="of the load alone"), MEASURED] = None
    ended: Annotated[Moment | None, Meta(description="of the load alone"), MEASURED] = None
    due: Annotated[Moment | None, Meta(description="when its metrics are asked for next"), SERVER] = None
    attempts: Annotated[Count, Meta(description="how often they were asked for"), SERVER] = 0
    load: Annotated[Load | None, Meta(description="what was asked of Molotov"), MEASURED] = None
    content: Annotated[Text | None, Meta(description="the tree hash of what was run"), SENT] = None
    test_commit: Annotated[Text | None, Meta(description="the commit that it came from")] = None
    fingerprint: Annotated[float | None, Meta(description="the number of hosts behind the deployment")] = None
    kinds: Annotated[
        Text | None,
        Meta(
            description="what these hosts are (instance types, zones), where the project's `fingerprint` query groups "
            "by more than `host`"
        ),
    ] = None
    tally: Annotated[Tally | None, Meta(description="how much was done"), MEASURED] = None
    client: Annotated[ClientMeasures | None, Meta(description="what the load generator measured"), SENT] = None
    metrics: Annotated[
        Mapping[Name, MetricValue],
        Meta(description="what was measured, `client.*` included; 200 at most"),
        at_most(MOST_METRICS, "metrics"),
    ] = {}
    excluded: Annotated[Text | None, Meta(description="the reason for which it is left out of verdicts"), SERVER] = None
    notes: Annotated[
        tuple[Text, ...], Meta(description="sentences for its log; 100 at most"), at_most(MOST_NOTES, "notes")
    ] = ()
    links: Annotated[
        Mapping[Name, Text],
        Meta(description="addresses, such as those of its events in Datadog"),
        at_most(MOST_METRICS + MOST_NOTES, "links"),
    ] = {}

    @property
    def observed(self) -> Release | None:
        """What the deployment said that it runs; None where it was not asked."""
        return None if self.release is None else Release(self.release, self.version, self.commit)

    @property
    def release_name(self) -> str | None:
        """What charts and verdicts call its release: by its label, and from the second stay on with its number."""
        return None if self.release is None else stay_name(self.release, self.stay)

    @property
    def known_release(self) -> str | None:
        """The same, where its release is known."""
        return None if self.release == UNKNOWN else self.release_name

    def with_release(self, seen: Release) -> "Run":
        return replace(self, release=seen.label, version=seen.version, commit=seen.commit)

    @property
    def scope(self) -> "Scope":
        return Scope(self.project, self.deployment, self.test, self.source)

    @property
    def window(self) -> Window | None:
        if self.started is None or self.ended is None:
            return None
        return Window(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose runs: those of one project, deployment, test and source. Runs of two scopes are never in one verdict."""

    project: str
    deployment: str
    test: str
    source: str

    def key(self, metric: str) -> "SeriesKey":
        return SeriesKey(self.project, self.deployment, self.test, self.source, metric)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Whose values: one metric over the runs of one scope."""

    project: str
    deployment: str
    test: str
    source: str
    metric: str

    @property
    def scope(self) -> Scope:
        return Scope(self.project, self.deployment, self.test, self.source)


@dataclass(frozen=True, slots=True)
class Point:
    """One run on a chart. *comparable* is equal for runs with the same load and the same content of the test."""

    run: str
    at: datetime
    value: float | None
    release: str
    status: Status
    comparable: str
    state: MetricState
    excluded: bool = False
    fingerprint: float | None = None
    kinds: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and the cursor of the next page (None: there is none)."""

    runs: Sequence[Run]
    next: str | None

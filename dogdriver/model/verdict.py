"""What is said of a release: samples in, verdicts, headlines and change points out.

Values only; the method is in dogdriver.verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dogdriver.model.run import SeriesKey


class Better(StrEnum):
    """Which direction of a metric is the good one."""

    LOWER = "lower"  # latencies, errors, the use of something
    HIGHER = "higher"  # rates


class Outcome(StrEnum):
    """What can be said of one metric of one release."""

    REGRESSED = "regressed"  # different beyond the margin, in the bad direction
    IMPROVED = "improved"  # different beyond the margin, in the good direction
    UNCHANGED = "unchanged"  # shown to lie within the margin, which is more than not shown to differ
    UNDECIDED = "undecided"  # the runs hold no answer yet
    TOO_FEW_RUNS = "too_few_runs"  # fewer than three runs with a value, of the release or before it


CALLED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})
"""A difference that is called."""
OPEN = frozenset({Outcome.UNDECIDED, Outcome.TOO_FEW_RUNS})
"""No answer."""


class Standing(StrEnum):
    """Where a verdict stands under the sequential rule over successive looks at one release."""

    PROVISIONAL = "provisional"  # no two looks have agreed yet
    ANNOUNCED = "announced"  # said, and kept until a look contradicts it
    WITHDRAWN = "withdrawn"  # was announced, and a later look contradicted it


class Headline(StrEnum):
    """The verdicts of a release in one word."""

    SLOWER = "slower"  # a metric regressed, none improved
    FASTER = "faster"  # a metric improved, none regressed
    MIXED = "mixed"  # some regressed, some improved
    NO_CHANGE = "no_change"  # every metric that was measured is unchanged
    UNDECIDED = "undecided"  # nothing regressed or improved, and something is still open


@dataclass(frozen=True, slots=True)
class Summary:
    """The verdicts of a release in one line: the *headline*, and the *sentence* that explains it."""

    headline: Headline
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run's value of one metric; None where there is none (never 0)."""

    at: datetime
    release: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Noise:
    """What the runs of one release scatter by, all relative to the level.

    *sd* run to run, *autocorrelation* of successive runs (lag 1), *wobble* between releases beyond sampling.
    """

    sd: float | None = None
    autocorrelation: float | None = None
    wobble: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one metric of one release, with everything that it rests on.

    *effect*, *low*, *high*, *smallest_visible* and *margin* are relative: 0.05 is +5 %, and + means that the value went
    up, whichever direction is better. None where it cannot be said.
    """

    outcome: Outcome
    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    runs: int
    baseline_runs: int
    baseline_releases: tuple[str, ...]
    runs_needed: int | None
    smallest_visible: float | None
    noise: Noise
    margin: float
    method: str
    seed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """A step in a series: the level differs by *effect* from sample *index* on.

    *release* is the one that started there, or None: "no release here: infrastructure?".
    """

    at: datetime
    index: int
    effect: float
    low: float
    high: float
    p: float
    release: str | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the successive looks at one release add up to: the outcome that stands, and why."""

    outcome: Outcome
    standing: Standing
    look: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it is kept: *look* counts the looks at this release, *inputs* are enough to replay it.

    *standing* and *standing_outcome* are what the sequential rule makes of all looks so far, *standing_reason* why.
    """

    key: SeriesKey
    release: str
    look: int
    at: datetime
    verdict: Verdict
    standing: Standing
    standing_outcome: Outcome
    standing_reason: str
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The newest look's own sentence where it says what stands; else why something else stands."""
        if self.verdict.outcome is self.standing_outcome and self.verdict.reason:
            return self.verdict.reason
        return self.standing_reason or self.verdict.reason


@dataclass(frozen=True, slots=True)
class Trend:
    """Direction and size of a series over a period.

    *effect*, *low*, *high* are the relative change of the level from the period's first run to its last (+ is up), None
    where there are too few runs. *outcome* says which way that is, like a verdict's.
    """

    outcome: Outcome
    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    runs: int
    since: datetime | None
    until: datetime | None
    margin: float
    reason: str

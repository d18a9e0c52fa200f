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
    """The verdicts of a release's deciding metrics in one word."""

    SLOWER = "slower"  # a metric regressed, none improved
    FASTER = "faster"  # a metric improved, none regressed
    MIXED = "mixed"  # some regressed, some improved
    NO_CHANGE = "no_change"  # every deciding metric that was measured is unchanged
    PROBABLY_SLOWER = "probably_slower"  # one more look has to agree that it is slower; never announced
    PROBABLY_FASTER = "probably_faster"  # one more look has to agree that it is faster; never announced
    UNDECIDED = "undecided"  # nothing regressed or improved, and something is still open


UNANNOUNCED = frozenset({Headline.PROBABLY_SLOWER, Headline.PROBABLY_FASTER, Headline.UNDECIDED})
"""Headlines that nobody is told: no answer that stands."""


class EffectScale(StrEnum):
    """What an effect is counted in."""

    RATIO = "ratio"  # relative to the level before: 0.05 is +5 %
    DIFFERENCE = "difference"  # in the metric's own unit, where the level before is near zero
    FAILURES = "failures"  # relative to the failures before: from 99.98 % of successes to 99 % is fifty times as many


class Limit(StrEnum):
    """The one cause that keeps a verdict from being decided: without it, it would be."""

    FEW_RUNS = "few_runs"  # the release has too few runs so far; more of them would do
    FEW_EARLIER = "few_earlier"  # the runs before do not show their level well enough
    SCATTER = "scatter"  # single runs scatter too much
    BETWEEN_RELEASES = "between_releases"  # releases differ by as much although nothing changed
    AUTOCORRELATION = "autocorrelation"  # runs follow each other, so each says little
    NEAR_MARGIN = "near_margin"  # the effect is about as large as the margin
    STEP = "step"  # the level stepped beside the release's start, not with it
    NOT_COMPARABLE = "not_comparable"  # no earlier run compares with the release's


class ReferenceKind(StrEnum):
    """Why a release is a reference."""

    PREVIOUS = "previous"  # it ran just before
    LAST_GOOD = "last_good"  # the newest one before that is not known to be worse
    PINNED = "pinned"  # it was asked for


@dataclass(frozen=True, slots=True)
class MetricStep:
    """The level of *metric* stepped inside the release, by *effect* with the run called *run* (None: not known)."""

    at: datetime
    run: str | None
    metric: str
    effect: float


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A metric without an answer, and why."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The verdicts of a release in one line: the *headline*, and the *sentence* that explains it.

    *step*: the largest inside the release. *judged* of its *of* metrics have an answer, *reasons* say why the others
    have none. *attention*: somebody should look, for something is worse, a metric that does not decide among it.
    """

    headline: Headline
    sentence: str = ""
    step: MetricStep | None = None
    judged: int = 0
    of: int = 0
    reasons: tuple[Unjudged, ...] = ()
    attention: bool = False


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
class Reference:
    """What a release is against one other *release*: an effect and its interval, as a verdict has them."""

    release: str
    kind: ReferenceKind
    outcome: Outcome
    effect: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """The level stepped inside the release, by *effect* from its run number *run* (from 0) on, which started *at*."""

    at: datetime
    run: int
    effect: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one metric of one release, with everything that it rests on.

    *effect*, *low*, *high*, *smallest_visible* are in *scale*: 0.05 of a ratio is +5 %, and + means that the value
    went up (of failures: more of them), whichever is better. None where it cannot be said. *before*, *after*: the
    levels, in the metric's unit. *limit*: what keeps it from being decided, None where it is. *references*: the
    last good release, which *effect* is against, and the previous one where that is another. *recovered*: better
    than the previous release, which was worse than the last good one. *step*: inside the release.
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
    before: float | None = None
    after: float | None = None
    scale: EffectScale = EffectScale.RATIO
    limit: Limit | None = None
    references: tuple[Reference, ...] = ()
    recovered: bool = False
    step: Step | None = None


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

"""What is said of a release: samples in, verdicts and change points out.

Values only; the method is in dogdriver.verdict.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self


class Better(StrEnum):
    """Which direction of a metric is the good one."""

    LOWER = "lower"
    HIGHER = "higher"


class Outcome(StrEnum):
    """What can be said of one metric of one release."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    UNDECIDED = "undecided"
    TOO_FEW_RUNS = "too_few_runs"


class Standing(StrEnum):
    """Where a verdict stands under the sequential rule over successive looks at one release."""

    PROVISIONAL = "provisional"
    ANNOUNCED = "announced"
    WITHDRAWN = "withdrawn"


class Headline(str):
    """The verdicts of a release in one word, with the *sentence* that explains it.

    It is its word: `headline(...) == Headline.SLOWER == "slower"`, and its JSON is "slower". The class members carry no
    sentence. Raises ValueError for any other word.
    """

    __slots__ = ("sentence",)

    SLOWER: ClassVar["Headline"]
    FASTER: ClassVar["Headline"]
    MIXED: ClassVar["Headline"]
    NO_CHANGE: ClassVar["Headline"]
    UNDECIDED: ClassVar["Headline"]

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        if value not in HEADLINES:
            raise ValueError(f"{value!r} is no headline; use one of {', '.join(HEADLINES)}")
        self = super().__new__(cls, value)
        self.sentence = sentence
        return self

    @property
    def value(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Headline({self.value!r}, {self.sentence!r})"

    def __reduce__(self) -> tuple[type["Headline"], tuple[str, str]]:
        return Headline, (str(self), self.sentence)


HEADLINES = ("slower", "faster", "mixed", "no_change", "undecided")
for _word in HEADLINES:
    setattr(Headline, _word.upper(), Headline(_word))


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

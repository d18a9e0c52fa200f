"""What is shown of a series at a glance, computed when its runs are judged and kept beside the verdict."""

from dataclasses import dataclass

from dogdriver.model.run import Point, Scope
from dogdriver.model.verdict import Change, Trend


@dataclass(frozen=True, slots=True)
class PerHost:
    """The median of value / hosts over the runs of *release* (*after*) and of the one *earlier* (*before*)."""

    release: str
    earlier: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Card:
    """Of one *metric*: the newest run that counts (*last*), the *trend*, the *changes* of its level, oldest first, and
    the newest values that compare with each other (*line*). *per_host*: the levels of the newest release, where they
    can be compared but the values cannot. *made*: with what settings of the metric.
    """

    metric: str
    last: Point | None
    trend: Trend | None
    changes: tuple[Change, ...]
    line: tuple[float, ...]
    per_host: PerHost | None
    made: str


@dataclass(frozen=True, slots=True)
class ScopeCards:
    """All *cards* of one *scope*."""

    scope: Scope
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """What is kept of *project*, as often as that has changed (*number*)."""

    project: str
    number: int

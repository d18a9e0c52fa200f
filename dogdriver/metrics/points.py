"""The points of a reading: which of them belong to a run, how far apart they are, how they become one number.

A point is (unix seconds of its bucket's start, value) and stands for the bucket [start, start + width). Datadog gives
several series for one query; every function here takes them together, and none orders or joins them.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter, sub
from statistics import fmean, median
from typing import TypeVar, cast

from dogdriver.model import Reading, Reduction, Window

P = TypeVar("P", tuple[float, float], tuple[float, float | None])

Points = Sequence[Sequence[tuple[float, float]]]
"""series × points × (unix seconds, value), without holes; the points of each series in the order of time."""

MIN_BUCKETS = 3  # wholly inside the window; with fewer, those that overlap it are taken too

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")


# Which points belong to a run


@dataclass(frozen=True, slots=True)
class Span:
    """A window in unix seconds."""

    start: float
    end: float

    @classmethod
    def of(cls, window: Window, *, ramp_up: float = 0.0) -> "Span":
        """*window* without its first *ramp_up* seconds; whole where that would leave nothing."""
        start, end = window.start.timestamp(), window.end.timestamp()
        trimmed = start + max(0.0, ramp_up)
        return cls(trimmed if trimmed < end else start, end)

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def overlapping(self, points: Sequence[P], width: float) -> Sequence[P]:
        """Those of *points*, in the order of time, whose bucket of *width* seconds reaches into the window.

        start < at + width and at < end; of a window without length, the points at its instant.
        """
        first = bisect_right(points, self.start, key=lambda point: point[0] + width)
        # A bucket that touches the end is outside it; an instant counts where it lies.
        return points[first : bisect_left(points, max(self.end, self.start + 1e-9), key=itemgetter(0))]

    def within(self, points: Sequence[P], width: float) -> Sequence[P]:
        """Those of *points*, in the order of time, with all of their *width* seconds: start ≤ at, at + width ≤ end."""
        first = bisect_left(points, self.start, key=itemgetter(0))
        return points[first : bisect_right(points, self.end, key=lambda point: point[0] + width)]


@dataclass(frozen=True, slots=True)
class Selection:
    """The points of a run.

    *expected*: how many there would be without holes. *whole*: all buckets lie inside the window, none reaches over its
    edge.
    """

    points: Points
    expected: int
    whole: bool

    @property
    def count(self) -> int:
        return sum(len(one) for one in self.points)


def overlapping(reading: Reading, span: Span, width: float) -> Points:
    """The points of each series of *reading* whose bucket of *width* seconds overlaps *span*."""
    return tuple(without_holes(span.overlapping(one.points, width)) for one in reading.series)


def without_holes(points: Sequence[tuple[float, float | None]]) -> tuple[tuple[float, float], ...]:
    """*points* of one series without those that have no value."""
    return tuple(cast("list[tuple[float, float]]", [point for point in points if point[1] is not None]))


def select(points: Points, span: Span, width: float) -> Selection:
    """Of *points*, which overlap the run, those that its value is taken from: series × at most as many points.

    Buckets wholly inside *span*, where there are at least MIN_BUCKETS different ones; else all that overlap it. With
    a = start / width and b = end / width a series is expected to have ⌊b⌋ - ⌈a⌉ of the first kind, ⌈b⌉ - ⌊a⌋ of the
    second; more where one has more.
    """
    chosen = tuple(tuple(span.within(one, width)) for one in points)
    whole = len({at for one in chosen for at, _ in one}) >= MIN_BUCKETS
    if not whole:
        chosen = tuple(tuple(span.overlapping(one, width)) for one in points)
    first, last = round(span.start / width, 6), round(span.end / width, 6)
    buckets = math.floor(last) - math.ceil(first) if whole else math.ceil(last) - math.floor(first)
    most = max((len(one) for one in chosen), default=0)
    return Selection(chosen, max(buckets, most) * max(1, len(chosen)), whole)


# How far apart they are


def gaps(reading: Reading) -> list[float]:
    """Seconds between two points that follow each other in one series, holes left out: one flat list over all."""
    found: list[float] = []
    for one in reading.series:
        times = [at for at, value in one.points if value is not None]
        found += map(sub, times[1:], times)
    return found


def usual_gap(readings: Sequence[Reading]) -> float | None:
    """Seconds usually between two points of one series: the median over *readings* of each one's median gap.

    So each reading has the same weight, however many hosts it has. None where no series has two points.
    """
    medians = [median(found) for reading in readings if (found := gaps(reading))]
    return median(medians) if medians else None


def bucket_width(interval: float | None, between: Sequence[float], step: float) -> float:
    """Seconds that one point stands for: Datadog's *interval*, or longer where its origin reports less often.

    max(interval, min(median(between), step)); *between* are the gaps of the reading in seconds, *step* takes their
    place where there are none.
    """
    return max(interval or 0.0, min(median(between) if between else step, step))


# How they become one number


def reduce(points: Points, how: str) -> float | None:
    """*points* of all series as one number, each point with the same weight, in the unit of the values.

    *how* is one of Reduction, or pNN: with the n values in order, x[0] … x[n-1], and h = (n - 1) · NN / 100, the value
    x[⌊h⌋] + (h - ⌊h⌋) · (x[⌊h⌋ + 1] - x[⌊h⌋]) (Hyndman and Fan's type 7). None for no points, and for a result that is
    no finite number. Raises ValueError for any other word.
    """
    function = _function(how)
    pooled = [point for one in points for point in one]
    if not pooled:
        return None
    if how == Reduction.LAST:
        newest = max(at for at, _ in pooled)
        pooled = [point for point in pooled if point[0] == newest]
    try:
        result = function([value for _, value in pooled])
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


REDUCTIONS = f"{', '.join(Reduction)} or p0 to p100"
"""What `reduce` takes, for people."""


def is_reduction(how: str) -> bool:
    """Whether `reduce` takes this word."""
    return how in _FUNCTIONS or _PERCENTILE.fullmatch(how) is not None


_FUNCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    Reduction.MEAN: fmean,
    Reduction.LAST: fmean,
    Reduction.MAX: max,
    Reduction.MIN: min,
    Reduction.SUM: math.fsum,
}


def _function(how: str) -> Callable[[Sequence[float]], float]:
    if how in _FUNCTIONS:
        return _FUNCTIONS[how]
    if (match := _PERCENTILE.fullmatch(how)) is not None:
        share = float(match.group(1)) / 100
        return lambda values: _quantile(values, share)
    raise ValueError(f"{how!r} is not a way to reduce points; use {REDUCTIONS}")


def _quantile(values: Sequence[float], share: float) -> float:
    """The quantile of *values* (n of them, in any order) at *share* (0 to 1), as `reduce` says."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

"""Which points of a reading belong to a run, and how far apart points are."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter, sub
from statistics import median
from typing import TypeVar, cast

from dogdriver.model import Reading, Window

P = TypeVar("P", tuple[float, float], tuple[float, float | None])

FEWEST = 3  # buckets wholly inside the window; with fewer, those that overlap it are taken too


Points = tuple[tuple[tuple[float, float], ...], ...]
"""Per series, without the holes: (unix seconds of the bucket's start, value)."""


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

    def overlapping(self, points: Sequence[P], width: float) -> Sequence[P]:
        """Those of *points*, in the order of time, whose *width* seconds reach into the window."""
        first = bisect_right(points, self.start, key=lambda point: point[0] + width)
        # A bucket that touches the end is outside it; an instant counts where it lies.
        return points[first : bisect_left(points, max(self.end, self.start + 1e-9), key=itemgetter(0))]

    def holding(self, points: Sequence[P], width: float) -> Sequence[P]:
        """Those that lie in the window with all of their *width* seconds."""
        first = bisect_left(points, self.start, key=itemgetter(0))
        return points[first : bisect_right(points, self.end, key=lambda point: point[0] + width)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The points of a run.

    *expected* is how many there would be without holes; *whole* is false where buckets reach over the window's edge.
    """

    series: Points
    expected: int
    whole: bool

    @property
    def count(self) -> int:
        return sum(len(points) for points in self.series)


def inside(reading: Reading, span: Span, size: float) -> Points:
    """The points of *reading*, each standing for *size* seconds, that overlap *span*."""
    return tuple(present(span.overlapping(one.points, size)) for one in reading.series)


def present(points: Sequence[tuple[float, float | None]]) -> tuple[tuple[float, float], ...]:
    """*points* without the holes."""
    return tuple(cast("list[tuple[float, float]]", [point for point in points if point[1] is not None]))


def choose(overlapping: Points, span: Span, size: float) -> Chosen:
    """Of the points that may belong to a run those wholly inside *span*, or those that overlap it if there are few."""
    held = tuple(tuple(span.holding(one, size)) for one in overlapping)
    whole = len({at for one in held for at, _ in one}) >= FEWEST
    if not whole:
        held = tuple(tuple(span.overlapping(one, size)) for one in overlapping)
    first, last = round(span.start / size, 6), round(span.end / size, 6)
    per_series = math.floor(last) - math.ceil(first) if whole else math.ceil(last) - math.floor(first)
    most = max((len(one) for one in held), default=0)
    return Chosen(held, max(per_series, most) * max(1, len(held)), whole)


def width(interval: float | None, gaps: Sequence[float], step: float) -> float:
    """How long one point stands for: Datadog's interval, or longer where its origin reports less often."""
    return max(interval or 0.0, min(median(gaps) if gaps else step, step))


def distances(reading: Reading) -> list[float]:
    """Seconds between two points that follow each other in one series, of all series."""
    gaps: list[float] = []
    for one in reading.series:
        times = [at for at, value in one.points if value is not None]
        gaps += map(sub, times[1:], times)
    return gaps


def usual_gap(readings: Sequence[Reading]) -> float | None:
    """The usual distance in seconds between two points of one series, each of *readings* with the same weight."""
    gaps = [median(found) for reading in readings if (found := distances(reading))]
    return median(gaps) if gaps else None

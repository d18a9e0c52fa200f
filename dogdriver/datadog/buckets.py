"""Which points of a reading belong to a run, and how far apart points are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dogdriver.model import Reading, Window

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

    def overlaps(self, at: float, width: float) -> bool:
        # A bucket that touches the end is outside it; an instant counts where it lies.
        return at < max(self.end, self.start + 1e-9) and at + width > self.start

    def holds(self, at: float, width: float) -> bool:
        return at >= self.start and at + width <= self.end


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
    return tuple(
        tuple((at, value) for at, value in one.points if value is not None and span.overlaps(at, size))
        for one in reading.series
    )


def choose(overlapping: Points, span: Span, size: float) -> Chosen:
    """Of the points that may belong to a run those wholly inside *span*, or those that overlap it if there are few."""
    held = tuple(tuple(point for point in one if span.holds(point[0], size)) for one in overlapping)
    whole = len({at for one in held for at, _ in one}) >= FEWEST
    if not whole:
        held = tuple(tuple(point for point in one if span.overlaps(point[0], size)) for one in overlapping)
    first, last = round(span.start / size, 6), round(span.end / size, 6)
    per_series = math.floor(last) - math.ceil(first) if whole else math.ceil(last) - math.floor(first)
    most = max((len(one) for one in held), default=0)
    return Chosen(held, max(per_series, most) * max(1, len(held)), whole)


def width(reading: Reading, step: float) -> float:
    """How long one point stands for: Datadog's interval, or longer where its origin reports less often."""
    return max(reading.interval or 0.0, min(gap(reading) or step, step))


def gap(reading: Reading, *, least: int = 1) -> float | None:
    """The usual distance in seconds between two points of one series; None: there are fewer than *least* such."""
    gaps = [
        later - earlier
        for one in reading.series
        for earlier, later in pairwise(at for at, value in one.points if value is not None)
    ]
    return median(gaps) if len(gaps) >= least else None


def usual_gap(readings: Sequence[Reading]) -> float | None:
    """The same over several readings, each with the same weight."""
    gaps = [found for reading in readings if (found := gap(reading)) is not None]
    return median(gaps) if gaps else None

"""Which points of a reading belong to a run, and how far apart points are."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dogdriver.model import Reading, Series, Window

FEWEST = 3  # buckets wholly inside the window; with fewer, those that overlap it are taken too


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
    """The points of a run, per series and without the holes: (unix seconds of the bucket's start, value).

    *expected* is how many there would be without holes; *whole* is false where buckets reach over the window's edge.
    """

    series: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    expected: int
    whole: bool

    @property
    def count(self) -> int:
        return sum(len(points) for points in self.series)


def choose(reading: Reading, span: Span, *, step: float) -> Chosen:
    """The points that *reading* has for *span*; *step* is how far apart they are where the reading does not show it."""
    size = width(reading, step)
    inside = _pick(reading.series, lambda at: span.holds(at, size))
    whole = len({at for points in inside for at, _ in points}) >= FEWEST
    if not whole:
        inside = _pick(reading.series, lambda at: span.overlaps(at, size))
    first, last = round(span.start / size, 6), round(span.end / size, 6)
    per_series = math.floor(last) - math.ceil(first) if whole else math.ceil(last) - math.floor(first)
    most = max((len(points) for points in inside), default=0)
    expected = max(per_series, most) * max(1, len(reading.series))
    return Chosen(inside, size, expected, whole)


def _pick(series: Iterable[Series], wanted: Callable[[float], bool]) -> tuple[tuple[tuple[float, float], ...], ...]:
    return tuple(tuple((at, value) for at, value in one.points if value is not None and wanted(at)) for one in series)


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

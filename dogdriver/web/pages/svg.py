"""The small charts that are drawn here, as the numbers of an SVG; the large ones are drawn in the browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dogdriver.model import EffectScale, Verdict

WIDTH, HEIGHT, PADDING = 160.0, 36.0, 4.0
MOST_VALUES = 60
ROUND_SCALES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # what a scale of intervals may reach to, either way
INTERVAL_WIDTH = 200.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line through the newest values: *path* is an SVG path in a box of 160 by 36, (*x*, *y*) its last point."""

    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A verdict's interval from *left* to *right* with its effect at *at*, in a box of 200 by 16 with no change in the
    middle; what differs by less than the margin lies between *inner* and *outer*. *cut_left*, *cut_right*: the
    interval goes on to the left, to the right of the box.
    """

    left: float
    right: float
    at: float
    inner: float
    outer: float
    cut_left: bool
    cut_right: bool


def sparkline(values: Sequence[float]) -> Sparkline | None:
    """None for fewer than two values: one point is no line."""
    shown = values[-MOST_VALUES:]
    if len(shown) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    low, high = min(shown), max(shown)
    # Noise should not fill the box: a series that moves by 1 % looks flat.
    room = max(high - low, 0.1 * max(abs(low), abs(high))) or 1.0
    middle = (low + high) / 2
    step = (WIDTH - 2 * PADDING) / (len(shown) - 1)
    points = [
        (PADDING + place * step, HEIGHT / 2 - (value - middle) / room * (HEIGHT - 2 * PADDING))
        for place, value in enumerate(shown)
    ]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Sparkline(path, round(points[-1][0], 1), round(points[-1][1], 1))


def scale_of(verdicts: Iterable[Verdict]) -> float:
    """How far to either side the intervals of *verdicts* are drawn, the same for all: a round share that holds them."""
    ends = [
        abs(end)
        for verdict in verdicts
        if verdict.scale is EffectScale.RATIO
        for end in (verdict.low, verdict.high, verdict.margin)
        if end is not None
    ]
    return next((share for share in ROUND_SCALES if share >= max(ends, default=0.0)), ROUND_SCALES[-1])


def interval(verdict: Verdict, scale: float) -> Interval | None:
    """On a scale that goes *scale* to either side; None where there is no interval, or none of shares."""
    if verdict.scale is not EffectScale.RATIO:
        return None
    if verdict.effect is None or verdict.low is None or verdict.high is None:
        return None

    def place(share: float) -> float:
        return round(INTERVAL_WIDTH / 2 * (1 + max(-scale, min(scale, share)) / scale), 1)

    return Interval(
        left=place(verdict.low),
        right=place(verdict.high),
        at=place(verdict.effect),
        inner=place(-verdict.margin),
        outer=place(verdict.margin),
        cut_left=verdict.low < -scale,
        cut_right=verdict.high > scale,
    )

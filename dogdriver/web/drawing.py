"""The small charts that are drawn here, as the numbers of an SVG; the large ones are drawn in the browser."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 160.0, 36.0, 4.0
MOST = 60


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line through the newest values: *path* is an SVG path in a box of 160 by 36, (*x*, *y*) its last point."""

    path: str
    x: float
    y: float


def sparkline(values: Sequence[float]) -> Sparkline | None:
    """None for fewer than two values: one point is no line."""
    shown = values[-MOST:]
    if len(shown) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    low, high = min(shown), max(shown)
    # Noise should not fill the box: a series that moves by 1 % looks flat.
    room = max(high - low, 0.1 * max(abs(low), abs(high))) or 1.0
    middle = (low + high) / 2
    step = (WIDTH - 2 * EDGE) / (len(shown) - 1)
    points = [
        (EDGE + place * step, HEIGHT / 2 - (value - middle) / room * (HEIGHT - 2 * EDGE))
        for place, value in enumerate(shown)
    ]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Sparkline(path, round(points[-1][0], 1), round(points[-1][1], 1))

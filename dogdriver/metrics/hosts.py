"""How much infrastructure a run met: the number of hosts behind the deployment."""

import re
from statistics import median

from dogdriver.metrics import query
from dogdriver.metrics.points import Span, present
from dogdriver.model import Reading, Window

_GROUPS = re.compile(r"\bby\s*\{([^{}]*)\}")


def fingerprint(reading: Reading, window: Window | None = None) -> float | None:
    """The number of hosts that *reading* shows, inside *window* if given; None where it shows nothing.

    A query with `by {…}` is counted: its groups that have a point. Any other gives the number itself, whose median
    over the window is taken.
    """
    shown = _shown(reading, window)
    if not shown:
        return None
    if query.grouped(reading.query):
        return float(len(shown))
    return float(median(value for _, some in shown for value in some))


def kinds(reading: Reading, window: Window | None = None) -> str | None:
    """What the hosts are, by the other tags that the query groups by (instance type, zone): each combination once.

    None where it groups by hosts alone, or shows nothing.
    """
    wanted = {key.strip() for group in _GROUPS.findall(reading.query) for key in group.split(",")} - {"host", ""}
    found = set()
    for scope, _ in _shown(reading, window):
        tags = sorted(tag.strip() for tag in scope.split(",") if tag.partition(":")[0].strip() in wanted)
        if tags:
            found.add(" ".join(tags))
    return "; ".join(sorted(found)) or None


def _shown(reading: Reading, window: Window | None) -> list[tuple[str, list[float]]]:
    """The series with a point (inside *window*), each with its scope."""
    span = Span.of(window) if window else None
    size = reading.interval or 0.0
    found = [
        (one.scope, present(one.points if span is None else span.overlapping(one.points, size)))
        for one in reading.series
    ]
    return [(scope, [value for _, value in some]) for scope, some in found if some]

"""How much infrastructure a run met: the number of hosts behind the deployment."""

from statistics import median

from dogdriver.datadog import query
from dogdriver.datadog.buckets import Span
from dogdriver.model import Reading, Window


def fingerprint(reading: Reading, window: Window | None = None) -> float | None:
    """The number of hosts that *reading* shows, inside *window* if given; None where it shows nothing.

    A query with `by {…}` is counted: its groups that have a point. Any other gives the number itself, whose median
    over the window is taken.
    """
    span = Span.of(window) if window else None
    size = reading.interval or 0.0
    values = [
        [value for at, value in one.points if value is not None and (span is None or span.overlaps(at, size))]
        for one in reading.series
    ]
    present = [some for some in values if some]
    if not present:
        return None
    if query.grouped(reading.query):
        return float(len(present))
    return float(median(value for some in present for value in some))

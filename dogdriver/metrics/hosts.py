"""How much infrastructure a run met: the number and the kinds of the hosts behind the deployment."""

from statistics import median

from dogdriver.metrics import query
from dogdriver.metrics.points import Points, Span, without_holes
from dogdriver.model import Reading, Window


def count_hosts(reading: Reading, window: Window | None = None) -> float | None:
    """The number of hosts that *reading* shows, inside *window* if given; None where it shows nothing.

    Of a query with `by {…}` it is the number of series (groups) with a point. Any other query gives the number itself:
    the median of its values over all series.
    """
    scopes, points = _with_points(reading, window)
    if not scopes:
        return None
    if query.is_grouped(reading.query):
        return float(len(scopes))
    return float(median(value for one in points for _, value in one))


def host_kinds(reading: Reading, window: Window | None = None) -> str | None:
    """What the hosts are, by the other tags that the query groups by (instance type, zone): each combination once.

    None where it groups by hosts alone, or shows nothing.
    """
    keys = query.groups(reading.query) - {"host"}
    kinds = set()
    for scope in _with_points(reading, window)[0]:
        tags = sorted(tag.strip() for tag in scope.split(",") if tag.partition(":")[0].strip() in keys)
        if tags:
            kinds.add(" ".join(tags))
    return "; ".join(sorted(kinds)) or None


def _with_points(reading: Reading, window: Window | None) -> tuple[list[str], Points]:
    """The scopes of the n series with a point (that overlaps *window*), and the points of each: n series × points."""
    span = Span.of(window) if window else None
    width = reading.interval or 0.0
    found = [
        (one.scope, without_holes(one.points if span is None else span.overlapping(one.points, width)))
        for one in reading.series
    ]
    some = [(scope, points) for scope, points in found if points]
    return [scope for scope, _ in some], [points for _, points in some]

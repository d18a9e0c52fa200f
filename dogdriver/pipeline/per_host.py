"""What stands beside a verdict that a change of infrastructure prevents: the level per host, before and with it."""

import re
from collections.abc import Sequence
from statistics import median

from dogdriver.metrics.units import CONVERTED, RATES
from dogdriver.model import Metric, Point
from dogdriver.model.card import PerHost
from dogdriver.verdict.comparability import Obstacle, comparable, counts

SHARES_AND_TIMES = frozenset({"time", "percentage"})
INNERMOST_BRACES = re.compile(r"\{[^{}]*\}")


def is_total(metric: Metric) -> bool:
    """Whether the values add up over the hosts, so that a value divided by their number means something.

    A time and a share do not; what the load generator counts in a second does; of Datadog's metrics those that are one
    sum over all hosts.
    """
    if CONVERTED.get(metric.unit, ("", 1.0))[0] in SHARES_AND_TIMES:
        return False
    if metric.query is None:
        return metric.unit in RATES
    query, braces = metric.query.strip(), 1
    while braces:
        query, braces = INNERMOST_BRACES.subn("", query)
    return query.startswith("sum:") and "/" not in query and " by" not in query


def per_host(
    metric: Metric, points: Sequence[Point], release: str, tolerance: float, *, baseline: str | None = None
) -> PerHost | None:
    """Of *points* in the order of time; None where the values themselves compare, or where it would mean nothing."""
    found = comparable(points, release, tolerance, baseline=baseline)
    if not is_total(metric) or found.obstacle is not Obstacle.INFRASTRUCTURE:
        return None
    with_hosts = [point for point in points if counts(point) and point.fingerprint]
    own = [point for point in with_hosts if point.release == release]
    others = [point for point in with_hosts if own and point.release != release and point.at <= own[-1].at]
    earlier = baseline or (others[-1].release if others else None)
    before = [point for point in with_hosts if point.release == earlier]
    if earlier is None or not own or not before or _hosts(own) == _hosts(before):
        return None
    return PerHost(release, earlier, _level(before), _level(own))


def _hosts(points: Sequence[Point]) -> set[float | None]:
    return {point.fingerprint for point in points}


def _level(points: Sequence[Point]) -> float:
    return median(point.value / point.fingerprint for point in points if point.value is not None and point.fingerprint)

"""Many points become one number."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

Points = Sequence[Sequence[tuple[float, float]]]
"""Per series: (unix seconds, value), in the order of time."""


def reduce(points: Points, how: str) -> float | None:
    """*how*: mean, max, min, sum, last or pNN, over all points of all series, each with the same weight.

    `last` is the newest bucket's mean over the series that have it. pNN interpolates between the two nearest ranks.
    None for no points, and for a result that is no finite number. Raises ValueError for any other word.
    """
    function = _function(how)
    pooled = [point for one in points for point in one]
    if not pooled:
        return None
    if how == "last":
        newest = max(at for at, _ in pooled)
        pooled = [point for point in pooled if point[0] == newest]
    values = [value for _, value in pooled]
    try:
        result = function(values)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def known(how: str) -> bool:
    """Whether `reduce` takes this word."""
    try:
        _function(how)
    except ValueError:
        return False
    return True


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


_FUNCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "last": _mean,
    "max": max,
    "min": min,
    "sum": math.fsum,
}


def _function(how: str) -> Callable[[Sequence[float]], float]:
    if how in _FUNCTIONS:
        return _FUNCTIONS[how]
    if (match := re.fullmatch(r"p(\d{1,2}(?:\.\d+)?|100)", how)) is not None:
        share = float(match.group(1)) / 100
        return lambda values: _quantile(values, share)
    raise ValueError(f"{how!r} is no way to reduce points; use mean, max, min, sum, last or p0 to p100")


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

"""An answer of GET /api/v1/query becomes Readings. What is not as expected is an error, never a guess."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dogdriver.errors import BadQuery, Mismatch, Unavailable
from dogdriver.metrics.query import is_same
from dogdriver.metrics.units import parse_unit
from dogdriver.model import Reading, Series
from dogdriver.model.text import shortened

WINDOW_SLACK = 60  # seconds: no more than a window is padded by, so that the run itself is inside
_METRIC = re.compile(r"[A-Za-z][\w.]*\.[\w.]+")


def check_window(document: Mapping[str, Any], start: int, end: int) -> None:
    """Raises Mismatch where the answer tells of another time than *start* to *end* (unix seconds).

    The same query is asked of every run: an answer that was meant for another run has the right text.
    """
    for name, asked in (("from_date", start), ("to_date", end)):
        answered = document.get(name)
        if answered is None:
            continue
        at = _number(answered)
        if at is None or abs(at / 1000 - asked) > WINDOW_SLACK:
            raise Mismatch("Datadog's answer is about another time than the one that was asked for; nothing was used")


def readings(document: Mapping[str, Any], asked: Sequence[str]) -> list[Reading]:
    """One Reading for each query of *asked*, which were sent joined by commas; each with its own series.

    Raises Mismatch where the answer is to another question, Unavailable where it cannot be read, BadQuery where the
    series of one query come in different units.
    """
    answered = document.get("query")
    if not isinstance(answered, str) or not is_same(",".join(asked), answered):
        raise Mismatch("Datadog's answer is to another query than the one that was sent; nothing of it was used")
    series = document.get("series")
    if not isinstance(series, list):
        raise Unavailable("Datadog's answer has no list of series")
    parts: list[list[Mapping[str, Any]]] = [[] for _ in asked]
    for one in series:
        if not isinstance(one, dict):
            raise Unavailable("Datadog's answer has a series in a form that is not known")
        parts[_index(one, asked)].append(one)
    return [_reading(query, part) for query, part in zip(asked, parts, strict=True)]


def _index(one: Mapping[str, Any], asked: Sequence[str]) -> int:
    if len(asked) == 1:
        return 0  # a template may be a list of queries itself
    index = one.get("query_index")
    if type(index) is not int or not 0 <= index < len(asked):
        raise Mismatch("Datadog's answer does not tell the series of several queries apart")
    metric = one.get("metric")
    if isinstance(metric, str) and _METRIC.fullmatch(metric) and metric not in asked[index]:
        raise Mismatch(
            f"Datadog's answer gives a series of {shortened(metric, 100)} to a query that does not ask for it"
        )
    return index


def _reading(query: str, series: Sequence[Mapping[str, Any]]) -> Reading:
    found = {parse_unit(one.get("unit")) for one in series}
    named = {unit for unit in found if unit is not None}
    if len(named) > 1:
        names = ", ".join(sorted(unit.name for unit in named))
        raise BadQuery(f"the series of one query come in different units ({names}); ask for one unit")
    unit = next(iter(named), None)
    return Reading(
        query=query,
        series=tuple(Series(_scope(one), _points(one.get("pointlist"))) for one in series),
        interval=max((_interval(one) for one in series), default=None),
        unit=unit.name if unit else None,
        family=unit.family if unit else None,
        scale=unit.scale if unit else None,
        unit_in_part=len(found) > 1,
    )


def _scope(one: Mapping[str, Any]) -> str:
    scope = one.get("scope")
    return scope if isinstance(scope, str) else "*"


def _interval(one: Mapping[str, Any]) -> float:
    """In seconds, as every recording has it (the API's own documentation says milliseconds)."""
    interval = _number(one.get("interval"))
    if interval is None or interval <= 0:
        raise Unavailable("Datadog's answer has a series without an interval")
    return interval


def _points(pointlist: Any) -> tuple[tuple[float, float | None], ...]:
    """*pointlist*, [[milliseconds, value or null], …] in any order, as ((unix seconds, value or None), …) in the order
    of time; of two points at one time the later one counts.
    """
    if not isinstance(pointlist, list):
        raise Unavailable("Datadog's answer has a series without points")
    if not pointlist:
        return ()
    # Whole columns at a time: answers with hundreds of thousands of points must not take seconds.
    try:
        times, values = zip(*pointlist, strict=True)
    except (TypeError, ValueError):
        raise Unavailable("Datadog's answer has a point in a form that is not known") from None
    if not _numbers(times):
        raise Unavailable("Datadog's answer has a point in a form that is not known")
    if not _numbers([value for value in values if value is not None]):
        raise Unavailable("Datadog's answer has a value that is not a number")
    floats = [None if value is None else float(value) for value in values]
    points = dict(zip([at / 1000 for at in times], floats, strict=True))
    return tuple(sorted(points.items()))


def _numbers(column: Sequence[Any]) -> bool:
    """Whether all are finite numbers; true and false are none."""
    try:
        return set(map(type, column)) <= {int, float} and all(map(math.isfinite, column))
    except OverflowError:
        return False


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None

"""What a parsed query amounts to over a window: points in, one line per group out.

Points of one set of tags become one value per bucket (time aggregation), these become one value per group (space
aggregation), then lines are joined by group. Nothing is interpolated: what is not there in a bucket is missing.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dogdriver.demo.standin.errors import QueryError
from dogdriver.demo.standin.points import Kind, Metric, PointStore, Timeline, Unit
from dogdriver.demo.standin.query import Arithmetic, DefaultZero, Expression, Number, Reference, Selection

MAX_POINTS = 1500
DAY = 86400
# Up to this many seconds of window, buckets of that many seconds: the first, second and fifth as recorded.
INTERVALS = (
    (200, 1),
    (1200, 5),
    (3600, 20),
    (14400, 60),
    (DAY, 300),
    (2 * DAY, 600),
    (7 * DAY, 3600),
    (31 * DAY, 14400),
)

AGGREGATE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "sum": sum,
    "count": lambda values: float(len(values)),
}
_OPERATE: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

Group = tuple[str, ...]
"""The tags that tell one group from another, as `key:value`, in the order of the keys."""


@dataclass(frozen=True, slots=True)
class Span:
    """The window asked for, in unix seconds, and the time at which it is asked."""

    start: float
    end: float
    now: float

    def interval(self, wanted: int | None = None) -> int:
        """Seconds per bucket; *wanted* counts unless it makes more than MAX_POINTS."""
        seconds = self.end - self.start
        if wanted is not None and seconds / wanted <= MAX_POINTS:
            return wanted
        for limit, interval in INTERVALS:
            if seconds <= limit:
                return interval
        return DAY * math.ceil(seconds / DAY / MAX_POINTS)

    def first(self, interval: int) -> int:
        """The start of the first bucket: the one that begins before the window is left out."""
        return math.ceil(self.start / interval) * interval

    def buckets(self, interval: int) -> range:
        """The starts of all buckets that have begun by now; of an interval of 0 (a scalar) there is one."""
        if interval == 0:
            return range(1)
        return range(self.first(interval), math.ceil(min(self.end, self.now)), interval)


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines by group. *fallback* stands for a value that is missing where lines are joined; None: it stays missing."""

    by: tuple[str, ...]
    interval: int
    lines: Mapping[Group, Mapping[int, float]]
    fallback: float | None
    unit: Unit | None


class Evaluation:
    """Queries over one window. *text* is the query as sent, for errors; *interval* the one wanted by the caller, if
    any; *named* holds the frames that a formula may refer to."""

    def __init__(
        self,
        store: PointStore,
        span: Span,
        text: str,
        *,
        interval: int | None = None,
        named: Mapping[str, Frame] | None = None,
    ) -> None:
        self._store = store
        self._span = span
        self._text = text
        self._interval = interval
        self._named = named or {}

    def frame(self, expression: Expression) -> Frame:
        """Raises QueryError where the query makes no sense or one that is not known."""
        value = self._value(expression)
        if not isinstance(value, Frame):
            raise self._error("there is no metric in it")
        return value

    def _error(self, why: str) -> QueryError:
        return QueryError(self._text, why)

    def _value(self, expression: Expression) -> Frame | float:
        match expression:
            case Number(value):
                return value
            case Reference(name):
                return self._named[name]
            case Selection():
                return self._select(expression)
            case DefaultZero(inner):
                return self._zeroed(self._value(inner))
            case Arithmetic(sign, left, right):
                return self._operate(sign, self._value(left), self._value(right))

    def _select(self, selection: Selection) -> Frame:
        rollup = selection.rollup
        interval = self._span.interval(rollup.seconds if rollup and rollup.seconds else self._interval)
        metric = self._store.metric(selection.metric)
        weigh = self._weight(selection, metric, interval)
        counts = selection.aggregator == "count" or metric.kind is not Kind.GAUGE
        sums = counts and (selection.aggregator == "count" or selection.form is not None)
        method = rollup.method if rollup else "sum" if sums else "avg"
        space = "sum" if selection.aggregator == "count" else selection.aggregator or "avg"

        parts: dict[Group, dict[int, list[float]]] = {}
        by = tuple(sorted(selection.by))
        for timeline in self._store.timelines(selection.metric, selection.scope):
            values = self._rolled(timeline, interval, method, weigh)
            for group in _groups(timeline, by) if values else ():
                buckets = parts.setdefault(group, {})
                for start, value in values.items():
                    buckets.setdefault(start, []).append(value)
        lines = {
            group: _finite((start, AGGREGATE[space](values)) for start, values in sorted(buckets.items()))
            for group, buckets in sorted(parts.items())
        }
        return Frame(by, interval, lines, 0.0 if counts and selection.form is not None else None, metric.unit)

    def _weight(self, selection: Selection, metric: Metric, interval: int) -> Callable[[float], float]:
        """What one point adds to its bucket."""
        per = interval if selection.form == "rate" else 1
        if selection.aggregator == "count":
            return lambda _value: 1 / per
        if selection.form is None or metric.kind is Kind.GAUGE:
            return lambda value: value
        if metric.kind is Kind.COUNT:
            return lambda value: value / per
        seconds = metric.interval
        if seconds is None:
            raise self._error(f"the interval of the rate {selection.metric} is not known")
        return lambda value: value * seconds / per

    def _rolled(
        self, timeline: Timeline, interval: int, method: str, weigh: Callable[[float], float]
    ) -> dict[int, float]:
        span = self._span
        buckets: dict[int, list[float]] = {}
        for at, value in timeline.between(span.first(interval), span.end, span.now):
            buckets.setdefault(math.floor(at / interval) * interval, []).append(weigh(value))
        return {start: AGGREGATE[method](values) for start, values in buckets.items()}

    def _zeroed(self, value: Frame | float) -> Frame | float:
        """Holes of the lines that there are become 0; a line that is not there at all is 0 where it is joined."""
        if not isinstance(value, Frame):
            raise self._error("default_zero() of a number")
        buckets = self._span.buckets(value.interval)
        lines = {group: dict.fromkeys(buckets, 0.0) | dict(line) for group, line in value.lines.items()}
        return Frame(value.by, value.interval, lines, 0.0, value.unit)

    def _operate(self, sign: str, left: Frame | float, right: Frame | float) -> Frame | float:
        if isinstance(left, Frame):
            if isinstance(right, Frame):
                return self._join(sign, left, right)
            factor = right
            return _each(left, lambda value: _apply(sign, value, factor))
        if isinstance(right, Frame):
            return _each(right, lambda value: _apply(sign, left, value))
        number = _apply(sign, left, right)
        if number is None:
            raise self._error("a number in it is not finite")
        return number

    def _join(self, sign: str, left: Frame, right: Frame) -> Frame:
        if left.by != right.by:
            raise self._error(f"one side is grouped by {_names(left.by)}, the other by {_names(right.by)}")
        if left.interval != right.interval:
            raise self._error(f"one side rolls up to {left.interval} s, the other to {right.interval} s")
        lines: dict[Group, Mapping[int, float]] = {}
        for group in sorted({*left.lines, *right.lines}):
            one, other = left.lines.get(group), right.lines.get(group)
            if (one is None and left.fallback is None) or (other is None and right.fallback is None):
                continue
            one, other = one or {}, other or {}
            line = _finite(
                (start, _apply(sign, one.get(start, left.fallback), other.get(start, right.fallback)))
                for start in sorted({*one, *other})
            )
            if line:
                lines[group] = line
        unit = left.unit if sign in "+-" and left.unit == right.unit else None
        return Frame(left.by, left.interval, lines, _apply(sign, left.fallback, right.fallback), unit)


def _apply(sign: str, left: float | None, right: float | None) -> float | None:
    """None where something is missing or the result is no finite number."""
    if left is None or right is None or (sign == "/" and right == 0):
        return None
    value = _OPERATE[sign](left, right)
    return value if math.isfinite(value) else None


def _each(frame: Frame, change: Callable[[float], float | None]) -> Frame:
    lines = {
        group: _finite((start, change(value)) for start, value in line.items()) for group, line in frame.lines.items()
    }
    fallback = None if frame.fallback is None else change(frame.fallback)
    return Frame(frame.by, frame.interval, {group: line for group, line in lines.items() if line}, fallback, frame.unit)


def _finite(line: Iterable[tuple[int, float | None]]) -> dict[int, float]:
    return {start: value for start, value in line if value is not None and math.isfinite(value)}


def _groups(timeline: Timeline, by: tuple[str, ...]) -> list[Group]:
    """The groups that *timeline* belongs to: several where it has several values of one key."""
    choices = [[f"{key}:{value}" for value in timeline.values(key) or ("N/A",)] for key in by]
    return [tuple(group) for group in product(*choices)]


def _names(by: tuple[str, ...]) -> str:
    return ", ".join(by) or "nothing"

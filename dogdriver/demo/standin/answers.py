"""Frames as Datadog's documents: API v1 series, and what API v2 makes of the same."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dogdriver.demo.standin.evaluate import Evaluation, Frame, Group, Span
from dogdriver.demo.standin.points import PointStore, Unit
from dogdriver.demo.standin.query import Arithmetic, DefaultZero, Expression, Number, Reference, Selection, parse


def timeseries(store: PointStore, text: str, start: int, end: int, now: float, *, nulls: bool) -> dict[str, Any]:
    """The body of GET /api/v1/query; *start*, *end* in seconds. Raises QueryError."""
    span = Span(start, end, now)
    evaluation = Evaluation(store, span, text)
    series: list[dict[str, Any]] = []
    keys: list[str] = []
    for index, expression in enumerate(parse(text)):
        frame = evaluation.frame(expression)
        keys += [key for key in frame.by if key not in keys]
        buckets = span.buckets(frame.interval) if nulls else None
        series += [
            _series(expression, frame, group, list(buckets) if buckets is not None else sorted(line), index)
            for group, line in frame.lines.items()
            if line
        ]
    return _envelope(text, start, end) | {"status": "ok", "series": series, "group_by": keys}


def parse_error(text: str, start: int, end: int, message: str) -> dict[str, Any]:
    return _envelope(text, start, end) | {"status": "error", "series": [], "group_by": [], "error": message}


def unit_pair(unit: Unit | None) -> list[Any] | None:
    return None if unit is None else [dict(unit), None]


def _envelope(text: str, start: int, end: int) -> dict[str, Any]:
    return {
        "resp_version": 1,
        "res_type": "time_series",
        "query": text,
        "from_date": start * 1000,
        "to_date": end * 1000,
        "message": "",
        "times": [],
        "values": [],
    }


def _series(expression: Expression, frame: Frame, group: Group, buckets: Sequence[int], index: int) -> dict[str, Any]:
    line = frame.lines[group]
    name = _named(expression)
    selection = expression if isinstance(expression, Selection) else None
    return {
        "metric": name,
        "display_name": name,
        "expression": written(expression, group),
        "scope": _scope(_first(expression), group),
        "tag_set": list(group),
        "aggr": selection.aggregator if selection else None,
        "query_index": index,
        "interval": frame.interval,
        "length": len(buckets),
        "start": buckets[0] * 1000,
        "end": (buckets[-1] + frame.interval) * 1000 - 1000,
        "attributes": {},
        "unit": unit_pair(frame.unit),
        "pointlist": [[start * 1000.0, line.get(start)] for start in buckets],
    }


def written(expression: Expression, group: Group = ()) -> str:
    """The query of one group, as Datadog writes it out for a single metric; for the rest in the same manner."""
    match expression:
        case Number(value):
            return f"{value:g}"
        case Reference(name):
            return name
        case DefaultZero(inner):
            return f"default_zero({written(inner, group)})"
        case Arithmetic(sign, left, right):
            return f"({written(left, group)} {sign} {written(right, group)})"
        case Selection():
            return _selected(expression, group)


def _selected(selection: Selection, group: Group) -> str:
    aggregator = f"{selection.aggregator}:" if selection.aggregator else ""
    rollup = selection.rollup
    seconds = f",{rollup.seconds}" if rollup and rollup.seconds else ""
    form = f".as_{selection.form}()" if selection.form else ""
    rolled = f".rollup({rollup.method}{seconds})" if rollup else ""
    return f"{aggregator}{selection.metric}{{{_scope(selection, group)}}}{form}{rolled}"


def _scope(selection: Selection | None, group: Group) -> str:
    tags = [tag if wanted else f"!{tag}" for tag, wanted in (selection.scope if selection else ())]
    return ",".join([*tags, *(tag for tag in group if tag not in tags)]) or "*"


def _named(expression: Expression) -> str:
    match expression:
        case Selection(metric):
            return metric
        case Arithmetic(sign, left, right):
            return f"({_named(left)} {sign} {_named(right)})"
        case DefaultZero(inner):
            return f"default_zero({_named(inner)})"
        case _:
            return written(expression)


def _first(expression: Expression) -> Selection | None:
    match expression:
        case Selection():
            return replace(expression)
        case DefaultZero(inner):
            return _first(inner)
        case Arithmetic(_, left, right):
            return _first(left) or _first(right)
        case _:
            return None

"""API v2: several named queries, and formulas over them; times in milliseconds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from dogdriver.demo.standin.answers import unit_pair
from dogdriver.demo.standin.errors import FormulaError
from dogdriver.demo.standin.evaluate import AGGREGATE, DAY, Evaluation, Frame, Group, Span
from dogdriver.demo.standin.points import PointStore
from dogdriver.demo.standin.query import Selection, parse, parse_formula

RETENTION = 456 * DAY  # 15 months
LATEST = 10**14  # milliseconds: the year 5138

_REDUCE: Mapping[str, Callable[[Sequence[float]], float]] = {
    name: AGGREGATE[name] for name in ("avg", "min", "max", "sum")
} | {"last": lambda values: values[-1]}


@dataclass(frozen=True, slots=True)
class _Asked:
    span: Span
    interval: int | None
    queries: Mapping[str, Mapping[str, Any]]
    formulas: Sequence[Mapping[str, Any]]


def scalar(store: PointStore, body: Any, now: float) -> dict[str, Any]:
    """The body of POST /api/v2/query/scalar: each query reduced to one number a group, then the formulas. Raises
    FormulaError, QueryError."""
    asked = _asked(body, "scalar_request", now)
    named = {name: _reduced(frame, asked.queries[name]) for name, frame in _frames(store, asked).items()}
    frames = _computed(store, asked, named)
    kept = [_limited(frame, formula) for frame, formula in zip(frames, asked.formulas, strict=True)]
    groups = list(dict.fromkeys(group for column in kept for group in column))
    columns: list[dict[str, Any]] = []
    for at, key in enumerate(frames[0].by):
        tags = [[group[at].removeprefix(f"{key}:")] for group in groups]
        columns.append({"name": key, "type": "group", "values": tags})
    for frame, formula, column in zip(frames, asked.formulas, kept, strict=True):
        values = [column.get(group) for group in groups]
        meta = {"unit": unit_pair(frame.unit)}
        columns.append({"name": formula["formula"], "type": "number", "values": values, "meta": meta})
    return {"data": {"type": "scalar_response", "attributes": {"columns": columns}}}


def timeseries(store: PointStore, body: Any, now: float) -> dict[str, Any]:
    """The body of POST /api/v2/query/timeseries. Raises FormulaError, QueryError."""
    asked = _asked(body, "timeseries_request", now)
    frames = _computed(store, asked, _frames(store, asked))
    lines = [
        (index, frame, group, line) for index, frame in enumerate(frames) for group, line in frame.lines.items() if line
    ]
    times = sorted({start for *_, line in lines for start in line})
    series = [
        {"group_tags": list(group), "query_index": index, "unit": unit_pair(frame.unit)}
        for index, frame, group, _ in lines
    ]
    values = [[line.get(start) for start in times] for *_, line in lines]
    attributes = {"series": series, "times": [start * 1000 for start in times], "values": values}
    return {"data": {"id": "0", "type": "timeseries_response", "attributes": attributes}}


def _frames(store: PointStore, asked: _Asked) -> dict[str, Frame]:
    frames = {}
    for name, query in asked.queries.items():
        expressions = parse(query["query"])
        if len(expressions) != 1 or not isinstance(expressions[0], Selection):
            raise FormulaError(f"query {name} must be one metric; functions and arithmetic go into formulas")
        evaluation = Evaluation(store, asked.span, query["query"], interval=asked.interval)
        frames[name] = evaluation.frame(expressions[0])
    return frames


def _computed(store: PointStore, asked: _Asked, named: Mapping[str, Frame]) -> list[Frame]:
    frames = []
    for formula in asked.formulas:
        text = formula["formula"]
        evaluation = Evaluation(store, asked.span, text, named=named)
        frames.append(evaluation.frame(parse_formula(text, named)))
    if len({frame.by for frame in frames}) > 1:
        raise FormulaError("all formulas must be grouped by the same keys")
    return frames


def _reduced(frame: Frame, query: Mapping[str, Any]) -> Frame:
    name = query.get("aggregator", "avg")
    if not _text(name) or name not in _REDUCE:
        raise FormulaError(f"aggregator must be one of {', '.join(_REDUCE)}")
    lines = {group: {0: _REDUCE[name](list(line.values()))} for group, line in frame.lines.items() if line}
    return Frame(frame.by, 0, lines, frame.fallback, frame.unit)


def _limited(frame: Frame, formula: Mapping[str, Any]) -> dict[Group, float]:
    values = [(group, line[0]) for group, line in frame.lines.items() if line]
    limit = formula.get("limit")
    if limit is None:
        return dict(values)
    count, order = limit.get("count"), limit.get("order", "desc")
    if not _whole(count) or order not in ("asc", "desc"):
        raise FormulaError("limit must have a count and an order, asc or desc")
    return dict(sorted(values, key=lambda pair: pair[1], reverse=order == "desc")[:count])


def _asked(body: Any, kind: str, now: float) -> _Asked:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or data.get("type") != kind:
        raise FormulaError(f'API input validation failed: Invalid type. Expected "{kind}".')
    given = data.get("attributes")
    if not isinstance(given, dict):
        raise FormulaError("API input validation failed: attributes must be an object.")
    start, end, interval = given.get("from"), given.get("to"), given.get("interval")
    if not _whole(start) or not _whole(end) or not (interval is None or _whole(interval)):
        raise FormulaError("API input validation failed: from, to and interval must be milliseconds.")
    if start >= end:
        raise FormulaError("API input validation failed: from must be less than to.")
    if end / 1000 < now - RETENTION:
        raise FormulaError("Queries ending outside the retention date are invalid")
    queries = _queries(given.get("queries"))
    span = Span(start / 1000, end / 1000, now)
    return _Asked(span, max(interval // 1000, 1) if interval else None, queries, _formulas(given, queries))


def _queries(given: Any) -> dict[str, Mapping[str, Any]]:
    queries: dict[str, Mapping[str, Any]] = {}
    for index, query in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(query, dict) or query.get("data_source") != "metrics" or not _text(query.get("query")):
            raise FormulaError("API input validation failed: a query must have the data_source metrics and a query.")
        name = query.get("name", f"query{index + 1}")
        if not _text(name) or name in queries:
            raise FormulaError("API input validation failed: each query needs a name of its own.")
        queries[name] = query
    if not queries:
        raise FormulaError("API input validation failed: queries must be a list with at least one query.")
    return queries


def _formulas(given: Mapping[str, Any], queries: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    formulas = given.get("formulas") or [{"formula": name} for name in queries]
    known = isinstance(formulas, list) and all(isinstance(one, dict) and _text(one.get("formula")) for one in formulas)
    if not known or not all(isinstance(one.get("limit", {}), dict) for one in formulas):
        raise FormulaError("API input validation failed: formulas must be objects with a formula.")
    return formulas


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LATEST


def _text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)

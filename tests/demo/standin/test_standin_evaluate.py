"""Values: every rollup, group and arithmetic equals an independent computation, point by point."""

import itertools
import math
import statistics
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.demo.standin.errors import QueryError
from dogdriver.demo.standin.evaluate import MAX_POINTS, Evaluation, Frame, Span
from dogdriver.demo.standin.points import PointStore
from dogdriver.demo.standin.query import Arithmetic, DefaultZero, Expression, Form, Rollup, Selection, parse
from tests.demo.standin.conftest import START, UNHURRIED

Raw = dict[tuple[tuple[str, ...], int], float]  # (tags, time): value
Lines = dict[tuple[str, ...], dict[int, float]]

TAG_SETS = st.sampled_from(
    [
        (),
        ("az:1",),
        ("host:a",),
        ("host:b",),
        ("az:1", "host:a"),
        ("az:2", "host:a"),
        ("az:1", "host:b"),
        ("az:1", "az:2"),
    ]
)
RAW = st.dictionaries(
    # Few enough times that several points of one timeline fall into one bucket, some of them outside the window.
    st.tuples(TAG_SETS, st.one_of(st.integers(START - 30, START + 60), st.integers(START + 900, START + 1350))),
    st.integers(-50, 50).map(float),
    min_size=5,
    max_size=60,
)
SCOPES = st.lists(
    st.tuples(st.sampled_from(["host:a", "host:b", "az:1", "az:2"]), st.booleans()),
    max_size=2,
    unique_by=lambda t: t[0],
).map(tuple)
FORMS: st.SearchStrategy[Form | None] = st.sampled_from([None, "count", "rate"])


@st.composite
def selections(draw: st.DrawFn, metric: str = "m", by: tuple[str, ...] | None = None) -> Selection:
    form = draw(FORMS)
    aggregator = draw(st.sampled_from([None, "avg", "min", "max", "sum", "count"]))
    methods = ["sum"] if form or aggregator == "count" else ["avg", "min", "max", "sum", "count"]
    seconds = draw(st.sampled_from([None, 1, 7, 20, 60, 300, 5000]))
    groups = draw(st.sampled_from([(), ("host",), ("az",), ("host", "az")])) if by is None else by
    rollup = draw(st.one_of(st.none(), st.just(Rollup(draw(st.sampled_from(methods)), seconds))))
    return Selection(metric, aggregator, draw(SCOPES), groups, rollup, form)


def _aggregate(name: str, values: list[float]) -> float:
    if name == "count":
        return float(len(values))
    if name in {"min", "max"}:
        return sorted(values)[0 if name == "min" else -1]
    return math.fsum(values) if name == "sum" else statistics.fmean(values)


def _slow_groups(tags: tuple[str, ...], by: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Every choice of one value per key; a missing key is N/A."""
    found = set()
    for chosen in itertools.product([*tags, None], repeat=len(by)):
        group = []
        for key, tag in zip(sorted(by), chosen, strict=True):
            has = any(one.startswith(key + ":") for one in tags)
            if tag is None and not has:
                group.append(f"{key}:N/A")
            elif tag is not None and tag.startswith(key + ":"):
                group.append(tag)
        if len(group) == len(by):
            found.add(tuple(group))
    return found


def _slow(
    raw: Raw, selection: Selection, kind: str, rate_interval: float, start: int, end: int, interval: int
) -> Lines:
    """Bucket by bucket, group by group, over all raw points each time."""
    counts = selection.aggregator == "count"
    sums = counts or (selection.form is not None and kind != "gauge")
    method = selection.rollup.method if selection.rollup else "sum" if sums else "avg"
    space = "sum" if counts else selection.aggregator or "avg"
    matching = {tags for tags, _ in raw if all((tag in tags) == wanted for tag, wanted in selection.scope)}
    groups = set().union(*(_slow_groups(tags, selection.by) for tags in matching))
    lines: Lines = {}
    for group in groups:
        line = {}
        for bucket in range(start - start % interval, end, interval):
            if bucket < start:
                continue
            members = []
            for tags in matching:
                inside = [
                    _weighed(value, selection, kind, rate_interval, interval)
                    for (owner, at), value in raw.items()
                    if owner == tags and bucket <= at < min(bucket + interval, end)
                ]
                if inside and group in _slow_groups(tags, selection.by):
                    members.append(_aggregate(method, inside))
            if members:
                line[bucket] = _aggregate(space, members)
        if line:
            lines[group] = line
    return lines


def _weighed(value: float, selection: Selection, kind: str, rate_interval: float, interval: int) -> float:
    if selection.aggregator == "count":
        return 1 / interval if selection.form == "rate" else 1
    if selection.form is None or kind == "gauge":
        return value
    counted = value * rate_interval if kind == "rate" else value
    return counted / interval if selection.form == "rate" else counted


def _interval(selection: Selection, seconds: int) -> int:
    wanted = selection.rollup.seconds if selection.rollup else None
    if wanted and seconds / wanted <= MAX_POINTS:
        return wanted
    return 1 if seconds <= 200 else 5 if seconds <= 1200 else 20


def _store(**metrics: tuple[Raw, str]) -> PointStore:
    store = PointStore({})
    for name, (raw, kind) in metrics.items():
        store.describe(name, kind=kind, interval=10)
        for (tags, at), value in raw.items():
            store.add(name, [(at, value)], tags=tags, visible_at=0)
    return store


def _frame(store: PointStore, expression: Expression, start: int, end: int) -> Frame:
    return Evaluation(store, Span(start, end, end + 1000), "the query").frame(expression)


def _assert_equal(given: Mapping[tuple[str, ...], Mapping[int, float]], expected: Lines) -> None:
    assert {group: list(line) for group, line in given.items() if line} == {
        group: sorted(line) for group, line in expected.items()
    }
    for group, line in expected.items():
        assert dict(given[group]) == pytest.approx(line, abs=1e-9)


@UNHURRIED
@given(RAW, selections(), st.sampled_from(["gauge", "count", "rate"]), st.integers(-20, 20), st.integers(30, 1400))
def test_one_metric_equals_the_slow_computation(
    raw: Raw, selection: Selection, kind: str, offset: int, seconds: int
) -> None:
    start, end = START + offset, START + offset + seconds
    frame = _frame(_store(m=(raw, kind)), selection, start, end)
    interval = _interval(selection, seconds)
    assert frame.interval == interval
    _assert_equal(frame.lines, _slow(raw, selection, kind, 10, start, end, interval))


SIDES = st.tuples(
    st.sampled_from([(), ("host",), ("az", "host")]).flatmap(
        lambda by: st.tuples(selections("a", by), selections("b", by)),
    ),
    st.booleans(),
    st.booleans(),
)


@UNHURRIED
@given(
    RAW,
    RAW,
    SIDES,
    st.sampled_from("+-*/"),
    st.sampled_from([None, 5, 60]),
    st.sampled_from(["gauge", "count"]),
)
def test_arithmetic_equals_the_slow_computation(
    left_raw: Raw,
    right_raw: Raw,
    sides: tuple[tuple[Selection, Selection], bool, bool],
    sign: str,
    seconds: int | None,
    kind: str,
) -> None:
    (left, right), left_zero, right_zero = sides
    start, end = START, START + 1000
    interval = seconds or 5
    selections = []
    for selection in (left, right):
        method = selection.rollup.method if selection.rollup else None
        rollup = Rollup(method or "sum", seconds) if seconds else None
        selections.append(
            Selection(selection.metric, selection.aggregator, selection.scope, selection.by, rollup, selection.form)
        )
    store = _store(a=(left_raw, kind), b=(right_raw, kind))
    operands: list[Expression] = [
        DefaultZero(one) if zero else one for one, zero in zip(selections, (left_zero, right_zero), strict=True)
    ]
    frame = _frame(store, Arithmetic(sign, *operands), start, end)

    sides_slow, fallbacks = [], []
    for selection, raw, zero in zip(selections, (left_raw, right_raw), (left_zero, right_zero), strict=True):
        lines = _slow(raw, selection, kind, 10, start, end, interval)
        if zero:
            grid = [at for at in range(start, end) if at % interval == 0]
            lines = {group: {at: line.get(at, 0.0) for at in grid} for group, line in lines.items()}
        aligned = selection.form is not None and (kind == "count" or selection.aggregator == "count")
        sides_slow.append(lines)
        fallbacks.append(0.0 if zero or aligned else None)
    _assert_equal(frame.lines, _slow_join(sign, sides_slow, fallbacks))


def _slow_join(sign: str, sides: list[Lines], fallbacks: list[float | None]) -> Lines:
    joined: Lines = {}
    for group in {group for lines in sides for group in lines}:
        for at in {at for lines in sides for at in lines.get(group, {})}:
            one, other = (lines.get(group, {}).get(at, zero) for lines, zero in zip(sides, fallbacks, strict=True))
            if one is None or other is None or (sign == "/" and other == 0):
                continue
            value = {"+": one + other, "-": one - other, "*": one * other}.get(sign)
            joined.setdefault(group, {})[at] = one / other if value is None else value
    return joined


def _value(store: PointStore, text: str) -> Lines:
    (expression,) = parse(text)
    lines = _frame(store, expression, START, START + 200).lines
    return {group: dict(line) for group, line in lines.items()}


@pytest.fixture(name="pair")
def _pair() -> PointStore:
    """Two points of `a` on two hosts, one of `b` on the first."""
    return _store(
        a=({(("host:x",), START): 8.0, (("host:y",), START): 4.0}, "gauge"), b=({(("host:x",), START): 2.0}, "gauge")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum:a{*}", {(): {START: 12}}),
        ("a{*}", {(): {START: 6}}),
        ("a{*}+a{*}*2", {(): {START: 18}}),
        ("(a{*}+a{*})*2", {(): {START: 24}}),
        ("100-a{*}-1", {(): {START: 93}}),
        ("2/a{*}/2", {(): {START: 1 / 6}}),
        ("a{*} by {host}/b{*} by {host}", {("host:x",): {START: 4}}),
        ("b{*} by {host}-a{*} by {host}", {("host:x",): {START: -6}}),
        ("a{*} by {host}/(b{*} by {host}-2)", {}),
        ("a{!host:x}", {(): {START: 4}}),
        ("a{host:x,host:y}", {}),
        ("nothing{*}", {}),
        ("default_zero(nothing{*})", {}),
        ("a{*}+nothing{*}", {}),
        ("a{*}+default_zero(nothing{*})", {(): {START: 6}}),
    ],
)
def test_small_cases(pair: PointStore, text: str, expected: Lines) -> None:
    assert _value(pair, text) == expected


def test_default_zero_stands_for_a_host_without_the_metric(pair: PointStore) -> None:
    lines = _value(pair, "a{*} by {host} - default_zero(b{*} by {host})")
    assert {group: line[START] for group, line in lines.items()} == {("host:x",): 6, ("host:y",): 4}


def test_default_zero_fills_up_to_now_and_no_further(pair: PointStore) -> None:
    frame = Evaluation(pair, Span(START, START + 100, START + 10), "q").frame(parse("default_zero(b{*})")[0])
    assert frame.lines == {(): {START: 2.0} | dict.fromkeys(range(START + 1, START + 10), 0.0)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1+2", "there is no metric in it"),
        ("default_zero(1)", "default_zero() of a number"),
        ("1/0*a{*}", "a number in it is not finite"),
        ("a{*} by {host}/a{*}", "one side is grouped by host, the other by nothing"),
        ("a{*}.rollup(avg,60)/a{*}", "one side rolls up to 60 s, the other to 1 s"),
        ("r{*}.as_count()", "the interval of the rate r is not known"),
    ],
)
def test_what_has_no_known_meaning_is_an_error(pair: PointStore, text: str, why: str) -> None:
    pair.add("r", [(START, 1)], kind="rate", visible_at=0)
    with pytest.raises(QueryError) as caught:
        _value(pair, text)
    assert str(caught.value) == f"Error parsing query: \n unable to parse the query: {why}"


def test_values_beyond_floating_point_are_missing() -> None:
    store = _store(a=({(("host:x",), START): 1e308, (("host:y",), START): 1e308}, "gauge"))
    assert _value(store, "sum:a{*}") == {(): {}}
    assert _value(store, "max:a{*}*10") == {}

"""Random stores of points: a value is what a slow sum with nothing of the product's gives, or there is none."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from dogdriver.datadog import padded
from dogdriver.datadog_api.replies import check_window, readings
from dogdriver.demo.standin.answers import timeseries
from dogdriver.demo.standin.points import PointStore
from dogdriver.metrics.settle import assess
from dogdriver.model import Better, Metric, MetricState, MetricValue, Window
from tests.datadog.fixtures import START

AGGREGATE: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "max": max,
    "min": min,
    "sum": sum,
}
REDUCE: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "max": max,
    "min": min,
    "sum": math.fsum,
    "p50": statistics.median,
}
EVERY = 15
Points = dict[int, float]  # value by seconds after START


@dataclass(frozen=True)
class Case:
    """*hosts*: their points; the load is from *first* to *last*; the rest is how it is asked for."""

    hosts: tuple[Points, ...]
    first: int
    last: int
    ramp_up: int
    bucket: int
    over_time: str
    over_hosts: str
    by_host: bool
    reduce: str
    counted: bool
    unit: str | None
    nulls: bool

    @property
    def window(self) -> Window:
        return Window(START + timedelta(seconds=self.first), START + timedelta(seconds=self.last))

    @property
    def query(self) -> str:
        count, by = ".as_count()" if self.counted else "", " by {host}" if self.by_host else ""
        return f"{self.over_hosts}:m.x{{app:a}}{by}{count}.rollup({self.over_time}, {self.bucket})"

    @property
    def metric(self) -> Metric:
        wanted = "1/s" if self.counted else "ms"
        return Metric("m", "M", wanted, Better.LOWER, query=self.query, reduce=self.reduce, every=float(EVERY))


seconds = st.integers(-20, 60).map(lambda n: n * EVERY)
values = st.integers(-1000, 1000).map(lambda n: n / 8)
cases = st.builds(
    Case,
    hosts=st.lists(st.dictionaries(seconds, values, max_size=60), min_size=1, max_size=3).map(tuple),
    first=st.integers(0, 90),
    last=st.integers(91, 700),
    ramp_up=st.sampled_from([0, 0, 45, 10_000]),
    bucket=st.sampled_from([15, 30, 60, 120]),
    over_time=st.sampled_from(sorted(AGGREGATE)),
    over_hosts=st.sampled_from(sorted(AGGREGATE)),
    by_host=st.booleans(),
    reduce=st.sampled_from(sorted(REDUCE)),
    counted=st.booleans(),
    unit=st.sampled_from([None, "second", "millisecond"]),
    nulls=st.booleans(),
).map(lambda case: replace(case, over_time="sum", unit=None) if case.counted else case)


def lines(case: Case) -> list[Points]:
    """Bucket by bucket of what the whole of the padded window holds, one line for each host or one for all."""
    origin = int(START.timestamp())
    start, end = (at - origin for at in padded(case.window))
    grouped: dict[str, dict[int, list[float]]] = {}
    for place, points in enumerate(case.hosts):
        for bucket in range(-1200, 2400, case.bucket):
            inside = [
                value for at, value in points.items() if bucket <= at < bucket + case.bucket and start <= at < end
            ]
            if inside and bucket >= start:
                group = str(place) if case.by_host else "all"
                grouped.setdefault(group, {}).setdefault(bucket, []).append(AGGREGATE[case.over_time](inside))
    return [{at: AGGREGATE[case.over_hosts](found) for at, found in sorted(line.items())} for line in grouped.values()]


def expected(case: Case) -> tuple[MetricState, float | None]:
    every_line = lines(case)
    gaps = [b - a for line in every_line for a, b in zip(list(line), list(line)[1:], strict=False)]
    usual = statistics.median(gaps) if gaps else None
    step = max(case.bucket, EVERY, usual if usual is not None and len(gaps) > 1 else 0)
    size = max(case.bucket, min(usual or step, step))
    start = case.first + case.ramp_up if case.first + case.ramp_up < case.last else case.first
    points = [(at, value) for line in every_line for at, value in line.items()]
    touching = [at for at, _ in points if at < case.last and at + size > case.first]
    whole = [(at, value) for at, value in points if at >= start and at + size <= case.last]
    if len({at for at, _ in whole}) < 3:
        whole = [(at, value) for at, value in points if at < case.last and at + size > start]
    if not whole:
        return MetricState.NO_DATA, None
    covered = min(touching) <= case.first + 2 * step and max(touching) >= case.last - 2 * step
    factor = 1 / size if case.counted else {"second": 1000.0, "millisecond": 1.0, None: 1.0}[case.unit]
    result = REDUCE[case.reduce]([value for _, value in whole]) * factor
    return MetricState.SETTLED if covered else MetricState.PARTIAL, result


def collected(case: Case, *, last: bool) -> MetricValue:
    """The way from the store to the value, over JSON."""
    store = PointStore({})
    kind, origin = "count" if case.counted else "gauge", START.timestamp()
    for place, points in enumerate(case.hosts):
        at_last = [(origin + at, value) for at, value in points.items()]
        store.add("m.x", at_last, tags=["app:a"], host=f"h{place}", visible_at=0, kind=kind, unit=case.unit)
    start, end = padded(case.window)
    body = json.loads(json.dumps(timeseries(store, case.query, start, end, end + 3600.0, nulls=case.nulls)))
    check_window(body, start, end)
    [reading] = readings(body, [case.query])
    return assess(reading, reading, metric=case.metric, window=case.window, ramp_up=float(case.ramp_up), last=last)


@given(cases)
def test_the_value_is_the_slow_sum_and_the_state_says_how_whole_it_is(case: Case) -> None:
    state, value = expected(case)
    event(state.value)
    found = collected(case, last=True)
    assert (found.state, found.value) == (state, None if value is None else pytest.approx(value, abs=1e-9)), found.note


@given(cases)
def test_before_the_deadline_only_what_is_whole_has_a_value(case: Case) -> None:
    state, value = expected(case)
    found = collected(case, last=False)
    # What has points outside the load alone has none in it, and waits.
    wanted = (state, value) if state is MetricState.SETTLED else (MetricState.WAITING, None)
    assert found.state is wanted[0], found.note
    assert found.value == (None if wanted[1] is None else pytest.approx(wanted[1], abs=1e-9))

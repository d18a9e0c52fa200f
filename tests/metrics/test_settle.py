from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dogdriver.metrics.points import usual_gap
from dogdriver.metrics.settle import assess
from dogdriver.model import Better, Metric, MetricState, MetricValue, Reading, Series, Window

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=10))
ORIGIN = START.timestamp()
METRIC = Metric("m", "M", "ms", Better.LOWER, query="avg:m{*}", every=60.0)


def approx(value: float) -> Any:
    return pytest.approx(value)


Values = dict[float, float | None]


def reading(*series: Values, interval: float = 60.0, unit: bool = True) -> Reading:
    """Series of {seconds after the start: value}, in seconds."""
    made = tuple(
        Series(f"host:{chr(97 + n)}", tuple(sorted((ORIGIN + at, value) for at, value in one.items())))
        for n, one in enumerate(series)
    )
    named = {"unit": "second", "family": "time", "scale": 1.0} if unit else {}
    return Reading("avg:m{*}", made, interval, **named)  # type: ignore[arg-type]  # one dict for two types of field


def every(seconds: float, start: float = 0.0, end: float = 600.0, value: float = 0.1) -> Values:
    return {start + n * seconds: value for n in range(int((end - start) / seconds))}


def judged(
    now: Reading,
    before: Reading | None = None,
    *,
    metric: Metric = METRIC,
    window: Window = WINDOW,
    ramp_up: float = 0.0,
    gap: float | None = None,
    last: bool = False,
) -> MetricValue:
    return assess(now, before, metric=metric, window=window, ramp_up=ramp_up, usual_gap=gap, last=last)


def test_covered_and_stable_is_settled() -> None:
    found = judged(reading(every(60)), reading(every(60)))
    assert found.state is MetricState.SETTLED
    assert found.value == approx(100.0)
    assert (found.points, found.expected, found.unit, found.interval) == (10, 10, "ms", 60.0)
    assert found.note is None
    assert found.reading == reading(every(60))


def test_one_read_is_not_stable() -> None:
    found = judged(reading(every(60)))
    assert (found.state, found.value, found.note) == (MetricState.WAITING, None, "read only once")


def test_two_reads_that_differ_wait() -> None:
    changed = {**every(60), 300.0: 0.2}
    found = judged(reading(changed), reading(every(60)))
    assert (found.state, found.note) == (MetricState.WAITING, "the last two reads differ")


def test_a_host_that_comes_late_waits_once_more() -> None:
    one, two = reading(every(60)), reading(every(60), every(60, value=0.3))
    assert judged(two, one).state is MetricState.WAITING
    assert judged(two, two).value == approx(200.0)


def test_the_order_of_series_is_no_difference() -> None:
    one = reading(every(60), every(60, value=0.3))
    assert judged(structs.replace(one, series=one.series[::-1]), one).state is MetricState.SETTLED


def test_another_query_is_a_difference() -> None:
    one = reading(every(60))
    assert judged(one, structs.replace(one, query="avg:n{*}")).state is MetricState.WAITING
    assert judged(one, structs.replace(one, query="avg:m{ * }")).state is MetricState.SETTLED


def test_the_newest_point_may_be_two_steps_before_the_end_and_no_more() -> None:
    two = reading(every(60, end=540))  # the newest starts at 480 s
    three = reading(every(60, end=480))
    assert judged(two, two).state is MetricState.SETTLED
    late = judged(three, three)
    assert (late.state, late.note) == (MetricState.WAITING, "the newest point is 180 s before the end")


def test_the_oldest_point_may_be_two_steps_after_the_start_and_no_more() -> None:
    two, three = reading(every(60, start=120)), reading(every(60, start=180))
    assert judged(two, two).state is MetricState.SETTLED
    assert judged(three, three).note == "the oldest point is 180 s after the start"


def test_coverage_is_that_of_all_series_together() -> None:
    halves = reading(every(60, end=300), every(60, start=300))
    found = judged(halves, halves)
    assert found.state is MetricState.SETTLED
    assert found.note is not None
    assert "10 of 20 points are missing" in found.note
    assert "silent for part of the run: host:a, host:b" in found.note


def test_points_outside_the_run_cover_nothing() -> None:
    """The window asked for is padded: what another load left there says nothing of this one."""
    padded = reading({-120.0: 9.0, -60.0: 9.0, 600.0: 9.0, 660.0: 9.0})
    assert judged(padded, padded).note == "no data yet"
    found = judged(padded, padded, last=True)
    assert (found.state, found.value) == (MetricState.NO_DATA, None)
    assert found.note is not None
    assert found.note.startswith("Datadog has no data inside this run's window; `dogdriver check`")


@pytest.mark.parametrize(
    ("interval", "declared", "gap"), [(300.0, 60.0, None), (60.0, 300.0, None), (60.0, 60.0, 300.0)]
)
def test_a_step_is_the_largest_of_interval_declared_and_usual(
    interval: float, declared: float, gap: float | None
) -> None:
    """With a step of 300 s a point 480 s before the end is close enough."""
    part = reading({0.0: 0.1, 60.0: 0.1, 120.0: 0.1}, interval=interval)
    assert judged(part, part, metric=replace(METRIC, every=declared), gap=gap).state is MetricState.SETTLED
    assert judged(reading({0.0: 0.1, 60.0: 0.1, 120.0: 0.1}), part).state is MetricState.WAITING


def test_cloudwatch_settles_for_the_first_time_with_the_gap_of_its_own_points() -> None:
    """Every 300 s where 60 were declared, nothing known of it yet, asked for with 5 s buckets."""
    window = Window(START, START + timedelta(minutes=30))
    sparse = reading(every(300, end=1500), interval=5.0)
    found = judged(sparse, sparse, window=window)
    assert (found.state, found.value) == (MetricState.SETTLED, approx(100.0))


def test_nothing_at_all_waits_and_ends_as_no_data_never_as_zero() -> None:
    empty = Reading("avg:m{*}", (), None)
    assert judged(empty, empty).state is MetricState.WAITING
    found = judged(empty, empty, last=True)
    assert (found.state, found.value) == (MetricState.NO_DATA, None)
    assert found.note is not None
    assert found.note.startswith("Datadog has no data for this run; `dogdriver check`")


def test_nulls_are_holes() -> None:
    holes: Values = {**every(60), 120.0: None, 180.0: None}
    found = judged(reading(holes), reading(holes))
    assert found.state is MetricState.SETTLED
    assert (found.value, found.points, found.expected) == (approx(100.0), 8, 10)
    assert found.note == "2 of 10 points are missing"
    nothing: Values = dict.fromkeys(every(60), None)
    assert judged(reading(nothing), reading(nothing), last=True).state is MetricState.NO_DATA


def test_a_missing_bucket_is_a_hole_too() -> None:
    holes = every(60)
    del holes[120.0]
    assert judged(reading(holes), reading(holes)).note == "1 of 10 points are missing"


def test_a_true_zero_is_a_value() -> None:
    zero = reading(every(60, value=0.0))
    assert judged(zero, zero).value == 0.0


def test_a_silent_host_is_told_and_not_waited_for() -> None:
    hosts = [every(60) for _ in range(4)]
    five = reading(*hosts, every(60, end=120, value=0.6))
    found = judged(five, five)
    assert found.state is MetricState.SETTLED
    assert (found.points, found.expected) == (42, 50)
    assert found.note == "8 of 50 points are missing; silent for part of the run: host:e"
    assert found.value == approx((40 * 0.1 + 2 * 0.6) / 42 * 1000)


def test_at_the_deadline_what_there_is_is_partial() -> None:
    part = reading(every(60, end=300))
    found = judged(part, part, last=True)
    assert (found.state, found.value) == (MetricState.PARTIAL, approx(100.0))
    assert found.note is not None
    assert found.note.startswith("the newest point is 360 s before the end")
    once = judged(reading(every(60)), None, last=True)
    assert (once.state, once.note) == (MetricState.PARTIAL, "read only once")


def test_three_parts_settle_only_when_the_last_one_is_there_twice() -> None:
    parts = [reading(every(60, end=end)) for end in (200, 400, 600)]
    states = [judged(parts[0])]
    for before, now in ((parts[0], parts[1]), (parts[1], parts[1]), (parts[1], parts[2]), (parts[2], parts[2])):
        states.append(judged(now, before))
    assert [found.state.value for found in states] == ["waiting", "waiting", "waiting", "waiting", "settled"]
    assert states[-1].value == approx(100.0)


@pytest.mark.parametrize("skew", [-90.0, 90.0])
def test_a_clock_off_by_ninety_seconds_still_settles(skew: float) -> None:
    """The service reports before and after its load, too, by a clock of its own."""
    shifted = reading({at + skew: value for at, value in every(60, start=-300, end=900).items()})
    found = judged(shifted, shifted)
    assert found.state is MetricState.SETTLED
    assert found.value == approx(100.0)


def test_a_service_that_reports_under_load_alone_by_a_late_clock_is_partial_in_the_end() -> None:
    shifted = reading({at - 90: value for at, value in every(60).items()})
    assert judged(shifted, shifted).note == "the newest point is 150 s before the end"
    found = judged(shifted, shifted, last=True)
    assert found.state is MetricState.PARTIAL
    assert found.value == approx(100.0)


def test_only_buckets_wholly_inside_count() -> None:
    window = Window(START + timedelta(seconds=30), START + timedelta(minutes=10, seconds=-30))
    edges = reading({**every(60), 0.0: 9.0, 540.0: 9.0})
    found = judged(edges, edges, window=window)
    assert (found.value, found.points, found.expected) == (approx(100.0), 8, 8)


def test_with_fewer_than_three_whole_buckets_all_that_overlap_count() -> None:
    window = Window(START + timedelta(seconds=30), START + timedelta(seconds=210))
    short = reading({0.0: 0.4, 60.0: 0.1, 120.0: 0.1, 180.0: 0.4, 240.0: 9.0, -60.0: 9.0})
    found = judged(short, short, window=window)
    assert (found.value, found.points, found.expected) == (approx(250.0), 4, 4)
    assert found.note == "buckets that reach over the edge of the run are counted in"


def test_a_run_shorter_than_three_steps_says_so() -> None:
    window = Window(START, START + timedelta(seconds=120))
    short = reading(every(60, end=120))
    found = judged(short, short, window=window)
    assert found.state is MetricState.SETTLED
    assert found.note is not None
    assert "the run (120 s) is shorter than three steps (60 s) of this metric" in found.note


def test_the_ramp_up_is_left_out_where_there_is_one() -> None:
    ramp = {**every(60), 0.0: 9.0, 60.0: 9.0}
    assert judged(reading(ramp), reading(ramp), ramp_up=120).value == approx(100.0)
    assert judged(reading(ramp), reading(ramp)).value == approx((8 * 0.1 + 18) / 10 * 1000)
    assert judged(reading(ramp), reading(ramp), ramp_up=6000).points == 10


def test_what_has_points_in_the_ramp_up_alone_waits_for_more() -> None:
    window = Window(START, START + timedelta(seconds=90))
    early = reading({0.0: 0.1}, interval=15.0)
    found = judged(early, early, window=window, ramp_up=60)
    assert (found.state, found.note) == (MetricState.WAITING, "no data yet after the ramp-up")
    assert judged(early, early, window=window, ramp_up=60, last=True).state is MetricState.NO_DATA


def test_without_a_unit_nothing_is_converted_and_that_is_said() -> None:
    bare = reading(every(60), unit=False)
    found = judged(bare, bare)
    assert (found.value, found.note) == (approx(0.1), "Datadog gives no unit, taken to be ms")


def test_a_value_in_a_unit_of_another_family_is_no_value_of_this_metric() -> None:
    percent = structs.replace(reading(every(60)), unit="percent", family="percentage")
    found = judged(percent, percent)
    assert (found.state, found.value) == (MetricState.REFUSED, None)
    assert found.note is not None
    assert found.note.startswith("Datadog gives percent, the metric is declared in ms")


def test_the_counts_of_sparse_points_are_rates_over_the_time_between_them() -> None:
    """1200 requests a minute, in buckets of 5 s of which every twelfth has a point: 20 a second, not 240."""
    counted = structs.replace(
        reading(every(60, value=1200.0), interval=5.0, unit=False), query="sum:aws.elb.request_count{*}.as_count()"
    )
    metric = replace(METRIC, unit="1/s", better=Better.HIGHER)
    assert judged(counted, counted, metric=metric).value == approx(20.0)
    fine = structs.replace(counted, series=reading(every(5, value=100.0), interval=5.0).series)
    assert judged(fine, fine, metric=replace(metric, every=5.0)).value == approx(20.0)


def test_rates_in_buckets_shorter_than_the_time_between_points_are_warned_of() -> None:
    rated = structs.replace(
        reading(every(60, value=240.0), interval=5.0, unit=False), query="sum:aws.elb.request_count{*}.as_rate()"
    )
    metric = replace(METRIC, unit="1/s", better=Better.HIGHER)
    found = judged(rated, rated, metric=metric)
    assert found.value == approx(240.0)
    assert found.note is not None
    assert "put .rollup(sum, 60) into the query" in found.note
    rolled = structs.replace(rated, query=rated.query + ".rollup(sum, 60)", interval=60.0)
    assert judged(rolled, rolled, metric=metric).note is None


def test_the_maximum_of_averages_says_so_unless_the_query_rolls_up() -> None:
    coarse = reading(every(60))
    peak = replace(METRIC, reduce="max", every=15.0)
    assert judged(coarse, coarse, metric=peak).note == "the max of 60 s averages"
    rolled = structs.replace(coarse, query="avg:m{*}.rollup(max, 60)")
    assert judged(rolled, rolled, metric=peak).note is None


def test_a_word_that_is_no_reduction_is_refused_not_raised() -> None:
    found = judged(reading(every(60)), metric=replace(METRIC, reduce="median"))
    assert found.state is MetricState.REFUSED
    assert found.note is not None
    assert "'median'" in found.note


def test_the_usual_gap_is_that_of_most_points() -> None:
    assert usual_gap([]) is None
    assert usual_gap([reading({0.0: 1.0})]) is None
    holes: Values = {0.0: 1.0, 60.0: 1.0, 120.0: None, 180.0: 1.0, 240.0: 1.0, 300.0: 1.0}
    assert usual_gap([reading(holes, interval=5.0)]) == 60.0
    assert usual_gap([reading(every(60)), reading(every(60)), reading(every(300))]) == 60.0


points = st.dictionaries(
    st.integers(-10, 20).map(lambda n: n * 30.0), st.one_of(st.none(), st.floats(-1e300, 1e300)), max_size=25
)


@given(
    st.lists(points, max_size=4),
    st.one_of(st.none(), st.lists(points, max_size=4)),
    st.sampled_from([1.0, 5.0, 60.0, 300.0]),
    st.floats(0.5, 900),
    st.floats(0, 1000),
    st.one_of(st.none(), st.floats(1, 1000)),
    st.booleans(),
    st.sampled_from(["mean", "max", "min", "sum", "last", "p95"]),
)
def test_whatever_comes_a_value_is_final_and_from_the_points(
    now: list[Values],
    before: list[Values] | None,
    interval: float,
    length: float,
    ramp_up: float,
    gap: float | None,
    last: bool,
    reduce: str,
) -> None:
    window = Window(START, START + timedelta(seconds=length))
    found = judged(
        reading(*now, interval=interval),
        None if before is None else reading(*before, interval=interval),
        metric=replace(METRIC, reduce=reduce),
        window=window,
        ramp_up=ramp_up,
        gap=gap,
        last=last,
    )
    assert found.state.final or not last
    assert (found.value is None) == (found.state in {MetricState.WAITING, MetricState.NO_DATA})
    assert found.points is not None
    assert found.expected is not None
    assert found.points <= found.expected
    if found.value is not None and reduce in {"max", "min"}:
        assert any(found.value == value * 1000.0 for one in now for value in one.values() if value is not None)

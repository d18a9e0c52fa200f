"""When a metric has settled."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from dogdriver.model import MetricState, Reading, Window
from tests.metrics.made import METRIC, START, Values, approx, every, judged, reading


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

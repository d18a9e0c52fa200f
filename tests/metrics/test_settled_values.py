"""The value that a settled metric has."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dogdriver.metrics.points import usual_gap
from dogdriver.model import Better, MetricState, Window
from tests.metrics.made import METRIC, START, Values, approx, every, judged, reading


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

"""When a point can be seen, and under which tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.demo.standin.budget import Budget, Limit
from dogdriver.demo.standin.points import Delay, PointStore, clean_tag
from tests.demo.standin.conftest import START, UNHURRIED


def _seen(store: PointStore, metric: str, now: float) -> list[tuple[float, float]]:
    return [point for timeline in store.timelines(metric) for point in timeline.between(0, 10**10, now)]


@pytest.mark.parametrize(("metric", "seconds"), [("system.cpu.idle", 15), ("aws.elb.latency", 720), ("custom.x", 10)])
def test_a_point_is_seen_after_the_delay_of_its_prefix(metric: str, seconds: int) -> None:
    store = PointStore()
    store.add(metric, [(START, 1.0)])
    assert _seen(store, metric, START + seconds - 0.1) == []
    assert _seen(store, metric, START + seconds) == [(START, 1.0)]


def test_the_longest_prefix_counts_and_none_means_no_delay() -> None:
    store = PointStore({"aws.": Delay(720), "aws.elb.": Delay(60)})
    for metric in ("aws.elb.latency", "aws.x", "other"):
        store.add(metric, [(START, 1.0)])
    seen = [
        [bool(_seen(store, metric, START + at)) for at in (0, 60, 720)]
        for metric in ("aws.elb.latency", "aws.x", "other")
    ]
    assert seen == [[False, True, True], [False, False, True], [True, True, True]]


def test_the_delay_counts_from_when_a_late_point_was_received() -> None:
    store = PointStore({"": Delay(10)})
    store.add("a", [(START, 1.0), (START + 100, 2.0)], received=START + 50)
    assert [value for _, value in _seen(store, "a", START + 60)] == [1.0]
    assert [value for _, value in _seen(store, "a", START + 110)] == [1.0, 2.0]


def test_trickling_points_come_bit_by_bit_and_all_come() -> None:
    store = PointStore({"": Delay(100, trickle=60)})
    store.add("a", [(START, float(host)) for host in range(1)], host="x")
    for host in range(40):
        store.add("a", [(START, 1.0)], host=f"h{host}")
    counts = [len(_seen(store, "a", START + 100 + after)) for after in range(0, 61, 10)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 41
    assert len(set(counts)) > 4


def test_a_point_submitted_again_replaces_the_first_once_it_is_seen() -> None:
    store = PointStore({})
    store.add("a", [(START, 1.0)], visible_at=START)
    store.add("a", [(START, 2.0)], visible_at=START + 60)
    assert _seen(store, "a", START + 59) == [(START, 1.0)]
    assert _seen(store, "a", START + 60) == [(START, 2.0)]


def test_points_are_kept_in_order_of_time() -> None:
    store = PointStore({})
    store.add("a", [(START + at, float(at)) for at in (5, 1, 3)])
    assert [value for _, value in _seen(store, "a", START + 10)] == [1.0, 3.0, 5.0]


def test_a_scope_wants_all_its_tags_and_none_of_the_others() -> None:
    store = PointStore({})
    for tags in (["env:stage", "host:a"], ["env:stage", "host:b"], ["env:prod", "host:a"]):
        store.add("a", [(START, 1.0)], tags=tags)

    def found(*scope: tuple[str, bool]) -> list[list[str]]:
        return sorted(sorted(timeline.tags) for timeline in store.timelines("a", scope))

    assert len(found()) == 3
    assert found(("env:stage", True)) == [["env:stage", "host:a"], ["env:stage", "host:b"]]
    assert found(("env:stage", True), ("host:a", False)) == [["env:stage", "host:b"]]
    assert found(("Env:stage", True)) == [], "tags are kept in lower case and compared as they are"


@UNHURRIED
@given(st.text(max_size=300))
def test_tags_are_cleaned_once_and_for_all(tag: str) -> None:
    cleaned = clean_tag(tag)
    assert clean_tag(cleaned) == cleaned
    assert len(cleaned) <= 200


def test_tags_are_kept_as_datadog_keeps_them() -> None:
    assert clean_tag("Project:My Shop (EU)") == "project:my_shop__eu_"


def test_old_points_are_forgotten_where_that_is_asked_for() -> None:
    store = PointStore({}, keep=60)
    for at in range(0, 200, 10):
        store.add("a", [(START + at, float(at))])
    assert [value for _, value in _seen(store, "a", START + 300)] == [130, 140, 150, 160, 170, 180, 190]


def test_forgetting_keeps_the_delays() -> None:
    store = PointStore({"": Delay(1)})
    store.add("a", [(START, 1.0)], unit="second")
    store.clear()
    assert _seen(store, "a", START + 10) == []
    assert store.metric("a").unit is None
    assert store.delays == {"": Delay(1)}


@UNHURRIED
@given(st.lists(st.tuples(st.floats(0, 500), st.integers(1, 4)), max_size=30), st.integers(1, 8), st.integers(1, 100))
def test_a_budget_grants_no_more_than_its_calls_in_any_window(
    calls: list[tuple[float, int]], allowed: int, period: int
) -> None:
    budget = Budget({"x": Limit(allowed, period)})
    left: dict[int, int] = {}
    for at, wanted in sorted(calls):
        window = int(at // period)
        before = left.get(window, allowed)
        allowance = budget.spend("x", at, wanted)
        left[window] = max(before - wanted, 0)
        assert allowance.granted is (before > 0)
        assert allowance.remaining == left[window]
        assert 0 < allowance.reset <= period
        assert (at + allowance.reset) // period > window

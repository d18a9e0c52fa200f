"""Which runs may be compared: equal load and test, the infrastructure the same as far as it is known."""

import random  # noqa: TID251 - a seeded history
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.model import MetricState, Point, Status
from dogdriver.verdict.comparability import Obstacle, classes, comparable, counts, newest_class, segments

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOSTS = (3, 4, 5, 6)


def point(n: int, release: str, *, load: str = "k", hosts: float | None = None, kinds: str | None = None) -> Point:
    at = START + timedelta(hours=n)
    return Point(str(n), at, 1.0, release, Status.DONE, load, MetricState.SETTLED, fingerprint=hosts, kinds=kinds)


def chosen(points: list[Point], tolerance: float = 0.0) -> tuple[list[str], str | None]:
    found = comparable(points, "b", tolerance)
    return [p.run for p in found.points], found.obstacle


def stretches(*of: tuple[str, float | None]) -> list[Point]:
    """A run each: its release and its hosts."""
    return [point(n, release, hosts=hosts) for n, (release, hosts) in enumerate(of)]


def test_runs_on_as_many_hosts_compare_contiguous_or_not() -> None:
    points = stretches(("a", 3), ("x", 4), ("x", 4), ("y", 3), ("b", 3))
    assert chosen(points, 0.2) == (["0", "3", "4"], None)


def test_where_hosts_vary_inside_both_releases_all_runs_compare() -> None:
    points = stretches(("a", 3), ("a", 6), ("b", 4), ("b", 5))
    assert chosen(points, 0.0) == (["0", "1", "2", "3"], None)


def test_ranges_that_do_not_overlap_do_not_compare() -> None:
    points = stretches(("a", 3), ("a", 4), ("b", 6), ("b", 8))
    assert chosen(points, 0.2) == (["2", "3"], Obstacle.INFRASTRUCTURE)


def test_an_odd_newest_run_takes_nothing_from_the_others() -> None:
    """What was announced on three hosts is not withdrawn because one run had five."""
    points = stretches(("a", 3), ("a", 3), ("b", 3), ("b", 3), ("b", 5))
    assert chosen(points, 0.2) == (["0", "1", "2", "3"], None)


def test_of_two_infrastructures_in_a_release_the_newer_one_counts_where_both_have_as_many_runs() -> None:
    points = stretches(("a", 3), ("x", 6), ("b", 3), ("b", 6))
    assert chosen(points, 0.2) == (["1", "3"], None)
    pinned = comparable(points, "b", 0.2, baseline="a")
    assert [p.run for p in pinned.points] == ["0", "2"]


def test_what_changed_is_said_in_the_releases_own_numbers() -> None:
    found = comparable(stretches(("1.3.0", 3), ("1.3.0", 3), ("1.4.0", 5)), "1.4.0", 0.2)
    assert found.reason == (
        "the infrastructure changed with the release (not comparable: 3 → 5 hosts with 1.4.0), "
        "so no earlier run can be compared with its runs"
    )
    other = [point(0, "1.3.0", hosts=2, kinds="m5"), point(1, "1.4.0", hosts=2, kinds="c6")]
    assert "(not comparable: m5 → c6 with 1.4.0)" in comparable(other, "1.4.0", 0.2).reason
    jitter = comparable(stretches(("1", 3), ("1", 4), ("2", 9)), "2", 0.2)
    assert "(not comparable: 3 to 4 → 9 hosts with 2)" in jitter.reason


def test_a_stretch_ends_where_the_next_run_does_not_compare() -> None:
    points = stretches(("a", 3), ("a", 3), ("b", 5), ("b", 5), ("c", 3))
    assert segments(points, 0.2) == [0, 0, 1, 1, 2]
    assert [p.run for p in newest_class(points, 0.2)] == ["0", "1", "4"]
    load = [point(0, "a", load="x"), point(1, "a", load="y"), replace(point(2, "a"), status=Status.FAILED)]
    assert segments(load, 0.2) == [0, 1, 1]


def test_the_tolerance_is_relative() -> None:
    points = [point(0, "a", hosts=20), point(1, "b", hosts=21)]
    assert chosen(points) == (["1"], "the infrastructure")
    assert chosen(points, 0.05) == (["0", "1"], None)


KINDS = (("a", "m5"), ("a", "c6"), ("b", "m5"))


def test_other_kinds_of_hosts_do_not_compare() -> None:
    points = [point(0, "a", hosts=3, kinds="m5"), point(1, "b", hosts=3, kinds="c6")]
    assert chosen(points) == (["1"], "the infrastructure")


def test_one_run_on_other_kinds_of_hosts_takes_nothing_from_the_others() -> None:
    before = [point(n, release, hosts=3, kinds=kinds) for n, (release, kinds) in enumerate((*KINDS, ("b", "m5")))]
    assert chosen(before) == (["0", "2", "3"], None)
    assert chosen([*before, point(4, "b", hosts=3, kinds="c6")]) == (["0", "2", "3"], None)


def test_what_is_unknown_compares() -> None:
    points = [point(0, "a"), point(1, "b", hosts=3, kinds="m5")]
    assert chosen(points) == (["0", "1"], None)


def test_another_load_or_test_does_not_compare_and_that_is_said() -> None:
    points = [point(0, "a", load="x"), point(1, "b")]
    assert chosen(points) == (["1"], "the load or the test")


def test_excluded_and_bad_runs_count_for_nothing() -> None:
    bad = replace(point(0, "a"), status=Status.INVALID)
    out = replace(point(1, "a"), excluded=True)
    assert chosen([bad, out, point(2, "b")]) == (["2"], None)
    assert chosen([point(0, "a")]) == (["0"], None)  # nothing of its own: too few runs


def test_what_compares_with_the_newest_release_and_not_with_each_other_is_no_stretch() -> None:
    """5 hosts and 7 both lie within 20 % of 6; from 7 to 5 there is no step that is the release's."""
    points = stretches(("a", 7), ("a", 7), ("b", 5), ("b", 5), ("c", 6), ("c", 6))
    assert segments(points, 0.2) == [0, 0, 1, 1, 1, 1]
    assert [p.run for p in newest_class(points, 0.2)] == ["2", "3", "4", "5"]
    wide = stretches(("a", 3), ("a", 4), ("b", 7), ("b", 8), ("c", 3), ("c", 8))
    assert segments(wide, 0.0) == [0, 0, 1, 1, 1, 1]


RUNS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from((None, 1.0, 3.0, 4.0, 5.0, 9.0)),
        st.sampled_from((None, "m5", "c6")),
        st.sampled_from("xy"),
        st.booleans(),
    ),
    max_size=14,
)


@given(RUNS, st.sampled_from((0.0, 0.2, 0.5)))
def test_every_run_is_in_one_class_and_the_newest_keeps_what_compares_with_it(
    runs: list[tuple[str, float | None, str | None, str, bool]], tolerance: float
) -> None:
    points = [
        replace(point(n, release, load=load, hosts=hosts, kinds=kinds), excluded=excluded)
        for n, (release, hosts, kinds, load, excluded) in enumerate(runs)
    ]
    found = classes(points, tolerance)
    assert len(found) == len(points)
    counted = [p for p in points if counts(p)]
    of = dict(zip((p.run for p in points), found, strict=True))
    for one in counted:
        for other in counted:
            if of[one.run] == of[other.run]:
                assert one.comparable == other.comparable
                assert None in {one.kinds, other.kinds} or one.kinds == other.kinds
    newest = {p.run for p in newest_class(points, tolerance)}
    assert len({of[run] for run in newest}) <= 1
    assert segments(points, tolerance) == sorted(segments(points, tolerance))


@given(RUNS, st.sampled_from("abc"), st.sampled_from((0.0, 0.2)))
def test_an_obstacle_is_said_only_where_no_earlier_run_is_left(
    runs: list[tuple[str, float | None, str | None, str, bool]], release: str, tolerance: float
) -> None:
    points = [point(n, r, load=load, hosts=hosts, kinds=kinds) for n, (r, hosts, kinds, load, _) in enumerate(runs)]
    found = comparable(points, release, tolerance)
    assert {p.run for p in found.points} <= {p.run for p in points}
    own = [p for p in points if p.release == release]
    if not own:
        return
    assert any(p.release == release for p in found.points)
    before = [p for p in points if p.release != release and p.at <= own[-1].at]
    left = [p for p in found.points if p in before]
    assert (found.obstacle is None) == (bool(left) or not before)
    assert bool(found.reason) == (found.obstacle is not None)


def test_a_release_of_fixed_hosts_stays_compared_when_one_whose_hosts_vary_is_beside_it() -> None:
    """An announced verdict would be withdrawn for want of runs, because one run had other hosts."""
    before = [*[("a", 3.0)] * 4, ("p", 3.0), ("p", 4.0), ("b", 3.0), ("b", 3.0)]
    assert chosen(stretches(*before), 0.2) == (["0", "1", "2", "3", "4", "6", "7"], None)
    assert chosen(stretches(*before, ("b", 4)), 0.2) == (["0", "1", "2", "3", "4", "5", "6", "7", "8"], None)


def test_what_varies_after_the_release_or_beside_the_pinned_one_takes_no_run_from_it() -> None:
    points = stretches(("a", 3), ("a", 3), ("b", 3), ("b", 3), ("b", 4), ("c", 3), ("c", 4))
    assert chosen(points[:5], 0.2) == (["0", "1", "2", "3"], None)
    assert chosen(points, 0.2) == (["0", "1", "2", "3", "5"], None)
    beside = stretches(("a", 3), ("x", 3), ("x", 4), ("b", 3), ("b", 4))
    assert comparable(beside, "b", 0.2, baseline="a").obstacle is None


def test_a_newest_run_of_unknown_hosts_joins_nothing_that_does_not_compare() -> None:
    """As each new run is until Datadog is asked for its hosts."""
    points = stretches(("a", 3), ("a", 3), ("b", 5), ("b", 5), ("c", None))
    assert segments(points, 0.2) == [0, 0, 1, 1, 1]
    assert [p.run for p in newest_class(points, 0.2)] == ["2", "3", "4"]
    kinds = [point(0, "a", hosts=3, kinds="m5"), point(1, "b", hosts=3, kinds="c6"), point(2, "b")]
    assert chosen(kinds) == (["1", "2"], Obstacle.INFRASTRUCTURE)


def test_a_trend_goes_through_the_newest_runs_where_the_hosts_changed_inside_the_release() -> None:
    points = stretches(("a", 3), ("b", 3), ("b", 5), ("b", 5), ("b", 5))
    assert [p.run for p in newest_class(points, 0.2)] == ["2", "3", "4"]


@given(RUNS, RUNS, st.sampled_from((0.0, 0.2)))
def test_no_later_release_changes_what_a_release_is_compared_with(
    runs: list[tuple[str, float | None, str | None, str, bool]],
    later: list[tuple[str, float | None, str | None, str, bool]],
    tolerance: float,
) -> None:
    points = [point(n, r, load=load, hosts=hosts, kinds=kinds) for n, (r, hosts, kinds, load, _) in enumerate(runs)]
    if not any(p.release == "b" for p in points):
        return
    end = max(n for n, p in enumerate(points) if p.release == "b")
    points = points[: end + 1]
    after = [
        point(len(points) + n, f"later {r}", load=load, hosts=hosts, kinds=kinds)
        for n, (r, hosts, kinds, load, _) in enumerate(later)
    ]
    alone, all_of_them = comparable(points, "b", tolerance), comparable([*points, *after], "b", tolerance)
    assert [p for p in all_of_them.points if p in points] == list(alone.points)
    assert (all_of_them.obstacle, all_of_them.reason) == (alone.obstacle, alone.reason)


@given(RUNS, RUNS, st.sampled_from((0.0, 0.2)))
def test_one_more_run_takes_no_run_of_its_own_from_a_verdict_that_there_can_be(
    runs: list[tuple[str, float | None, str | None, str, bool]],
    more: list[tuple[str, float | None, str | None, str, bool]],
    tolerance: float,
) -> None:
    """A verdict that rests on fewer of its runs is withdrawn; where the load is the same, it never does."""
    points = [point(n, r, hosts=hosts or 3.0, kinds="m5") for n, (r, hosts, *_) in enumerate(runs)]
    after = [point(len(points) + n, "b", hosts=hosts, kinds=kinds) for n, (_, hosts, kinds, *_) in enumerate(more)]
    own: list[int] = []
    for n in range(len(after) + 1):
        found = comparable([*points, *after[:n]], "b", tolerance)
        if found.obstacle is None and {p.release for p in found.points} > {"b"}:
            own.append(sum(p.release == "b" for p in found.points))
    assert own == sorted(own)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from((4.0, 5.0, 6.0, 7.0, 8.0))), max_size=5))
def test_releases_of_fixed_hosts_in_one_class_compare_with_each_other(found: list[tuple[str, float]]) -> None:
    points = stretches(*dict(found).items())
    of = classes(points, 0.2)
    for one, its in zip(points, of, strict=True):
        for other, others in zip(points, of, strict=True):
            if its == others and one.fingerprint and other.fingerprint:
                assert abs(one.fingerprint - other.fingerprint) <= 0.2 * max(one.fingerprint, other.fingerprint)


@pytest.mark.parametrize("seed", range(60))
def test_no_run_takes_away_what_a_verdict_rests_on(seed: int) -> None:
    """Once a release can be judged, one more run on other hosts leaves all that compared comparable."""
    dice = random.Random(seed)  # noqa: S311 - a seeded history
    points: list[Point] = []
    for release in ("1.0", "1.1", "1.2", "1.3", "1.4"):
        same, varies = dice.choice(HOSTS), dice.random() < 0.7 or release == "1.4"
        for _ in range(8 if release == "1.4" else dice.randint(2, 8)):
            hosts, kinds = float(dice.choice(HOSTS) if varies else same), dice.choice(("a", "b"))
            points.append(point(len(points), release, hosts=hosts, kinds=kinds))
    rested_on: set[str] = set()
    for known in range(len(points) - 5, len(points) + 1):
        found = comparable(points[:known], "1.4", 0.2).points
        runs = {point.run for point in found}
        assert rested_on <= runs
        if sum(point.release == "1.4" for point in found) >= 3:
            rested_on = runs

"""How far apart the points of an answer are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.demo.standin.evaluate import MAX_POINTS, Span
from tests.demo.standin.conftest import START, UNHURRIED


@pytest.mark.parametrize(
    ("seconds", "interval"),
    [
        *((1, 1), (200, 1), (201, 5), (1200, 5), (1201, 20), (3600, 20), (3601, 60), (14400, 60), (14401, 300)),
        *((86400, 300), (86401, 600), (2 * 86400, 600), (7 * 86400, 3600), (31 * 86400, 14400), (365 * 86400, 86400)),
        (START, 14 * 86400),
    ],
)
def test_the_interval_grows_with_the_window(seconds: int, interval: int) -> None:
    span = Span(START - seconds, START, START)
    assert span.interval() == interval
    assert seconds / interval <= MAX_POINTS


@UNHURRIED
@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_there_are_never_more_points_than_allowed(seconds: int, wanted: int) -> None:
    span = Span(START - seconds, START, START)
    assert seconds / span.interval(wanted) <= MAX_POINTS
    assert span.interval(wanted) in {wanted, span.interval()}


def test_a_finer_rollup_than_is_allowed_is_overridden() -> None:
    day = Span(START - 86400, START, START)
    assert day.interval(20) == 300
    assert day.interval(60) == 60
    assert day.interval(3600) == 3600

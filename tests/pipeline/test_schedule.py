from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dogdriver.pipeline.backoff import deadline, due_after, gives_up

ENDED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def minutes(settle: float) -> list[float]:
    times: list[float] = []
    while (due := due_after(ENDED, settle, len(times))) is not None:
        times.append((due - ENDED).total_seconds() / 60)
    return times


def test_ten_minutes_are_the_times_of_the_design() -> None:
    assert minutes(600) == [10, 15, 20, 30, 45, 60, *range(120, 1441, 60)]


def test_the_last_look_is_the_deadline() -> None:
    assert minutes(600)[-1] * 60 == (deadline(ENDED, 600) - ENDED).total_seconds() == 86400


@given(st.floats(0.1, 86400))
def test_looks_come_later_and_later_and_end(settle: float) -> None:
    times = minutes(settle)
    assert len(times) == 29
    assert all(later > earlier for earlier, later in pairwise(times))


def test_nothing_is_due_for_a_count_that_no_run_has() -> None:
    assert due_after(ENDED, 600, -1) is None
    assert due_after(ENDED, 600, 10_000) is None


def test_a_metric_without_data_is_given_up_after_an_hour() -> None:
    assert not gives_up(ENDED, 600, ENDED + timedelta(minutes=59, seconds=59))
    assert gives_up(ENDED, 600, ENDED + timedelta(hours=1))

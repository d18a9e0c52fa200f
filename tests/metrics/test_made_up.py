"""Values that a query makes up prove nothing of how far Datadog's data have come."""

import pytest
from msgspec import structs

from dogdriver.metrics.query import MadeUp, makes_up
from dogdriver.metrics.settle import assess
from dogdriver.model import MetricState, MetricValue, Reading
from tests.metrics.made import METRIC, WINDOW, Values, every, reading

M = "sum:m{app:shop}.as_count()"
ZEROS, REPEATED = MadeUp.ZEROS, MadeUp.REPEATED


@pytest.mark.parametrize(
    ("query", "made_up"),
    [
        (M, set()),
        (f"default_zero({M})", {ZEROS}),
        (f"default_zero( {M} ) ", {ZEROS}),
        (f"{M}.fill(zero)", {ZEROS}),
        (f"{M}.fill(zero, 300)", {ZEROS}),
        (f"{M}.fill(last, 300)", {REPEATED}),
        (f"{M}.fill(linear)", set()),
        (f"{M}.fill(null)", set()),
        ("sum:m{*} by {host}.rollup(sum, 60).fill(zero)", {ZEROS}),
        (f"100 - default_zero({M})", {ZEROS, REPEATED}),
        (f"100 * default_zero({M})", {ZEROS}),
        (f"default_zero(default_zero({M}) + {M})", {ZEROS}),
        (f"100 - avg:idle{{*}} - default_zero({M})", set()),
        (f"default_zero({M}) / {M}", set()),
        (f"default_zero({M}) + {M}.fill(last)", {ZEROS, REPEATED}),
        (f"abs(default_zero({M}))", {ZEROS}),
    ],
)
def test_what_a_query_makes_up(query: str, made_up: set[MadeUp]) -> None:
    assert makes_up(query) == made_up


def judged(query: str, values: Values, *, late: bool = False) -> MetricValue:
    one = structs.replace(reading(values), query=query)
    return assess(one, one, metric=METRIC, window=WINDOW, late=late)


def test_zeros_that_may_be_made_up_settle_nothing() -> None:
    early = {**every(60, end=240, value=12.0), **every(60, start=240, value=0.0)}
    found = judged(f"default_zero({M})", early)
    assert (found.state, found.value) == (MetricState.WAITING, None)
    assert (
        found.note
        == "the newest point is 420 s before the end, but for values that default_zero() or fill() may have made up"
    )
    assert judged(M, early).state is MetricState.SETTLED, "zeros that Datadog has are data"


def test_a_value_that_is_repeated_to_the_end_may_be_filled_in() -> None:
    values = {**{60.0 * n: float(n) for n in range(4)}, **every(60, start=240, value=3.0)}
    assert judged(f"{M}.fill(last)", values).state is MetricState.WAITING
    assert judged(f"{M}.fill(last)", {60.0 * n: float(n) for n in range(10)}).state is MetricState.SETTLED


def test_what_is_no_zero_is_data() -> None:
    assert judged(f"default_zero({M})", every(60, value=12.0)).state is MetricState.SETTLED
    holes = {**every(60, value=12.0), 120.0: 0.0, 300.0: 0.0}
    assert judged(f"default_zero({M})", holes).state is MetricState.SETTLED


def test_a_count_that_stays_at_zero_is_taken_after_a_while_and_says_so() -> None:
    zeros = every(60, value=0.0)
    assert judged(f"default_zero({M})", zeros).state is MetricState.WAITING
    found = judged(f"default_zero({M})", zeros, late=True)
    assert (found.state, found.value) == (MetricState.PARTIAL, 0.0)
    assert found.note is not None
    assert "no data yet, but for values that default_zero() or fill() may have made up" in found.note


def test_late_made_up_values_still_have_to_be_stable() -> None:
    one = structs.replace(reading(every(60, value=0.0)), query=f"default_zero({M})")
    other: Reading = structs.replace(reading({**every(60, value=0.0), 60.0: 5.0}), query=f"default_zero({M})")
    assert assess(other, one, metric=METRIC, window=WINDOW, late=True).state is MetricState.WAITING

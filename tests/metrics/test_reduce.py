import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.metrics.points import is_reduction, reduce

VALUES = st.floats(-1e12, 1e12)
POINTS = st.lists(
    st.dictionaries(st.integers(0, 50).map(float), VALUES, max_size=20).map(lambda one: tuple(sorted(one.items()))),
    max_size=5,
)


def pooled(points: list[tuple[tuple[float, float], ...]]) -> list[float]:
    return [value for one in points for _, value in one]


@given(POINTS)
def test_every_point_of_every_series_has_the_same_weight(points: list[tuple[tuple[float, float], ...]]) -> None:
    values = pooled(points)
    if not values:
        assert all(reduce(points, how) is None for how in ("mean", "max", "min", "sum", "last", "p50"))
        return
    assert reduce(points, "mean") == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert reduce(points, "max") == max(values)
    assert reduce(points, "min") == min(values)
    assert reduce(points, "sum") == pytest.approx(math.fsum(values))
    newest = max(at for one in points for at, _ in one)
    last = [value for one in points for at, value in one if at == newest]
    assert reduce(points, "last") == pytest.approx(statistics.fmean(last), rel=1e-9, abs=1e-6)


@given(POINTS, st.sampled_from([0, 5, 50, 90, 95, 99, 99.9, 100]))
def test_quantiles_are_numpys(points: list[tuple[tuple[float, float], ...]], percent: float) -> None:
    values = pooled(points)
    found = reduce(points, f"p{percent:g}")
    if values:
        assert found == pytest.approx(float(np.percentile(values, percent)), rel=1e-9, abs=1e-3)
    else:
        assert found is None


@pytest.mark.parametrize("how", ["", "avg", "median", "p", "p101", "p-1", "P50", "p1e1", "mean "])
def test_another_word_is_refused_by_name(how: str) -> None:
    assert not is_reduction(how)
    with pytest.raises(ValueError, match="mean, max, min, sum, last or p0 to p100"):
        reduce([], how)


def test_numbers_too_large_for_a_sum_are_no_value() -> None:
    points = [((0.0, 1.7e308), (1.0, 1.7e308))]
    assert reduce(points, "sum") is None
    assert reduce(points, "max") == 1.7e308

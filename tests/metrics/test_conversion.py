"""From Datadog's unit to the metric's: what is converted, what is warned of, what is refused."""

from typing import Any

import pytest

from dogdriver.metrics.units import conversion
from dogdriver.model import Better, Metric, Reading, Series

SECOND = ("second", "time", 1.0)
PERCENT = ("percent", "percentage", 1.0)
REQUEST = ("request", "network", 1.0)
PER_MINUTE = ("request/minute", "network/time", 1 / 60)
COUNT = "sum:aws.elb.request_count{app:x}.as_count()"
RATE = "sum:aws.elb.request_count{app:x}.as_rate()"


def reading(query: str = "avg:m{*}", unit: Any = None, *, in_part: bool = False) -> Reading:
    name, family, scale = unit or (None, None, None)
    return Reading(query, (Series("*", ((0.0, 1.0),)),), 60.0, name, family, scale, in_part)


def metric(unit: str) -> Metric:
    return Metric("m", "M", unit, Better.LOWER, query="avg:m{*}")


@pytest.mark.parametrize(
    ("read", "unit", "factor"),
    [
        (reading(unit=SECOND), "ms", 1000.0),
        (reading(unit=PER_MINUTE), "1/s", 1 / 60),
        (reading(RATE, REQUEST), "1/s", 1.0),
        (reading(RATE), "1/s", 1.0),
        (reading(COUNT, REQUEST), "1/s", 1 / 60),
        (reading(COUNT), "rps", 1 / 60),
        (reading(COUNT + ".rollup(sum, 60)"), "rps", 1 / 60),
        (reading("sum:a.b{x:y} by {host}.as_count()"), "rps", 1 / 60),
        (reading(COUNT, REQUEST), "requests", 1.0),
        (reading(unit=REQUEST), "apples", 1.0),
    ],
)
def test_what_is_known_is_converted_without_a_warning(read: Reading, unit: str, factor: float) -> None:
    found = conversion(read, metric(unit), 60.0)
    assert found.factor == pytest.approx(factor)
    assert found.warning is None


@pytest.mark.parametrize(
    ("read", "unit", "warning"),
    [
        (reading(), "ms", "Datadog gives no unit, taken to be ms"),
        (reading(unit=REQUEST), "1/s", "Datadog gives request, taken to be 1/s; with .as_rate() it would be sure"),
        (
            reading(unit=PERCENT, in_part=True),
            "%",
            "some series come without a unit, taken to be percent as the others",
        ),
    ],
)
def test_what_is_taken_as_it_is_is_warned_of(read: Reading, unit: str, warning: str) -> None:
    found = conversion(read, metric(unit), 60.0)
    assert (found.factor, found.warning) == (1.0, warning)


@pytest.mark.parametrize(
    ("read", "unit", "why"),
    [
        (reading(unit=PERCENT), "ms", "Datadog gives percent, the metric is declared in ms"),
        (reading(unit=SECOND), "1/s", "Datadog gives second, the metric is declared in 1/s"),
        (reading(f"{COUNT} / {COUNT}"), "1/s", "the query gives counts, the metric is declared in 1/s"),
        (reading(f"default_zero({COUNT})"), "1/s", "the query gives counts, the metric is declared in 1/s"),
        (reading(unit=SECOND, in_part=True), "ms", "some series come in second, others without a unit"),
    ],
)
def test_what_cannot_be_converted_is_no_value(read: Reading, unit: str, why: str) -> None:
    found = conversion(read, metric(unit), 60.0)
    assert found.factor is None
    assert found.warning is not None
    assert found.warning.startswith(why)

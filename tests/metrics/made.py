"""Readings of a run of ten minutes, and what they amount to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dogdriver.metrics.settle import assess
from dogdriver.model import Better, Metric, MetricValue, Reading, Series, Window

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

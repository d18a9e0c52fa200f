"""Change points anywhere, and the trend."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dogdriver.verdict import Better, Outcome, Sample, find_changes, trend
from dogdriver.verdict.segment_sums import WhitenedSums
from dogdriver.verdict.series import Floats
from tests.verdict.history import START, history, noisy, with_change

DATA = Path(__file__).parents[1] / "data" / "series"


def test_no_step_no_change() -> None:
    assert find_changes(history(noisy(1, 240), 10), better=Better.LOWER) == []
    assert find_changes([], better=Better.LOWER) == []
    assert find_changes(history([3.0] * 100), better=Better.LOWER) == []


def test_a_step_is_found_with_its_size_its_place_and_its_release() -> None:
    values = noisy(2, 240)
    values[120:] *= 1.10
    (change,) = find_changes(history(values, 10), better=Better.LOWER)
    assert change.index == 120
    assert change.at == START + timedelta(hours=120)
    assert change.release == "r012"
    assert change.effect == pytest.approx(0.10, abs=0.02)
    assert change.low < change.effect < change.high
    assert change.p < 1e-6


def test_a_step_that_starts_with_no_release_is_nobodys() -> None:
    values = noisy(3, 240)
    values[125:] *= 1.10
    (change,) = find_changes(history(values, 10), better=Better.LOWER)
    assert abs(change.index - 125) <= 1
    assert change.release is None


def test_steps_up_and_down_again_are_both_found() -> None:
    values = noisy(4, 240)
    values[80:160] *= 1.08
    found = find_changes(history(values, 10), better=Better.LOWER)
    assert [c.release for c in found] == ["r008", "r016"]
    assert found[0].effect > 0 > found[1].effect


def test_a_step_of_less_than_the_least_effect_is_not_told() -> None:
    values = noisy(5, 240, sd=0.002)
    values[120:] *= 1.01
    assert find_changes(history(values, 10), better=Better.LOWER) == []
    assert len(find_changes(history(values, 10), better=Better.LOWER, min_effect=0.005)) == 1


def test_places_count_runs_without_a_value_too() -> None:
    values: list[float | None] = [float(v) for v in noisy(6, 120, sd=0.01)]
    for i in range(60, 120):
        values[i] = (values[i] or 0) * 1.2
    values[10] = values[11] = None
    (change,) = find_changes(history(values, 10), better=Better.LOWER)
    assert change.index == 60


def test_drift_and_a_daily_cycle_are_no_steps() -> None:
    hours = np.arange(240)
    assert find_changes(history(noisy(7, 240) * np.exp(0.001 * hours), 10), better=Better.LOWER) == []
    cycle = noisy(8, 240, sd=0.01) * np.exp(0.06 * np.sin(2 * np.pi * hours / 24))
    assert find_changes(history(cycle, 10), better=Better.LOWER) == []


@pytest.mark.parametrize("seed", range(4))
def test_steps_that_undo_a_drift_are_found_beside_it(seed: int) -> None:
    values = noisy(20 + seed, 240, sd=0.02) * np.exp(0.0005 * np.arange(240))
    values[50:] *= 0.95
    values[160:] *= 0.95
    found = find_changes(history(values, 10), better=Better.LOWER)
    assert len(found) == 2
    assert all(abs(c.index - place) <= 5 for c, place in zip(found, (50, 160), strict=True))
    assert all(-0.08 < c.effect < -0.02 for c in found)


def test_steps_under_autocorrelated_noise_are_told_from_it() -> None:
    found = false = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        noise = np.empty(240)
        noise[0] = rng.standard_normal()
        for i in range(1, 240):
            noise[i] = 0.8 * noise[i - 1] + 0.6 * rng.standard_normal()
        values = 100 * np.exp(0.03 * noise)
        false += len(find_changes(history(values, 10), better=Better.LOWER))
        values[120:] *= 1.08
        found += any(abs(c.index - 120) <= 5 for c in find_changes(history(values, 10), better=Better.LOWER))
    assert false <= 2
    assert found >= 15


def test_what_steps_all_the_time_has_no_steps() -> None:
    values = np.repeat(np.random.default_rng(9).uniform(50, 150, 40), 6) * noisy(9, 240, sd=0.001) / 100
    assert find_changes(history(values, 10), better=Better.LOWER) == []


def test_the_fast_gain_is_that_of_generalised_least_squares() -> None:
    rng = np.random.default_rng(10)
    values, phi, runs, sub = rng.standard_normal(30), 0.6, 30, (4, 27)
    values -= values.mean()
    covariance = phi ** np.abs(np.subtract.outer(np.arange(runs), np.arange(runs)))
    start, end = sub
    inverse = np.linalg.inv(covariance[start:end, start:end])
    fast = WhitenedSums(values, phi)
    own = values[start:end]

    def left(columns: Floats) -> float:
        fitted = columns @ np.linalg.solve(columns.T @ inverse @ columns, columns.T @ inverse @ own)
        return float((own - fitted) @ inverse @ (own - fitted))

    level: Floats = np.ones((end - start, 1))
    for place in (7, 15, 24):
        step: Floats = np.column_stack([level[:, 0], np.arange(start, end) >= place])
        gain = fast.fit_steps(np.array(start), np.array(end), np.array(place)).gain
        assert float(gain) == pytest.approx(left(level) - left(step), rel=1e-9)
        assert float(fast.residual_squares(np.array(start), np.array(end))) == pytest.approx(left(level), rel=1e-9)


def test_the_known_step_of_a_real_benchmark_history_is_found() -> None:
    """TigerBeetle's nightly runs: up by about 15 % near run 71, down again near run 95, as anybody sees."""
    values = json.loads((DATA / "tigerbeetle" / "tb.json").read_text())
    start = datetime(2024, 1, 1, tzinfo=UTC)
    samples = [Sample(start + i * timedelta(days=1), "1.0", float(v)) for i, v in enumerate(values)]
    found = find_changes(samples, better=Better.LOWER)
    assert any(abs(c.index - 71) <= 2 and c.effect > 0.10 for c in found)
    assert len(found) <= 12
    assert all(c.release is None for c in found)


@pytest.mark.parametrize(("name", "place"), [("nile", 28), ("quality_control_1", 144), ("quality_control_2", 98)])
def test_real_series_with_one_agreed_step(name: str, place: int) -> None:
    values = json.loads((DATA / "tcpd" / f"{name}.json").read_text())["series"][0]["raw"]
    start = datetime(2000, 1, 1, tzinfo=UTC)
    samples = [Sample(start + i * timedelta(days=1), "1.0", v) for i, v in enumerate(values)]
    (change,) = find_changes(samples, better=Better.LOWER)
    assert abs(change.index - place) <= 5


def test_a_real_series_without_a_step_has_none() -> None:
    values = json.loads((DATA / "tcpd" / "quality_control_5.json").read_text())["series"][0]["raw"]
    samples = history(values, 10, timedelta(days=1))
    assert find_changes(samples, better=Better.LOWER) == []


def test_a_bad_least_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="min_effect"):
        find_changes([], better=Better.LOWER, min_effect=-0.1)


def test_a_trend_is_the_way_from_the_first_run_to_the_last() -> None:
    hours = np.arange(200)
    up = trend(history(noisy(11, 200) * np.exp(0.001 * hours), 10), better=Better.LOWER)
    assert up.outcome is Outcome.REGRESSED
    assert up.effect == pytest.approx(np.expm1(0.2), abs=0.04)
    assert up.low is not None
    assert up.high is not None
    assert up.effect is not None
    assert up.low < up.effect < up.high
    flat = trend(history(noisy(12, 400, sd=0.01), 10), better=Better.LOWER)
    assert flat.outcome is Outcome.UNCHANGED


def test_a_trend_follows_steps_and_the_chosen_period() -> None:
    values = noisy(13, 200, sd=0.01)
    values[100:] *= 1.2
    samples = history(values, 10)
    whole = trend(samples, better=Better.HIGHER)
    assert whole.outcome is Outcome.IMPROVED
    assert whole.effect == pytest.approx(0.2, abs=0.03)
    before = trend(samples, better=Better.HIGHER, until=samples[99].at)
    assert (before.runs, before.until) == (100, samples[99].at)
    assert before.outcome is not Outcome.IMPROVED
    few = trend(samples[:3], better=Better.HIGHER)
    assert (few.outcome, few.effect) == (Outcome.TOO_FEW_RUNS, None)


@pytest.mark.parametrize("seed", range(8))
def test_the_trend_of_a_short_series_with_one_clean_step_has_an_interval_that_says_something(seed: int) -> None:
    found = trend(history(with_change(noisy(seed, 18, sd=0.02), 9, 0.25), per_release=9), better=Better.LOWER)
    assert found.outcome is Outcome.REGRESSED
    assert found.low is not None
    assert found.high is not None
    assert 0.05 < found.low < found.high < 0.6

"""One look at one release."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from dogdriver.verdict import Better, Outcome, Sample, judge
from tests.verdict.history import START, history, noisy, with_change

LAST = "r011"


def test_a_slow_release_is_called_regressed_with_its_size_and_a_sentence() -> None:
    verdict = judge(history(with_change(noisy(1, 120), 10, 0.10), 10), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.effect == pytest.approx(0.10, abs=0.03)
    low, effect, high = verdict.low, verdict.effect, verdict.high
    assert low is not None
    assert effect is not None
    assert high is not None
    assert 0 < low < effect < high
    assert verdict.p is not None
    assert verdict.p < 0.01
    assert (verdict.runs, verdict.baseline_runs) == (10, 110)
    assert verdict.baseline_releases == tuple(f"r{i:03d}" for i in range(11))
    assert verdict.reason.startswith("+")
    assert "this is worse" in verdict.reason


def test_nothing_changed_is_called_unchanged_and_not_merely_undecided() -> None:
    verdict = judge(history(noisy(2, 240, sd=0.01), 20), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.UNCHANGED
    assert verdict.low is not None
    assert verdict.high is not None
    assert -0.03 < verdict.low < verdict.high < 0.03
    assert "within the margin" in verdict.reason


def test_undecided_says_what_could_have_been_seen_and_how_many_runs_it_takes() -> None:
    verdicts = [judge(history(with_change(noisy(i, 60), 5, 0.04)), LAST, better=Better.LOWER) for i in range(30)]
    undecided = [v for v in verdicts if v.outcome is Outcome.UNDECIDED]
    assert undecided
    for verdict in undecided:
        assert verdict.smallest_visible is not None
        assert verdict.smallest_visible > 0.03
        assert "Can't tell yet" in verdict.reason
    said = [v for v in undecided if v.runs_needed]
    assert said
    assert all(f"{v.runs_needed} more run" in v.reason for v in said)


def test_a_quieter_series_shows_smaller_changes() -> None:
    loud = judge(history(noisy(3, 60, sd=0.05)), LAST, better=Better.LOWER)
    quiet = judge(history(noisy(3, 60, sd=0.01)), LAST, better=Better.LOWER)
    assert loud.smallest_visible is not None
    assert quiet.smallest_visible is not None
    assert quiet.smallest_visible < loud.smallest_visible / 1.5


@pytest.mark.parametrize(("runs", "needed"), [(0, 3), (1, 2), (2, 1)])
def test_fewer_than_three_runs_are_too_few(runs: int, needed: int) -> None:
    samples = history(noisy(4, 55))
    samples += [Sample(START + timedelta(days=9, hours=i), LAST, 100.0) for i in range(runs)]
    samples.append(Sample(START + timedelta(days=10), LAST, None))
    verdict = judge(samples, LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.TOO_FEW_RUNS
    assert (verdict.runs, verdict.runs_needed, verdict.effect, verdict.p) == (runs, needed, None, None)
    assert verdict.reason.endswith(".")


def test_the_first_release_has_nothing_to_be_compared_with() -> None:
    verdict = judge(history(noisy(5, 10), 10), "r000", better=Better.LOWER)
    assert verdict.outcome is Outcome.TOO_FEW_RUNS
    assert verdict.runs_needed is None


def test_an_unknown_release_and_no_samples_at_all_are_too_few_runs() -> None:
    assert judge([], "x", better=Better.LOWER).outcome is Outcome.TOO_FEW_RUNS
    assert judge(history(noisy(5, 10)), "x", better=Better.LOWER).outcome is Outcome.TOO_FEW_RUNS


def test_later_releases_do_not_touch_the_verdict() -> None:
    values = noisy(6, 80)
    assert judge(history(values), LAST, better=Better.LOWER) == judge(history(values[:60]), LAST, better=Better.LOWER)


def test_missing_values_are_not_zeros() -> None:
    samples = history(noisy(7, 60, sd=0.01))
    holed = [replace(s, value=None) if i % 4 == 0 else s for i, s in enumerate(samples)]
    verdict = judge(holed, LAST, better=Better.LOWER)
    assert verdict.outcome in {Outcome.UNCHANGED, Outcome.UNDECIDED}
    assert verdict.effect == pytest.approx(0, abs=0.02)


def test_a_constant_series_is_unchanged_and_a_constant_step_is_not() -> None:
    flat = judge(history([5.0] * 60), LAST, better=Better.LOWER)
    assert (flat.outcome, flat.effect) == (Outcome.UNCHANGED, 0.0)
    assert flat.p == pytest.approx(1.0)
    step = judge(history([5.0] * 55 + [6.0] * 5), LAST, better=Better.LOWER)
    assert step.outcome is Outcome.REGRESSED
    assert step.effect == pytest.approx(0.2)
    zeros = judge(history([0.0] * 60), LAST, better=Better.LOWER)
    assert (zeros.outcome, zeros.effect) == (Outcome.UNCHANGED, 0.0)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_extreme_sizes_are_numbers_like_others(size: float) -> None:
    values = with_change(noisy(8, 120), 10, 0.10) / 100 * size
    verdict = judge(history(values, 10), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.effect == pytest.approx(0.10, abs=0.04)


def test_negative_values_are_measured_by_their_typical_size() -> None:
    values = -with_change(noisy(9, 120), 10, 0.10)
    verdict = judge(history(values, 10), LAST, better=Better.HIGHER)
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.effect == pytest.approx(-0.10, abs=0.03)


def test_one_outlier_makes_no_verdict() -> None:
    values = noisy(10, 60, sd=0.01)
    values[-2] *= 20
    assert judge(history(values), LAST, better=Better.LOWER).outcome in {Outcome.UNCHANGED, Outcome.UNDECIDED}


def test_a_step_inside_the_release_is_not_its_doing() -> None:
    values = with_change(noisy(11, 120, sd=0.02), 6, 0.15)
    verdict = judge(history(values, 10), LAST, better=Better.LOWER)
    assert verdict.outcome not in {Outcome.REGRESSED, Outcome.IMPROVED}
    assert "not this release's doing" in verdict.reason
    assert "4 runs after this release started" in verdict.reason


def test_a_step_just_before_the_release_is_not_its_doing() -> None:
    values = with_change(noisy(12, 120, sd=0.02), 13, 0.15)
    assert judge(history(values, 10), LAST, better=Better.LOWER).outcome is not Outcome.REGRESSED


def test_a_daily_cycle_is_no_regression() -> None:
    rng = np.random.default_rng(13)
    hours = np.arange(120)
    values = 100 * np.exp(0.05 * np.sin(2 * np.pi * hours / 24) + 0.01 * rng.standard_normal(120))
    assert judge(history(values, 10), LAST, better=Better.LOWER).outcome is Outcome.UNCHANGED
    assert judge(history(with_change(values, 10, 0.05), 10), LAST, better=Better.LOWER).outcome is Outcome.REGRESSED


def test_releases_that_differ_make_it_careful() -> None:
    rng = np.random.default_rng(14)
    steady = noisy(14, 120, sd=0.01)
    differing = steady * np.exp(np.repeat(0.03 * rng.standard_normal(12), 10))
    calm = judge(history(steady, 10), LAST, better=Better.LOWER)
    wary = judge(history(differing, 10), LAST, better=Better.LOWER)
    assert calm.noise.wobble is not None
    assert wary.noise.wobble is not None
    assert wary.noise.wobble > 5 * calm.noise.wobble
    assert (wary.high or 0) - (wary.low or 0) > 3 * ((calm.high or 0) - (calm.low or 0))


def test_slow_drift_since_a_pinned_release_is_seen_whole() -> None:
    values = np.concatenate([noisy(20 + i, 10, sd=0.01) * 1.018**i for i in range(7)])
    samples = history(values, 10)
    alone = judge(samples, "r006", better=Better.LOWER)
    together = judge(samples, "r006", better=Better.LOWER, baseline="r000")
    assert alone.outcome is not Outcome.REGRESSED
    assert together.outcome is Outcome.REGRESSED
    assert together.effect == pytest.approx(1.018**6 - 1, abs=0.03)
    assert together.baseline_releases == ("r000",)
    assert "together +1" in together.reason
    assert "since r000" in together.reason


def test_a_release_is_no_baseline_of_itself() -> None:
    assert judge(history(noisy(15, 60)), LAST, better=Better.LOWER, baseline=LAST).outcome is Outcome.TOO_FEW_RUNS


def test_a_release_that_came_back_is_judged_against_what_was_before_it_was_first_seen() -> None:
    values = noisy(16, 30)
    names = ["a"] * 10 + ["b"] * 10 + ["a"] * 10
    samples = [
        Sample(START + timedelta(hours=i), n, float(v)) for i, (n, v) in enumerate(zip(names, values, strict=True))
    ]
    assert judge(samples, "b", better=Better.LOWER).baseline_releases == ("a",)
    assert judge(samples, "a", better=Better.LOWER).outcome is Outcome.TOO_FEW_RUNS


def test_thousands_of_releases_are_judged_by_the_newest() -> None:
    samples = history(noisy(17, 6000), 3)
    verdict = judge(samples, "r1999", better=Better.LOWER)
    assert len(verdict.baseline_releases) == 20
    assert verdict.baseline_runs == 60


@pytest.mark.parametrize("bad", [{"margin": -1.0}, {"margin": float("nan")}, {"alpha": 0.0}, {"power": 1.0}])
def test_bad_parameters_are_refused_in_a_sentence(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give a"):
        judge([], "x", better=Better.LOWER, **bad)  # type: ignore[arg-type]  # a mapping of floats is what it takes


def test_the_same_question_gets_the_same_answer() -> None:
    samples = history(noisy(18, 60))
    assert judge(samples, LAST, better=Better.LOWER) == judge(samples, LAST, better=Better.LOWER)


def test_false_verdicts_stay_rare_and_true_ones_are_found() -> None:
    """A coarse guard: 200 histories; the bench has the real table."""
    called = {Outcome.REGRESSED, Outcome.IMPROVED}
    false = found = missed = 0
    for seed in range(200):
        values = noisy(1000 + seed, 60)
        false += judge(history(values), LAST, better=Better.LOWER).outcome in called
        outcome = judge(history(with_change(values, 5, 0.05)), LAST, better=Better.LOWER).outcome
        found += outcome is Outcome.REGRESSED
        missed += outcome is Outcome.UNCHANGED
    assert false <= 6
    assert found >= 110
    assert missed <= 4

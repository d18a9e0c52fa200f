"""Series that are no bell curves: counts of mostly zero, rounded numbers, many time zones, releases that differ."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats

from dogdriver.verdict import Better, EffectScale, Outcome, Sample, judge
from dogdriver.verdict.robust import hypergeometric_tail, tied_p
from tests.verdict.history import START, history, noisy, with_change

LAST = "r011"
CALLED = {Outcome.REGRESSED, Outcome.IMPROVED}


@pytest.mark.parametrize("rate", [0.05, 0.15])
@pytest.mark.parametrize("runs", [3, 10])
def test_a_rare_error_is_no_regression(rate: float, runs: int) -> None:
    false = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors = np.where(rng.random(12 * runs) < rate, rng.exponential(0.02, 12 * runs), 0.0)
        false += judge(history(errors, runs), LAST, better=Better.LOWER).outcome in CALLED
    assert false <= 1


def test_errors_in_every_run_of_a_release_are_one() -> None:
    quiet = np.where(np.random.default_rng(1).random(55) < 0.1, 0.01, 0.0)
    verdict = judge(history([*quiet, 0.02, 0.03, 0.02, 0.01, 0.02]), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.scale is EffectScale.DIFFERENCE
    assert verdict.effect == pytest.approx(0.02, abs=0.002)


def test_two_odd_runs_among_equal_ones_prove_nothing() -> None:
    verdict = judge(history([12] * 55 + [13, 12, 13, 12, 12]), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.p == pytest.approx(2 * 10 / 1770, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_chance_among_ties_is_fishers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    marked, own = rng.random(80) < 0.3, np.arange(80) >= 70
    inside, outside = int((marked & own).sum()), int((marked & ~own).sum())
    table = np.array([[inside, 10 - inside], [outside, 70 - outside]])
    assert hypergeometric_tail(marked, own) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)


def test_ties_are_asked_about_only_where_runs_scatter_about_a_usual_value() -> None:
    release, own = np.repeat(np.arange(12), 5), np.arange(60) >= 55
    assert tied_p(noisy(1, 60), release, own, up=True) is None
    assert tied_p(np.where(own, 2.0, 1.0), release, own, up=True) is None


def test_a_step_one_run_early_is_neither_unchanged_nor_the_releases_doing() -> None:
    samples = history([12.0] * 20 + [13.0] + [12.0] * 33 + [13.0] * 6)
    verdict = judge(samples, LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "1 run before this release started" in verdict.reason


@pytest.mark.parametrize("sd", [0.0, 0.001])
def test_releases_that_differ_far_more_than_their_runs_make_it_careful(sd: float) -> None:
    false = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        values = noisy(seed, 60, sd=sd) * np.repeat(np.exp(0.02 * rng.standard_normal(12)), 5)
        false += judge(history(values), LAST, better=Better.LOWER).outcome in CALLED
    assert false <= 3


def test_a_moment_is_a_moment_whatever_its_zone() -> None:
    samples = history(with_change(noisy(2, 60), 5, 0.08), every=timedelta(hours=2))
    zones = [UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-7)), None]
    moved = [
        replace(s, at=s.at.astimezone(zone) if (zone := zones[i % 4]) else s.at.replace(tzinfo=None))
        for i, s in enumerate(samples)
    ]
    assert judge(moved, LAST, better=Better.LOWER) == judge(samples, LAST, better=Better.LOWER)


def test_a_zones_own_clock_does_not_move_runs() -> None:
    """Over the end of March the clocks of Berlin are put forward: as many seconds pass as by UTC."""
    samples = history(noisy(3, 120), 10, timedelta(hours=6))
    berlin = [replace(s, at=s.at.astimezone(ZoneInfo("Europe/Berlin"))) for s in samples]
    assert judge(berlin, LAST, better=Better.LOWER) == judge(samples, LAST, better=Better.LOWER)


def test_a_stray_zero_does_not_change_what_a_change_is_relative_to() -> None:
    values = np.concatenate([noisy(4, 10), 3 * noisy(5, 20)])
    values[15] = 0.0
    samples = [Sample(START + timedelta(hours=i), "a" if i < 10 else "b", float(v)) for i, v in enumerate(values)]
    for baseline in (None, "a"):
        verdict = judge(samples, "b", better=Better.LOWER, baseline=baseline)
        assert verdict.effect == pytest.approx(2.0, abs=0.15)


def test_a_tenfold_gain_has_a_chance_that_is_one() -> None:
    verdict = judge(history(with_change(noisy(6, 60), 5, -0.9)), LAST, better=Better.LOWER)
    assert verdict.p is not None
    assert 0 <= verdict.p < 1e-9


def test_the_sentence_of_unchanged_names_the_interval_that_is_within_the_margin() -> None:
    verdict = judge(history(noisy(1000, 120, sd=0.025), 10), LAST, better=Better.LOWER)
    assert verdict.outcome is Outcome.UNCHANGED
    assert verdict.high is not None
    assert "with 90 % confidence between" in verdict.reason
    assert "-0.0 %" not in judge(history([5.0] * 60), LAST, better=Better.LOWER).reason


@pytest.mark.parametrize(
    ("release", "baseline", "said"),
    [
        (LAST, "nope", "no run of release nope"),
        (LAST, LAST, "cannot be compared with itself"),
        ("r000", None, "Release r000 is the first one with a run that counts: there is nothing to compare it with"),
    ],
)
def test_what_cannot_be_compared_is_said(release: str, baseline: str | None, said: str) -> None:
    verdict = judge(history(noisy(7, 60)), release, better=Better.LOWER, baseline=baseline)
    assert verdict.outcome is Outcome.TOO_FEW_RUNS
    assert said in verdict.reason


def test_undecided_says_how_many_runs_more_or_why_none_would_do() -> None:
    told = untold = 0
    for seed in range(30):
        verdict = judge(history(with_change(noisy(seed, 60), 5, 0.03)), LAST, better=Better.LOWER)
        if verdict.outcome is Outcome.UNDECIDED:
            told += verdict.runs_needed is not None
            untold += verdict.runs_needed is None
    assert told > 4 * untold
    rng = np.random.default_rng(8)
    differing = noisy(8, 120, sd=0.005) * np.exp(np.repeat(0.03 * rng.standard_normal(12), 10))
    few = judge(history(noisy(9, 6, sd=0.05), 3), "r001", better=Better.LOWER)
    for verdict, why in (
        (judge(history(differing, 10), LAST, better=Better.LOWER), "although nothing changed"),
        (few, "single runs scatter by"),
        (judge(history([5.0] * 60), LAST, better=Better.LOWER, margin=0), "with a margin of 0"),
    ):
        assert (verdict.outcome, verdict.runs_needed) == (Outcome.UNDECIDED, None)
        assert why in verdict.reason
        assert "the smallest change that these runs could show" in verdict.reason

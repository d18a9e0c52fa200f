"""How often the verdicts are wrong, measured on halves of releases."""

import numpy as np
import pytest
from scipy.stats import binomtest

from dogdriver.verdict import Better, FalseAlarms, Outcome, count_false_alarms, judge_halves
from tests.verdict.history import history, noisy, with_change

CALLED = {Outcome.REGRESSED, Outcome.IMPROVED}


def test_the_halves_of_a_release_are_hardly_ever_called_different() -> None:
    said = [judge_halves(history(noisy(seed, 80), 10), "r007", better=Better.LOWER) for seed in range(40)]
    assert None not in said
    assert sum(one in CALLED for one in said) <= 2


def test_a_release_that_is_slower_than_those_before_is_no_false_alarm() -> None:
    slower = with_change(noisy(3, 80, sd=0.01), 10, 0.2)
    assert judge_halves(history(slower, 10), "r007", better=Better.LOWER) not in CALLED


def test_a_level_that_changes_inside_the_release_is_one() -> None:
    changed = with_change(noisy(3, 80, sd=0.005), 5, 0.2)
    assert judge_halves(history(changed, 10), "r007", better=Better.LOWER) is Outcome.REGRESSED
    assert judge_halves(history(changed, 10), "r007", better=Better.HIGHER) is Outcome.IMPROVED


def test_a_daily_cycle_is_known_from_the_history() -> None:
    hours = np.arange(120)
    said = [
        judge_halves(history(noisy(s, 120, 0.01) * np.exp(0.04 * np.sin(hours / 24 * 2 * np.pi)), 10), "r011",
                     better=Better.LOWER)
        for s in range(10)
    ]  # fmt: skip
    assert not CALLED & set(said)


def test_later_releases_have_no_say() -> None:
    samples = history(noisy(4, 80), 10)
    assert judge_halves(samples[:60], "r005", better=Better.LOWER) == judge_halves(samples, "r005", better=Better.LOWER)


@pytest.mark.parametrize("runs", [0, 3, 5])
def test_too_few_runs_have_no_halves(runs: int) -> None:
    assert judge_halves(history(noisy(1, 20 + runs), 20), "r001", better=Better.LOWER) is None


def test_the_first_release_has_halves_too() -> None:
    assert judge_halves(history(noisy(1, 10), 10), "r000", better=Better.LOWER) is not None


@pytest.mark.parametrize(("called", "halves"), [(0, 24), (1, 24), (5, 40), (7, 7)])
def test_the_interval_is_clopper_and_pearson_s(called: int, halves: int) -> None:
    found = FalseAlarms(called, halves, halves)
    exact = binomtest(called, halves).proportion_ci(0.90, method="exact")
    assert found.low == pytest.approx(exact.low)
    assert found.high == pytest.approx(exact.high)
    assert found.rate == called / halves


def test_metrics_of_one_release_are_one_observation() -> None:
    outcomes = [(f"1.{i}", Outcome.REGRESSED if i == 0 else Outcome.UNDECIDED) for i in range(12) for _ in range(8)]
    found = count_false_alarms(outcomes)
    assert (found.called, found.halves, found.releases) == (8, 96, 12)
    assert (found.low, found.high) == (FalseAlarms(1, 12, 12).low, FalseAlarms(1, 12, 12).high)


def test_the_sentence_says_what_was_seen_and_warns_where_it_is_surely_too_much() -> None:
    assert FalseAlarms(0, 24, 24).sentence == (
        "Checked on itself: 0 of 24 halves of releases were called different (at most 12 %)."
    )
    assert (
        FalseAlarms(0, 1, 1).sentence
        == "Checked on itself: 0 of 1 half of a release was called different (at most 95 %)."
    )
    loud = FalseAlarms(3, 24, 24)
    assert loud.too_many
    assert "at least 3.5 %" in (loud.sentence or "")
    assert FalseAlarms(0, 0, 0).sentence is None
    assert (FalseAlarms(0, 0, 0).rate, FalseAlarms(0, 0, 0).low, FalseAlarms(0, 0, 0).high) == (None, None, None)

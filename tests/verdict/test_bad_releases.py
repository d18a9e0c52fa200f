"""A history with bad releases that were reverted, a staircase, a step inside a release: the answer stays one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dogdriver.verdict import Better, Outcome, ReferenceKind, Sample, Verdict, judge

START = datetime(2026, 3, 2, tzinfo=UTC)
Levels = Sequence[tuple[str, float, int]]


def history(levels: Levels, sd: float = 0.01, seed: int = 4) -> list[Sample]:
    """Runs an hour apart, of (release, level, runs)."""
    rng = np.random.default_rng(seed)
    values = [(name, level * np.exp(sd * rng.standard_normal())) for name, level, runs in levels for _ in range(runs)]
    return [Sample(START + i * timedelta(hours=1), name, float(value)) for i, (name, value) in enumerate(values)]


def verdict(levels: Levels, **others: object) -> Verdict:
    return judge(history(levels), levels[-1][0], better=Better.LOWER, **others)  # type: ignore[arg-type] # a test's own


def good(first: int, releases: int, level: float = 100.0) -> Levels:
    return [(f"{first}.{i}", level, 6) for i in range(releases)]


@pytest.mark.parametrize("bad", [1.05, 1.1, 1.5, 3.0, 0.5])
@pytest.mark.parametrize(("level", "outcome"), [(100, Outcome.UNCHANGED), (110, Outcome.REGRESSED)])
def test_a_bad_release_that_was_reverted_leaves_later_ones_an_answer(
    bad: float, level: float, outcome: Outcome
) -> None:
    found = verdict([*good(1, 8), ("bad", 100 * bad, 6), *good(2, 4), ("J", level, 10)])
    assert found.outcome is outcome
    assert "bad" not in found.baseline_releases
    assert found.baseline_runs == 72


@pytest.mark.parametrize("before", [2, 5, 10])
def test_straight_after_a_bad_release_both_are_said(before: int) -> None:
    found = verdict([*good(1, before), ("bad", 120, 6), ("J", 100, 6)])
    last_good, previous = found.references
    assert (last_good.release, last_good.kind, last_good.outcome) == (
        f"1.{before - 1}",
        ReferenceKind.LAST_GOOD,
        Outcome.UNCHANGED,
    )
    assert (previous.release, previous.kind, previous.outcome) == ("bad", ReferenceKind.PREVIOUS, Outcome.IMPROVED)
    assert found.recovered


def test_a_release_where_the_bad_one_before_it_was_is_not_the_cause() -> None:
    levels = [*good(1, 6), ("2.0", 120.0, 6), ("2.1", 120.0, 8)]
    assert verdict(levels).outcome is Outcome.UNCHANGED
    known = verdict(levels, bad={"2.0"})
    assert (known.outcome, known.references[0].release) == (Outcome.REGRESSED, "1.5"), (
        "told: it is against the last good"
    )


def test_a_bad_release_too_short_to_be_judged_is_told_of_the_next_one() -> None:
    found = verdict([*good(1, 5), ("1.5", 115, 2), ("1.6", 115, 8)])
    assert found.outcome is Outcome.REGRESSED
    assert found.effect == pytest.approx(0.15, abs=0.02)


def test_a_level_that_many_releases_have_kept_is_usual() -> None:
    found = verdict([*good(1, 5), *good(2, 5, 120), ("J", 120, 8)])
    assert found.outcome is Outcome.UNCHANGED
    assert found.references[0].release == "2.4"


def test_a_staircase_is_no_noise_between_releases() -> None:
    stairs = [(f"1.{i}", 100 * 1.025**i, 6) for i in range(8)]
    found = judge(history(stairs, sd=0.004), "1.7", better=Better.LOWER, baseline="1.0")
    assert found.outcome is Outcome.REGRESSED
    assert found.low is not None
    assert found.low > 0.15


@pytest.mark.parametrize("after", [3, 6, 10])
def test_a_step_inside_a_release_is_told_and_the_next_one_compared_with_what_follows_it(after: int) -> None:
    levels = [*good(1, 4), ("J", 100, 6), ("J", 110, after)]
    found = verdict(levels)
    assert found.outcome is Outcome.UNCHANGED
    assert found.step is not None
    assert found.step.run == 6
    assert found.step.effect == pytest.approx(0.1, abs=0.02)
    assert verdict([*levels, ("next", 110, 6)]).outcome is Outcome.UNCHANGED


def test_releases_that_all_differ_are_not_called_bad_one_by_one() -> None:
    rng = np.random.default_rng(3)
    false = 0
    for seed in range(40):
        levels = [(f"{i:02}", 100 * float(np.exp(0.02 * rng.standard_normal())), 5) for i in range(12)]
        found = judge(history(levels, sd=0.001, seed=seed), "11", better=Better.LOWER)
        false += found.outcome in {Outcome.REGRESSED, Outcome.IMPROVED}
    assert false <= 3

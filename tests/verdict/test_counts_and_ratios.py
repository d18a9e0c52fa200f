"""Where zero is normal, and where a share is near one: what is said, whichever run was odd."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np
import pytest

from dogdriver.model import Kind
from dogdriver.verdict import Better, EffectScale, Outcome, Sample, Verdict, headline, judge
from dogdriver.verdict.wording import chance
from tests.verdict.history import START

CALLED = {Outcome.REGRESSED, Outcome.IMPROVED}


def pieces(*releases: tuple[str, Iterable[float]]) -> list[Sample]:
    values = [(name, float(value)) for name, found in releases for value in found]
    return [Sample(START + timedelta(hours=i), name, value) for i, (name, value) in enumerate(values)]


def split(rng: np.random.Generator, runs: int, some: int) -> Sequence[float]:
    return list(rng.permutation(np.arange(runs) < some).astype(float))


@pytest.mark.parametrize("kind", [Kind.VALUE, Kind.COUNT])
@pytest.mark.parametrize("earlier", [1, 2, 3, 5])
def test_errors_where_there_were_none_are_told_in_errors(earlier: int, kind: Kind) -> None:
    history = pieces(*((f"1.{i}", [0] * 5) for i in range(earlier)), ("J", [1, 4, 2, 3, 1]))
    verdict = judge(history, "J", better=Better.LOWER, kind=kind, unit="errors")
    assert (verdict.outcome, verdict.scale) == (Outcome.REGRESSED, EffectScale.DIFFERENCE)
    assert verdict.before == 0
    assert verdict.after == verdict.effect == pytest.approx(2.2)
    assert "from 0 to 2.2 errors" in verdict.reason
    assert "%" not in verdict.reason


def test_an_error_or_two_more_than_none_are_left_open() -> None:
    few = judge(pieces(("a", [0] * 6), ("b", [0, 1, 2, 1, 0, 0])), "b", better=Better.LOWER)
    one = judge(pieces(("a", [0] * 12), ("b", [0, 0, 0.05, 0, 0, 0])), "b", better=Better.LOWER)
    assert {few.outcome, one.outcome} == {Outcome.UNDECIDED}
    assert few.effect == pytest.approx(4 / 6)
    assert one.effect == pytest.approx(0.05 / 6)


def test_failures_in_every_run_where_there_were_none_are_a_regression() -> None:
    after = [0.05, 0.05, 0.017, 0.017, 0.017, 0.05, 0.033, 0.05, 0.05, 0.133]
    history = pieces(("a", [0] * 10), ("b", after))
    verdict = judge(history, "b", better=Better.LOWER, kind=Kind.RATIO, unit="ratio")
    assert verdict.outcome is Outcome.REGRESSED
    assert "from 0 to 4.67 %" in verdict.reason


@pytest.mark.parametrize("releases", [1, 7, 21])
def test_four_times_the_runs_with_an_error_are_found_among_many(releases: int) -> None:
    rng = np.random.default_rng(releases)
    before = np.split(np.array(split(rng, 210, 17)), releases)
    verdict = judge(
        pieces(*((f"r{i}", found) for i, found in enumerate(before)), ("J", split(rng, 210, 64))),
        "J",
        better=Better.LOWER,
    )
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.p is not None
    assert verdict.p < 1e-3


def test_releases_whose_rates_differ_are_reckoned_with() -> None:
    false = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rates = 2 * np.exp(0.5 * rng.standard_normal(12))
        history = pieces(*((f"r{i:02}", rng.poisson(rate, 10)) for i, rate in enumerate(rates)))
        false += judge(history, "r11", better=Better.LOWER, kind=Kind.COUNT).outcome in CALLED
    assert false <= 3


def test_it_does_not_matter_which_run_was_odd() -> None:
    def said(odd: int) -> Verdict:
        before = [float(i == odd) for i in range(6)]
        return judge(pieces(("a", before), ("b", [0] * 6), ("c", [1, 2, 0, 3, 2, 2])), "c", better=Better.LOWER)

    first, *others = [said(odd) for odd in range(6)]
    assert first.outcome is Outcome.REGRESSED
    for other in others:
        assert (other.outcome, other.effect, other.p, other.before) == (
            first.outcome, first.effect, first.p, first.before
        )  # fmt: skip


@pytest.mark.parametrize(("unit", "whole"), [("%", 100.0), ("ratio", 1.0), ("", 1.0)])
def test_a_share_of_successes_is_judged_by_its_failures(unit: str, whole: float) -> None:
    rng = np.random.default_rng(4)

    def release(failures: float) -> list[float]:
        return list(whole * (1 - failures * np.exp(0.1 * rng.standard_normal(8))))

    history = pieces(*((f"r{i}", release(0.0002)) for i in range(5)), ("J", release(0.01)))
    verdict = judge(history, "J", better=Better.HIGHER, kind=Kind.RATIO, unit=unit)
    assert (verdict.outcome, verdict.scale) == (Outcome.REGRESSED, EffectScale.FAILURES)
    assert verdict.effect == pytest.approx(49, rel=0.15)
    assert verdict.before == pytest.approx(0.9998 * whole, abs=1e-4 * whole)
    assert "times the failures" in verdict.reason
    assert "times the failures" in headline({"Success": verdict}).sentence


@pytest.mark.parametrize(("unit", "whole"), [("%", 100.0), ("ratio", 1.0)])
def test_runs_without_a_failure_are_no_obstacle(unit: str, whole: float) -> None:
    rng = np.random.default_rng(5)
    before = [(f"r{i}", whole - whole * 0.0002 * rng.poisson(0.6, 8)) for i in range(5)]
    verdict = judge(
        pieces(*before, ("J", whole * (0.99 - 0.001 * rng.poisson(1, 8)))),
        "J",
        better=Better.HIGHER,
        kind=Kind.RATIO,
        unit=unit,
    )
    assert (verdict.outcome, verdict.scale) == (Outcome.REGRESSED, EffectScale.DIFFERENCE)
    assert verdict.effect == pytest.approx(-0.011 * whole, abs=0.002 * whole)


@pytest.mark.parametrize("level", [0.0, 1.0, 12.0])
def test_what_never_moved_is_unchanged(level: float) -> None:
    verdict = judge(pieces(("a", [level] * 10), ("b", [level] * 10)), "b", better=Better.LOWER)
    assert verdict.outcome is Outcome.UNCHANGED
    assert (verdict.before, verdict.after, verdict.effect) == (level, level, 0.0)


def test_a_ratio_says_its_levels() -> None:
    rng = np.random.default_rng(6)
    history = pieces(*((f"r{i}", rng.normal(100, 1, 8)) for i in range(6)), ("J", rng.normal(120, 1, 8)))
    verdict = judge(history, "J", better=Better.LOWER, unit="ms")
    assert verdict.scale is EffectScale.RATIO
    assert verdict.before == pytest.approx(100, abs=1)
    assert verdict.after == pytest.approx(120, abs=1)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.0098, "1 time in 100"),
        (1.3e-4, "1 time in 7,700"),
        (5e-5, "less than 1 time in 10,000"),
        (0.2, "20% of the time"),
    ],
)
def test_a_chance_in_words(p: float, said: str) -> None:
    assert chance(p) == said

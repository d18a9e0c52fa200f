"""What holds for any series."""

from dataclasses import asdict, replace
from math import isfinite

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dogdriver.verdict import Better, Outcome, Sample, Verdict, find_changes, judge, trend
from tests.verdict.history import history, noisy, with_change

ANY = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300, -1e300, 5e-324, 1.7e308, -1.7e308]),
)
RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SWAPPED = {Outcome.REGRESSED: Outcome.IMPROVED, Outcome.IMPROVED: Outcome.REGRESSED}


def numbers(verdict: Verdict) -> list[float]:
    fields = asdict(verdict)
    noise = fields.pop("noise")
    return [v for v in [*fields.values(), *noise.values()] if isinstance(v, float)]


@RELAXED
@given(values=st.lists(ANY, max_size=60), per_release=st.integers(1, 20))
def test_any_values_get_an_answer_made_of_finite_numbers(values: list[float | None], per_release: int) -> None:
    samples = history(values, per_release)
    last = samples[-1].release if samples else "none"
    first = samples[0].release if samples else "none"
    for baseline in (None, first):
        verdict = judge(samples, last, better=Better.LOWER, baseline=baseline)
        assert all(isfinite(n) for n in numbers(verdict)), verdict
        assert verdict.reason
        assert verdict.reason.endswith(".")
        if verdict.p is not None:
            assert 0 <= verdict.p <= 1
    for change in find_changes(samples, better=Better.LOWER):
        assert all(isfinite(n) for n in (change.effect, change.low, change.high, change.p))
    course = trend(samples, better=Better.LOWER)
    assert all(isfinite(n) for n in (course.effect, course.low, course.high, course.p) if n is not None)


@RELAXED
@given(seed=st.integers(0, 10_000), power=st.integers(-250, 250), change=st.sampled_from([0.0, 0.05, -0.2]))
def test_the_unit_does_not_matter(seed: int, power: int, change: float) -> None:
    values = with_change(noisy(seed, 60), 5, change)
    here = judge(history(values), "r011", better=Better.LOWER)
    there = judge(history(values * 10.0**power), "r011", better=Better.LOWER)
    assert here.outcome is there.outcome
    assert here.effect == pytest.approx(there.effect, rel=1e-6, abs=1e-9)
    assert here.p == pytest.approx(there.p, rel=1e-4, abs=1e-9)


@RELAXED
@given(seed=st.integers(0, 10_000), change=st.sampled_from([0.0, 0.05, 0.1, -0.1]))
def test_the_direction_only_names_the_outcome(seed: int, change: float) -> None:
    samples = history(with_change(noisy(seed, 60), 5, change))
    lower = judge(samples, "r011", better=Better.LOWER)
    higher = judge(samples, "r011", better=Better.HIGHER)
    # Which of two levels is the good one is a matter of direction, and so is what a release after a bad one is against.
    assume(len(lower.references) == len(higher.references) == 1)
    assert higher.outcome is SWAPPED.get(lower.outcome, lower.outcome)
    assert [SWAPPED.get(r.outcome, r.outcome) for r in lower.references] == [r.outcome for r in higher.references]
    assert replace(higher, outcome=lower.outcome, reason=lower.reason, references=lower.references) == lower


@RELAXED
@given(seed=st.integers(0, 10_000), change=st.sampled_from([0.0, 0.2]))
def test_a_reciprocal_metric_gets_the_reciprocal_effect(seed: int, change: float) -> None:
    values = with_change(noisy(seed, 60), 5, change)
    up = judge(history(values), "r011", better=Better.LOWER)
    down = judge(history(1 / values), "r011", better=Better.HIGHER)
    assert up.effect is not None
    assert down.effect is not None
    assert (1 + up.effect) * (1 + down.effect) == pytest.approx(1, abs=1e-6)
    assert up.p == pytest.approx(down.p, rel=1e-4, abs=1e-9)


@RELAXED
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_samples_does_not_matter(seed: int) -> None:
    samples: list[Sample] = history(with_change(noisy(seed, 60), 5, 0.05))
    shuffled = list(samples)
    np.random.default_rng(seed).shuffle(shuffled)  # type: ignore[arg-type]  # any mutable sequence does
    assert judge(shuffled, "r011", better=Better.LOWER) == judge(samples, "r011", better=Better.LOWER)
    assert find_changes(shuffled, better=Better.LOWER) == find_changes(samples, better=Better.LOWER)


@RELAXED
@given(seed=st.integers(0, 10_000), change=st.sampled_from([-0.1, 0.05, 0.1]), which=st.integers(-5, -1))
def test_an_identical_run_more_never_flips_the_sign(seed: int, change: float, which: int) -> None:
    samples = history(with_change(noisy(seed, 60), 5, change))
    again = [*samples, replace(samples[which], at=samples[-1].at + (samples[1].at - samples[0].at))]
    before = judge(samples, "r011", better=Better.LOWER)
    after = judge(again, "r011", better=Better.LOWER)
    assert {before.outcome, after.outcome} != {Outcome.REGRESSED, Outcome.IMPROVED}

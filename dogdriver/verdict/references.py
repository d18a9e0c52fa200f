"""What a verdict says beside its effect: the step inside the release, and what it is against other releases."""

from dataclasses import replace

import numpy as np

from dogdriver.model.verdict import Outcome, Reference, ReferenceKind, Step, Verdict
from dogdriver.verdict.criteria import Criteria, Estimate, outcome_of, relative_size
from dogdriver.verdict.effect import Comparison, Effect
from dogdriver.verdict.scale import Scale
from dogdriver.verdict.series import Flags, Series


def with_step(verdict: Verdict, effect: Effect, window: Series, own: Flags, scale: Scale) -> Verdict:
    """*verdict* with the step inside the release, if there surely is one; *own* (runs,) marks its runs in *window*."""
    found = effect.step
    if found is None or not found.inside or not found.sure:
        return verdict
    run = int(np.flatnonzero(own)[found.runs])
    return replace(verdict, step=Step(window.at[run], found.runs, scale.relative(found.size)))


def with_references(verdict: Verdict, compared: Comparison, previous: str, scale: Scale, criteria: Criteria) -> Verdict:
    """*verdict* is against the last good release; beside it, what the release is against the *previous* one."""
    good = Reference(
        verdict.baseline_releases[-1],
        ReferenceKind.LAST_GOOD,
        verdict.outcome,
        verdict.effect,
        verdict.low,
        verdict.high,
    )
    if compared.previous is None:
        return replace(verdict, references=(good,))
    estimate = Estimate.of(compared.previous.mixture, criteria.alpha)
    outcome = outcome_of(estimate, scale, criteria)
    before = Reference(
        previous,
        ReferenceKind.PREVIOUS,
        outcome,
        relative_size(estimate, scale),
        scale.relative(estimate.low),
        scale.relative(estimate.high),
    )
    recovered = outcome is Outcome.IMPROVED and verdict.outcome is not Outcome.REGRESSED
    return replace(verdict, references=(good, before), recovered=recovered)

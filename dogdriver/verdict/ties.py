"""What the model takes for exact though it is rare: equal runs, and the odd ones among them.

docs/verdict.md, "Ties" and "Counts and ratios".
"""

from dataclasses import dataclass, replace

import numpy as np

from dogdriver.model.project import Kind
from dogdriver.model.verdict import Outcome
from dogdriver.verdict.counts import Rates, rates
from dogdriver.verdict.criteria import ROUNDING, Criteria, Estimate, outcome_of
from dogdriver.verdict.effect import ConfoundingStep, Effect
from dogdriver.verdict.robust import tied_p
from dogdriver.verdict.scale import Scale
from dogdriver.verdict.series import Flags, Floats, Series


@dataclass(frozen=True, slots=True)
class Fit:
    """The *effect*, the *estimate* of it, and the levels *before* and *after*, in the metric's unit.

    *counted*: they are rates of something rare; *tied*: of values that are mostly equal.
    """

    effect: Effect
    estimate: Estimate
    before: float
    after: float
    counted: Rates | None = None
    tied: bool = False


def fit_to_ties(effect: Effect, scale: Scale, criteria: Criteria, window: Series, own: Flags, base: Flags) -> Fit:
    """*effect*, no surer than chance allows, and by a test that fits where values are counts; and the levels.

    *own*, *base* (runs,) mark the runs of *window* that are judged and those that they are compared with.
    """
    whole = criteria.measure.whole
    counted = rates(
        criteria.measure.events(window.values), window.release, own, base, whole_numbers=criteria.kind is not Kind.RATIO
    )
    widened = widen_for_ties(effect, window, own, base)
    usual = usual_fit(widened, scale, criteria, window.values[own], tied=widened.mixture is not effect.mixture)
    if counted is None:
        return usual
    if (
        counted.usual
        and counted.p >= criteria.alpha
        and outcome_of(usual.estimate, scale, criteria) is Outcome.UNCHANGED
    ):
        return usual
    effect = counted_effect(widened, counted, scale, whole)
    estimate = Estimate.of(effect.mixture, criteria.alpha)
    before, after = (rate if whole is None else whole - rate for rate in (counted.before, counted.after))
    return Fit(effect, estimate, before, after, counted)


def widen_for_ties(effect: Effect, window: Series, own: Flags, base: Flags) -> Effect:
    """No surer than chance allows where most runs have the same value: docs/verdict.md, "Ties".

    *own*, *base* (runs,) mark the runs of *window* that are judged and those that they are compared with.
    """
    compared = own | base
    up = effect.mixture.mean() > 0
    p = tied_p(window.values[compared], window.release[compared], own[compared], up=up)
    if p is None:
        return effect
    # A single odd run among equal ones looks like a step inside the release, and is none.
    return replace(effect, mixture=effect.mixture.widened_to(p), step=step_before(effect))


def counted_effect(effect: Effect, counted: Rates, scale: Scale, whole: float | None) -> Effect:
    """The difference of the rates, in coordinates of *scale*, on which shares of successes are as they are."""
    unit = scale.top * scale.unit * (1.0 if whole is None else -1.0)
    return replace(effect, mixture=counted.mixture(unit, effect.mixture.freedom), step=step_before(effect))


def usual_fit(effect: Effect, scale: Scale, criteria: Criteria, own: Floats, *, tied: bool) -> Fit:
    """With what is usual of the values of the release, *own* (runs,), and that less the effect, as levels."""
    estimate = Estimate.of(effect.mixture, criteria.alpha)
    after = float(np.median(scale.coordinates(own)))
    middle = estimate.middle if abs(estimate.middle) > ROUNDING else 0.0
    return Fit(effect, estimate, scale.level(after - middle), scale.level(after), tied=tied)


def step_before(effect: Effect) -> ConfoundingStep | None:
    step = effect.step
    return step if step is not None and step.runs < 0 else None

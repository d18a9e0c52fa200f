"""What is asked, and what the mixture answers: the numbers between an effect and its outcome."""

from dataclasses import dataclass

import numpy as np

from dogdriver.model.project import Kind
from dogdriver.model.verdict import Better, Outcome
from dogdriver.verdict.decision import EQUIVALENCE, decide
from dogdriver.verdict.effect import Question
from dogdriver.verdict.mixture import Mixture
from dogdriver.verdict.power import CriticalValues
from dogdriver.verdict.scale import Measure, Scale
from dogdriver.verdict.series import Series

ROUNDING = 1e-12
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is asked of which release, as `judge` was told it."""

    release: str
    better: Better
    margin: float
    alpha: float
    power: float
    seed: int
    bad: frozenset[str] = frozenset()
    kind: Kind = Kind.VALUE
    unit: str = ""

    @property
    def measure(self) -> Measure:
        return Measure(self.better, self.kind, self.unit)

    def __post_init__(self) -> None:
        if not 0 <= self.margin < np.inf:
            raise ValueError(f"margin is {self.margin}; give a relative change such as 0.03")
        for name, share in (("alpha", self.alpha), ("power", self.power)):
            if not 0 < share < 1:
                raise ValueError(f"{name} is {share}; give a share between 0 and 1")

    def question(self, window: Series, scale: Scale) -> Question:
        """In coordinates of *scale*, about the releases of *window*."""
        bad = frozenset(number for number, name in enumerate(window.releases) if name in self.bad)
        upward = scale.better(self.better) is Better.LOWER
        down, up = scale.thresholds(self.margin)
        return Question(up if upward else -down, upward, bad)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The effect as the mixture has it, in coordinates.

    *low*, *high* is the interval at alpha, *inner* the one that "unchanged" rests on (without EQUIVALENCE on either
    side), *error* the standard deviation, *p* two-sided.
    """

    middle: float
    low: float
    high: float
    inner: tuple[float, float]
    error: float
    p: float

    @classmethod
    def of(cls, mixture: Mixture, alpha: float) -> "Estimate":
        half = alpha / 2
        shares = (half, EQUIVALENCE, 0.5, 1 - EQUIVALENCE, 1 - half)
        low, inner_low, middle, inner_high, high = (float(x) for x in mixture.quantiles(shares))
        return cls(middle, low, high, (inner_low, inner_high), float(np.sqrt(mixture.variance())), mixture.p_value())

    @property
    def critical(self) -> CriticalValues:
        inner_low, inner_high = self.inner
        error = max(self.error, TINY)
        return CriticalValues((self.high - self.low) / 2 / error, (inner_high - inner_low) / 2 / error)


def relative_size(estimate: Estimate, scale: Scale) -> float:
    return scale.relative(estimate.middle) if abs(estimate.middle) > ROUNDING else 0.0


def outcome_of(estimate: Estimate, scale: Scale, criteria: Criteria) -> Outcome:
    return decide(
        relative_size(estimate, scale),
        estimate.p,
        estimate.inner,
        scale.thresholds(criteria.margin),
        better=scale.better(criteria.better),
        margin=scale.margin(criteria.margin),
        alpha=criteria.alpha,
    )

"""A mixture of Student's t distributions: what is known of an effect when the noise is not."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, stdtr, stdtrit

from dogdriver.verdict.series import Floats

LEAST_SURE = 0.2
"""No mixture is widened to a larger p than this: there is nothing to be said then anyway."""
SLACK = 0.1
"""A quantile is looked for so much farther than components have theirs, as the approximation is good to 1 % only."""
BISECTIONS = 20
NEWTON_STEPS = 1
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Mixture:
    """Components t_freedom(centre, error), all of one number of degrees of freedom.

    *weights* (components,) sum to one; *centres*, *errors* (components,): location and scale, in one unit.
    """

    weights: Floats
    centres: Floats
    errors: Floats
    freedom: int

    def cdf(self, at: Floats) -> Floats:
        """The probability below each of *at* (points,), (points,)."""
        scaled = (at[:, None] - self.centres) / self.errors
        result: Floats = stdtr(self.freedom, scaled) @ self.weights
        return result

    def normal_cdf(self, at: Floats) -> Floats:
        """`cdf` at *at* (points,), (points,), with Wallace's normal approximation of each t: quick, good to 1 %."""
        scaled = (at[:, None] - self.centres) / self.errors
        freedom = self.freedom
        normal = np.sqrt(freedom * np.log1p(scaled**2 / freedom)) * ((8 * freedom + 1) / (8 * freedom + 3))
        result: Floats = ndtr(np.copysign(normal, scaled)) @ self.weights
        return result

    def pdf(self, at: Floats) -> Floats:
        """The density at each of *at* (points,), (points,)."""
        freedom = self.freedom
        scaled = (at[:, None] - self.centres) / self.errors
        height = np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2)) / np.sqrt(freedom * np.pi)
        result: Floats = (1 + scaled**2 / freedom) ** (-(freedom + 1) / 2) @ (self.weights / self.errors) * height
        return result

    def quantiles(self, shares: tuple[float, ...]) -> Floats:
        """Where the probability below is each of *shares*, (shares,).

        By bisection of `normal_cdf`, then Newton's step on the mixture itself.
        """
        wanted = np.array(shares)
        # Where all components have less below, and where all have more.
        each = self.centres + self.errors * stdtrit(self.freedom, wanted)[:, None]
        slack = SLACK * (each.max(axis=1) - each.min(axis=1)) + SLACK * float(self.errors.max())
        low: Floats = each.min(axis=1) - slack
        high: Floats = each.max(axis=1) + slack
        first, last = low, high
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            under = self.normal_cdf(middle) < wanted
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        found: Floats = (low + high) / 2
        for _ in range(NEWTON_STEPS):
            step = (self.cdf(found) - wanted) / np.maximum(self.pdf(found), TINY)
            found = np.clip(found - step, first, last)
        return found

    def p_value(self) -> float:
        """Two-sided, that there is no effect: twice the smaller tail about 0."""
        scaled = self.centres / self.errors
        below, above = (float(stdtr(self.freedom, tail) @ self.weights) for tail in (-scaled, scaled))
        return min(1.0, 2 * min(below, above))

    def mean(self) -> float:
        return float(self.weights @ self.centres)

    def variance(self) -> float:
        tail = self.freedom / max(self.freedom - 2, 1)
        return float(self.weights @ (self.errors**2 * tail + (self.centres - self.mean()) ** 2))

    def widened_to(self, p: float) -> "Mixture":
        """One t about the same median, as wide as it has to be for its p-value to be *p*; itself if it is not surer."""
        p = min(p, LEAST_SURE)
        middle = float(self.quantiles((0.5,))[0])
        if self.p_value() >= p or not middle:
            return self
        error = abs(middle / float(stdtrit(self.freedom, p / 2)))
        return Mixture(np.ones(1), np.array([middle]), np.array([error]), self.freedom)

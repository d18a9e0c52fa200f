"""Why a verdict is undecided: what is left of the variance when one cause of it is taken away.

docs/verdict.md, "Answer".
"""

from dataclasses import dataclass

import numpy as np

from dogdriver.model.verdict import Limit
from dogdriver.verdict.effect import Effect
from dogdriver.verdict.power import CriticalValues, Forecast, level_variance, settled_by_look

FEW_TIMES = 8
"""The release has too few runs where so many times as many would do; else what makes them necessary is the cause."""
LIKELY = 0.85
"""How likely they have to be to do."""
OTHER_MARGINS = (1 / 3, 3.0)
"""The margin is a cause where the answer would be there with so many times the margin,"""
NEAR, FAR = 0.9, 0.7
"""this likely if the effect is within a factor of two of it, and if not: a margin is not there to be moved. It is the
cause for sure where there surely is a difference, and only the margin is open."""
LEAST = 1e-9
"""Share of the variance that remains whatever is taken away."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What the variance of the effect is made of under the likeliest noise, as shares of it.

    *scatter* of the release's own runs, *independent* of the same runs if they did not follow each other, *between*
    what releases differ by, of which *own_level* is the judged one's; *earlier*: the rest, which the runs before leave.
    """

    scatter: float
    independent: float
    between: float
    own_level: float
    earlier: float

    @classmethod
    def of(cls, effect: Effect, runs: int, releases: int) -> "Shares":
        """Of the effect of a release of *runs* runs against so many *releases*."""
        posterior = effect.posterior
        best = posterior.best
        phi, sd = float(posterior.phis[best]), float(posterior.sds[best])
        variance = float(posterior.errors[best]) ** 2
        scatter = min(float(level_variance(phi, sd, np.array([float(runs)]))[0]) / variance, 1.0)
        independent = min(sd**2 / runs / variance, scatter)
        own_level = posterior.mean((posterior.taus * posterior.sds) ** 2) / variance
        between = min(own_level * (1 + 1 / max(releases, 1)), 1 - scatter)
        return cls(scatter, independent, between, min(own_level, between), 1 - scatter - between)

    def left_without(self) -> dict[Limit, float]:
        """Limit -> the share of the variance that is left where it is taken away."""
        rest = self.scatter + self.earlier
        unfollowed = self.independent / self.scatter if self.scatter else 1.0
        return {
            Limit.SCATTER: self.between,
            Limit.BETWEEN_RELEASES: rest,
            Limit.FEW_EARLIER: self.scatter + self.own_level,
            Limit.AUTOCORRELATION: rest * unfollowed + self.between,
        }


def limit_of(
    effect: Effect, ahead: Forecast, runs: int, releases: int, thresholds: tuple[float, float], critical: CriticalValues
) -> Limit:
    """The one cause that keeps *effect* undecided: the one without which it is most likely to be decided.

    *ahead*: what more runs would do; *runs* of the release, against so many *releases*; *thresholds* the margin (down,
    up) in coordinates, *critical* as it is now.
    """
    if effect.step is not None and not (effect.step.inside and effect.step.sure):
        return Limit.STEP
    if ahead.needed is not None and ahead.needed <= FEW_TIMES * runs and ahead.chance >= LIKELY:
        return Limit.FEW_RUNS
    centre, variance = effect.mixture.mean(), effect.mixture.variance()
    chances = {
        limit: float(
            settled_by_look(centre, variance, np.array([variance * max(share, LEAST)]), thresholds, critical)[-1]
        )
        for limit, share in Shares.of(effect, runs, releases).left_without().items()
    }
    chances[Limit.FEW_RUNS] = ahead.chance if ahead.needed is not None else 0.0
    chances[Limit.NEAR_MARGIN] = chance_elsewhere(centre, float(np.sqrt(variance)), thresholds, critical)
    return max(chances, key=lambda limit: chances[limit])


def chance_elsewhere(centre: float, error: float, thresholds: tuple[float, float], critical: CriticalValues) -> float:
    """How likely the margin is taken to be the cause, where the answer would be there with another."""
    down, up = thresholds
    estimate = np.array([centre])
    if not any(critical.decided(estimate, error, (down * factor, up * factor))[0] for factor in OTHER_MARGINS):
        return 0.0
    if abs(centre) > critical.difference * error:
        return 1.0
    return NEAR if up / 2 <= abs(centre) <= up * 2 else FAR

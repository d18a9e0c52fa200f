"""How many more runs would settle it, and what could have been seen."""

import numpy as np
from scipy.special import ndtr, ndtri

from dogdriver.verdict.effect import Effect
from dogdriver.verdict.series import Floats

MOST_MORE = 300
TINY = 1e-12
EQUIVALENCE = 0.05
"""Alpha of "unchanged": each side of the margin."""


def own_variance(phi: float, sd: float, runs: Floats) -> Floats:
    """Of a release's level from that many of its runs, the level before known: autocorrelated runs tell less each."""
    told = (1.0 + (runs - 1.0) * (1.0 - phi) ** 2) / (1.0 - phi**2)
    result: Floats = sd**2 / told
    return result


def runs_needed(
    effect: Effect, thresholds: tuple[float, float], runs: int, *, power: float, at_hand: Floats
) -> int | None:
    """The fewest further runs after which the verdict is settled with probability *power*, given what is known now.

    The variance is taken to shrink as that of the likeliest noise would.
    None: not within MOST_MORE runs, the wobble between releases or the size of the effect itself forbids it. *at_hand*
    are the tail and the inner quantiles (of alpha / 2, of EQUIVALENCE) in standard deviations, as they are now.
    """
    more = np.arange(1.0, MOST_MORE + 1)
    posterior, mixture = effect.posterior, effect.mixture
    best = posterior.best
    phi, sd, whole = posterior.phis[best], posterior.sds[best], posterior.errors[best] ** 2
    now, then = own_variance(phi, sd, np.array([float(runs)])), own_variance(phi, sd, runs + more)
    total = mixture.variance()
    later = total * (np.maximum(whole - now, 0.0) + then) / np.maximum(whole, now)
    later = np.minimum(later, total)
    travel = np.sqrt(np.maximum(total - later, TINY**2))
    centre = mixture.mean()
    down, up = thresholds
    error = np.sqrt(later)
    tail, inner = at_hand
    settled = (
        1.0 - ndtr((np.maximum(up, tail * error) - centre) / travel)
        + ndtr((np.minimum(down, -tail * error) - centre) / travel)
        + np.maximum(
            ndtr((up - inner * error - centre) / travel) - ndtr((down + inner * error - centre) / travel), 0.0
        )
    )  # fmt: skip
    enough = np.flatnonzero(settled >= power)
    return int(more[enough[0]]) if enough.size else None


def smallest_visible(error: float, tail: float, up: float, power: float) -> float:
    """The smallest difference that would have been found with probability *power*, in coordinates."""
    return max(up, tail * error) + float(ndtri(power)) * error

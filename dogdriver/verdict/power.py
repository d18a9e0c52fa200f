"""How many more runs would settle it, and what could have been seen: docs/verdict.md, "Answer"."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from dogdriver.verdict.effect import Effect
from dogdriver.verdict.series import Flags, Floats

MOST_MORE = 300
LOOKS = np.array([1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 90, 130, 190, MOST_MORE], dtype=np.float64)
"""So many further runs at each look that is followed, (looks,)."""
BINS = 60
REACH = 5.0
"""Standard deviations that the estimate is followed, in so many bins to each side."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class CriticalValues:
    """Standard errors that the estimate has to be off 0 for a *difference*, inside the margin for *equivalence*."""

    difference: float
    equivalence: float

    def decided(self, estimates: Floats, error: float, thresholds: tuple[float, float]) -> Flags:
        """Which of *estimates* (any,) would be a verdict, (any,), with the standard *error*; *thresholds* down, up."""
        down, up = thresholds
        needed, inside = self.difference * error, self.equivalence * error
        result: Flags = (estimates >= max(up, needed)) | (estimates <= min(down, -needed))
        return result | ((down + inside < estimates) & (estimates < up - inside))


@dataclass(frozen=True, slots=True)
class Forecast:
    """*needed* further runs settle the verdict with the wanted probability; None where no number up to MOST_MORE does.

    *chance* is the probability that MOST_MORE runs settle it.
    """

    needed: int | None
    chance: float


def forecast(
    effect: Effect,
    thresholds: tuple[float, float],
    runs: int,
    *,
    power: float,
    critical: CriticalValues,
) -> Forecast:
    """What further runs of the release, which has *runs* now, would do, given what is known now.

    *thresholds* are the margin (down, up) in coordinates, *critical* as it is now. The variance is taken to shrink as
    that of the likeliest noise would.
    """
    posterior, mixture = effect.posterior, effect.mixture
    best = posterior.best
    phi, sd, variance = posterior.phis[best], posterior.sds[best], posterior.errors[best] ** 2
    now, then = level_variance(phi, sd, np.array([float(runs)])), level_variance(phi, sd, runs + LOOKS)
    not_its_own = np.maximum(variance - now, 0.0)
    total = mixture.variance()
    later = np.minimum(total * (not_its_own + then) / np.maximum(variance, now), total)
    settled = settled_by_look(mixture.mean(), total, later, thresholds, critical)
    enough = np.flatnonzero(settled >= power)
    return Forecast(
        needed=int(np.ceil(np.interp(power, settled, LOOKS))) if enough.size else None, chance=float(settled[-1])
    )


def level_variance(phi: float, sd: float, runs: Floats) -> Floats:
    """Of a release's level from each number of its runs, (numbers,), of *runs* (numbers,); the level before known.

    sd² (1 - phi²) / (1 + (runs - 1) (1 - phi)²): autocorrelated runs tell less each. In the unit of *sd*, squared.
    """
    information = (1.0 + (runs - 1.0) * (1.0 - phi) ** 2) / (1.0 - phi**2)
    result: Floats = sd**2 / information
    return result


def settled_by_look(
    centre: float, variance: float, later: Floats, thresholds: tuple[float, float], critical: CriticalValues
) -> Floats:
    """The probability that the verdict is settled at one of the LOOKS up to each of them, (looks,).

    From one look to the next the estimate, now *centre*, moves as much as its variance, now *variance* and at each look
    *later* (looks,), shrinks; what arrives where it is settled is taken away, the rest goes on. In coordinates.
    """
    width = REACH * sqrt(variance) / BINS
    estimates = centre + width * np.arange(-BINS, BINS + 1)
    edges = width * (np.arange(-2 * BINS, 2 * BINS + 2) - 0.5)
    open_ = (estimates == centre).astype(float)
    settled, before = [], variance
    for after in later:
        error, travel = sqrt(after), sqrt(max(before - after, TINY**2))
        open_ = np.convolve(open_, np.diff(ndtr(edges / travel)))[2 * BINS : 4 * BINS + 1]
        open_[critical.decided(estimates, error, thresholds)] = 0.0
        settled.append(1.0 - float(open_.sum()))
        before = after
    return np.array(settled)


def smallest_visible(error: float, critical: CriticalValues, up: float, power: float) -> float:
    """The smallest difference that would have been found with probability *power*, in coordinates.

    max(margin, q SE) + z(power) SE, q the critical value of a difference, SE the standard *error*, *up* the margin.
    """
    return max(max(up, critical.difference * error) + float(ndtri(power)) * error, 0.0)

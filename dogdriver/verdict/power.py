"""How many more runs would settle it, and what could have been seen."""

from dataclasses import dataclass
from enum import Enum, auto
from math import sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from dogdriver.verdict.effect import Effect
from dogdriver.verdict.series import Floats

MOST_MORE = 300
LOOKS = np.array([1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 90, 130, 190, MOST_MORE], dtype=np.float64)
BINS = 60
REACH = 5.0
"""Standard deviations that the estimate is followed, in so many bins to each side."""
TINY = 1e-12
EQUIVALENCE = 0.05
"""Alpha of "unchanged": each side of the margin."""


class Limit(Enum):
    """What keeps a verdict open however many runs follow."""

    MARGIN = auto()
    """The effect is about as large as the margin."""
    WOBBLE = auto()
    """Releases differ by as much although nothing changed."""
    BASELINE = auto()
    """What is known of the level before."""
    SCATTER = auto()
    """The release's own runs, even so many of them."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """*needed* further runs settle the verdict with the wanted probability; None where no number up to MOST_MORE does.

    *chance* is the probability that MOST_MORE runs settle it, *limit* what keeps it there.
    """

    needed: int | None
    chance: float
    limit: Limit


def own_variance(phi: float, sd: float, runs: Floats) -> Floats:
    """Of a release's level from that many of its runs, the level before known: autocorrelated runs tell less each."""
    told = (1.0 + (runs - 1.0) * (1.0 - phi) ** 2) / (1.0 - phi**2)
    result: Floats = sd**2 / told
    return result


def outlook(
    effect: Effect, thresholds: tuple[float, float], runs: int, *, power: float, at_hand: Floats, releases: int
) -> Outlook:
    """What further runs of the release would do, given what is known now.

    The variance is taken to shrink as that of the likeliest noise would. *at_hand* are the tail and the inner quantiles
    (of alpha / 2, of EQUIVALENCE) in standard deviations, as they are now; *releases* is the number of earlier ones.
    """
    posterior, mixture = effect.posterior, effect.mixture
    best = posterior.best
    phi, sd, whole = posterior.phis[best], posterior.sds[best], posterior.errors[best] ** 2
    now, then = own_variance(phi, sd, np.array([float(runs)])), own_variance(phi, sd, runs + LOOKS)
    floor = np.maximum(whole - now, 0.0)
    total = mixture.variance()
    later = np.minimum(total * (floor + then) / np.maximum(whole, now), total)
    settled = settling(mixture.mean(), total, later, thresholds, at_hand)
    enough = np.flatnonzero(settled >= power)
    wobble = (float(posterior.taus[best]) * sd) ** 2 * (1 + 1 / max(releases, 1))
    # Would an effect of nothing at all be called unchanged?
    reachable = thresholds[1] - at_hand[1] * sqrt(later[-1]) > sqrt(max(total - later[-1], 0.0))
    return Outlook(
        needed=int(np.ceil(np.interp(power, settled, LOOKS))) if enough.size else None,
        chance=float(settled[-1]),
        limit=Limit.MARGIN if reachable else limiting(float(wobble), float(floor[0]), float(then[-1])),
    )


def settling(centre: float, total: float, later: Floats, thresholds: tuple[float, float], at_hand: Floats) -> Floats:
    """The probability that the verdict is settled at one of the LOOKS up to each of them.

    From one look to the next the estimate moves as much as its variance, *total* now and *later* then, shrinks; what
    arrives where it is settled is taken away, the rest goes on.
    """
    (down, up), (tail, inner) = thresholds, at_hand
    width = REACH * sqrt(total) / BINS
    at = centre + width * np.arange(-BINS, BINS + 1)
    edges = width * (np.arange(-2 * BINS, 2 * BINS + 2) - 0.5)
    left = (at == centre).astype(float)
    settled, before = [], total
    for after in later:
        error, travel = sqrt(after), sqrt(max(before - after, TINY**2))
        left = np.convolve(left, np.diff(ndtr(edges / travel)))[2 * BINS : 4 * BINS + 1]
        differs = (at >= max(up, tail * error)) | (at <= min(down, -tail * error))
        left[differs | ((down + inner * error < at) & (at < up - inner * error))] = 0.0
        settled.append(1.0 - float(left.sum()))
        before = after
    return np.array(settled)


def limiting(wobble: float, floor: float, scatter: float) -> Limit:
    """The largest of the variances that remain."""
    parts = {Limit.WOBBLE: min(wobble, floor), Limit.BASELINE: floor - min(wobble, floor), Limit.SCATTER: scatter}
    return max(parts, key=lambda part: parts[part])


def smallest_visible(error: float, tail: float, up: float, power: float) -> float:
    """The smallest difference that would have been found with probability *power*, in coordinates."""
    return max(max(up, tail * error) + float(ndtri(power)) * error, 0.0)

"""How often something rare happens, before and with a release: a test that fits counts, errors and shares of them.

docs/verdict.md, "Counts and ratios".
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, ndtr, ndtri, stdtrit

from dogdriver.model.verdict import Limit
from dogdriver.verdict.mixture import Mixture
from dogdriver.verdict.power import LOOKS, Forecast
from dogdriver.verdict.robust import MODE_SHARE, hypergeometric_tail, log_binomial
from dogdriver.verdict.series import Flags, Floats, Ints

MOST_A_RUN = 20.0
"""Whole numbers that are larger than this on average are sizes, as good as continuous."""
BETWEEN = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""The standard deviations of releases' rates beyond chance, relative to the rate, that are reckoned with, (sizes,),"""
BETWEEN_PRIOR = np.array([0.6, 0.3, 0.08, 0.015, 0.005])
"""and how likely each is before anything was seen, (sizes,)."""
SURE = 2.0
"""Standard errors that an autocorrelation has to be off zero to count."""
LARGEST_EVENT = 1e50
"""What happens so much, or so little, at a time is counted by nobody; and its square has to be a number."""
RAREST = 1e-300
SMALLEST = 1e-9
"""No error is smaller than this share of its difference."""


@dataclass(frozen=True, slots=True)
class Rates:
    """So much a run *before* and *after*; *p*: two-sided, that it is one rate.

    *runs* have the one rate, *others* the other; *size*: what one event adds; *between*: the variance of the difference
    that releases make; *usual*: most runs before had none at all.
    """

    before: float
    after: float
    p: float
    runs: int
    others: int
    size: float
    between: float
    usual: bool

    def variance(self, more: Floats) -> Floats:
        """Of the difference, were the rates one, with *more* (looks,) runs of the release, (looks,)."""
        runs, others = self.runs + more, self.others
        together = (self.before * others + self.after * self.runs) / (self.runs + others)
        result: Floats = self.size * together * (1 / runs + 1 / others) + self.between
        return result

    def forecast(self, alpha: float, power: float) -> Forecast:
        """What further runs would do, if both rates are what they seem to be."""
        critical = -float(ndtri(alpha / 2))
        found = ndtr(abs(self.after - self.before) / np.sqrt(self.variance(LOOKS)) - critical)
        enough = np.flatnonzero(found >= power)
        return Forecast(
            needed=int(np.ceil(np.interp(power, found, LOOKS))) if enough.size else None, chance=float(found[-1])
        )

    def limit(self, ahead: Forecast) -> Limit:
        """What more runs of the release would leave most of; *ahead*: whether they would do."""
        if ahead.needed is not None:
            return Limit.FEW_RUNS
        chance = float(self.variance(np.zeros(1))[0]) - self.between
        own = chance / self.runs / (1 / self.runs + 1 / self.others)
        return Limit.FEW_EARLIER if chance - own > self.between else Limit.BETWEEN_RELEASES

    def mixture(self, unit: float, freedom: int) -> Mixture:
        """The difference in coordinates, of which one is *unit*: one t that is as wide as *p* says."""
        difference = (self.after - self.before) / unit
        error = float(np.sqrt(self.variance(np.zeros(1))[0])) / abs(unit)
        if difference and self.p < 1:
            error = max(abs(difference / float(stdtrit(freedom, max(self.p, RAREST) / 2))), SMALLEST * abs(difference))
        return Mixture(np.ones(1), np.array([difference]), np.array([error]), freedom)


def rates(values: Floats, release: Ints, own: Flags, base: Flags, *, whole_numbers: bool) -> Rates | None:
    """The rates of *values* (runs,) where they are counts of something rare; None where they are not.

    Values are, at least one run before or after had none, and nothing is negative. *release* (runs,): each one's
    number; *own*, *base* (runs,) mark those of the judged release and those that they are compared with.
    *whole_numbers*: values that are all integers count single events.
    """
    values, release, own = values[own | base], release[own | base], own[own | base]
    if not len(values) or values.min() < 0 or values.min() > 0 or not values.any():
        return None
    if values.max() > LARGEST_EVENT or values[values > 0].min() < 1 / LARGEST_EVENT:
        return None
    integers = whole_numbers and bool(np.all(values == np.floor(values)))
    usual = float(np.mean(values[~own] == 0)) >= MODE_SHARE
    counted = integers and values.mean() <= MOST_A_RUN
    if not (usual or counted):
        return None
    runs, others = int(own.sum()), int((~own).sum())
    before, after = float(values[~own].mean()), float(values[own].mean())
    size = event_size(values, release, integers=integers)
    weights = between_weights(values[~own], release[~own], integers=integers)
    together = float(values.mean())
    # The variance of the difference of the two rates, were they one: of chance alone, and by releases.
    chance = size * together * (1 / runs + 1 / others)
    between = float(weights @ BETWEEN**2) * together**2 * (1 + 1 / len(np.unique(release[~own])))
    p = two_sided(values, own, size * (1 + between / chance) if chance else 0.0)
    if not integers:
        # How many runs have any can be told better than how much they have: two questions, so twice the chance.
        p = min(1.0, 2 * min(p, presence(values, own)))
    return Rates(before, after, p, runs, others, size, between, usual)


def presence(values: Floats, own: Flags) -> float:
    """Fisher's exact test, two-sided, of how many runs of *own* have any at all; *values*, *own* (runs,)."""
    some = values > 0
    return min(1.0, 2 * min(hypergeometric_tail(some, own), hypergeometric_tail(~some, own)))


def event_size(values: Floats, release: Ints, *, integers: bool) -> float:
    """Variance over mean of *values* (runs,) inside releases: what one event adds, and more if they come in bursts.

    *release* (runs,): each one's number; *integers*: at least one.
    """
    _, group, counts = np.unique(release, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=values) / counts
    residuals = values - means[group]
    expected = float(np.sum((counts - 1) * means))
    size = float(residuals @ residuals) / expected if expected else 0.0
    size = max(size, 1.0) if integers else size
    inside = group[1:] == group[:-1]
    squares = float(residuals @ residuals)
    pairs = int(inside.sum())
    phi = float(np.sum((residuals[1:] * residuals[:-1])[inside])) / squares if squares else 0.0
    return size * (1 + phi) / (1 - phi) if pairs and phi > SURE / np.sqrt(pairs) else size


def between_weights(values: Floats, release: Ints, *, integers: bool) -> Floats:
    """How likely each of BETWEEN is, (sizes,), by *values*, *release* (runs,) before the release.

    Pearson's statistic of the releases' sums is a chi-square times what chance and releases make it: the size of an
    event (for *integers* at least one), and the relative variance of the rate times the events that a release has.
    """
    _, group, counts = np.unique(release, return_inverse=True, return_counts=True)
    mean, freedom = float(values.mean()), len(counts) - 1
    size = event_size(values, release, integers=integers)
    if not mean or not freedom or not size:
        return BETWEEN_PRIOR
    pearson = float(np.sum((np.bincount(group, weights=values) - counts * mean) ** 2 / (counts * mean)))
    expected = size + BETWEEN**2 * mean * len(values) / len(counts)
    logs = -freedom / 2 * np.log(expected) - pearson / expected / 2
    weights: Floats = BETWEEN_PRIOR * np.exp(logs - logs.max())
    total = float(weights.sum())
    weights /= total
    return weights


def two_sided(values: Floats, own: Flags, size: float) -> float:
    """The chance that events of *size* fall into the runs of *own* as unevenly as they do.

    *values*, *own* (runs,). Of N events each is in the release with probability q, its share of the runs: twice the
    smaller tail of the binomial, by the incomplete beta function for any N. Never rarer than the order of the runs
    alone allows.
    """
    runs, inside, outside = len(values), float(values[own].sum()), float(values[~own].sum())
    share = float(own.mean())
    fewest = float(2 * np.exp(-log_binomial(runs, np.array([int(own.sum())]))[0]))
    if not size:
        return min(1.0, fewest)
    more = float(betainc(inside / size, outside / size + 1, share)) if inside else 1.0
    fewer = float(betainc(outside / size, inside / size + 1, 1 - share)) if outside else 1.0
    return min(1.0, max(2 * min(more, fewer), fewest))

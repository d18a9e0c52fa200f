"""A first idea of a long series' noise, which steps hardly touch: docs/verdict.md, "Change points"."""

from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np

from dogdriver.verdict.robust import SMALLEST_SCALE, robust_scale
from dogdriver.verdict.series import Floats, Ints
from dogdriver.verdict.whitening import LARGEST_PHI

PENALTY = 2.4
"""A step has to gain this many times log(runs), in units of the noise's variance."""
OUTER = 0.9
WINSORIZED_AT = 3.5
WINSORIZED_VARIANCE = 0.9985
"""What winsorizing there leaves of a normal variance."""
RELEASES_WINSORIZED_AT = 2.5
RELEASES_WINSORIZED_VARIANCE = 0.96
FEWEST_RELEASES = 6
"""Fewer cannot show how much releases differ."""
UNSURE_PHI = (-4.0, -2.0, 2.0)
"""Other autocorrelations to try, in units of 1 / sqrt(runs)."""
MANY_RUNS = 1000
"""So many show the autocorrelation well enough."""


@dataclass(frozen=True, slots=True)
class NoiseEstimate:
    """Standard deviation *sd* and lag-1 autocorrelation *phi* of the runs, and *between_releases*, the sd of levels.

    Both standard deviations in coordinates.
    """

    sd: float
    phi: float
    between_releases: float

    @classmethod
    def of(cls, values: Floats, release: Ints) -> "NoiseEstimate":
        """From differences of *values* (runs,): D1 = 2 sd² (1 - phi) of neighbours, D2 = 2 sd² (1 - phi²) at lag 2.

        So phi = D2 / D1 - 1. *release* (runs,) numbers releases; the variance of their means' differences, halved, less
        what sampling makes of it, is between releases.
        """
        near, far = mean_square(values[1:] - values[:-1]), mean_square(values[2:] - values[:-2])
        phi = min(max(far / near - 1.0, 0.0), LARGEST_PHI) if near > 0 else 0.0
        sd = max(sqrt(near / 2 / (1 - phi)), SMALLEST_SCALE)
        found, group = np.unique(release, return_inverse=True)
        if len(found) < FEWEST_RELEASES:
            return cls(sd, phi, 0.0)
        counts = np.bincount(group)
        apart = np.abs(np.diff(np.bincount(group, weights=values) / counts))
        sampling = sd**2 * (1 + phi) / (1 - phi) * float(np.median(1 / counts))
        cut = RELEASES_WINSORIZED_AT * robust_scale(apart, outer=0.5)
        seen = float(np.mean(np.minimum(apart, cut) ** 2)) / RELEASES_WINSORIZED_VARIANCE / 2
        return cls(sd, phi, sqrt(max(seen - min(sampling, sd**2), 0.0)))

    def alternatives(self, runs: int) -> "list[NoiseEstimate]":
        """Itself, and with the autocorrelations that *runs* runs may as well have."""
        found = [self]
        for errors in UNSURE_PHI if runs <= MANY_RUNS else ():
            phi = min(max(self.phi + errors / sqrt(runs), 0.0), LARGEST_PHI)
            if phi not in {n.phi for n in found}:
                found.append(replace(self, phi=phi, sd=self.sd * sqrt((1 - self.phi) / (1 - phi))))
        return found

    def least_gain(self, runs: int) -> float:
        """What a step has to gain: PENALTY log(runs) sd², in coordinates squared."""
        return PENALTY * log(runs) * self.sd**2


def mean_square(values: Floats) -> float:
    """The mean square about zero of *values* (runs,), winsorized so that steps do not count in full."""
    spread = robust_scale(values, outer=OUTER)
    return float(np.mean(np.minimum(np.abs(values), WINSORIZED_AT * spread) ** 2)) / WINSORIZED_VARIANCE

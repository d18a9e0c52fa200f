"""Locations and scales that a few wild runs cannot move."""

import numpy as np

from dogdriver.verdict.series import Floats, Ints

NORMAL_MAD = 1.4826
NORMAL_Q90 = 1.645
BEND = 2.0
"""Residuals beyond this many scales count as this many."""
ROUNDS = 6
FINEST = 1e-9
"""Noise below one part in a billion is rounding."""


def scale(residuals: Floats) -> float:
    """The larger of what the middle half and the outer tenth say.

    So a tenth or less of wild runs is an accident and is cut, more than that (a second mode) is what the runs are like
    and is kept.
    """
    sizes = np.abs(residuals)
    if sizes.size == 0:
        return FINEST
    middle, outer = np.quantile(sizes, (0.5, 0.9))
    found = max(NORMAL_MAD * float(middle), float(outer) / NORMAL_Q90)
    return max(found or float(np.sqrt(np.mean(sizes**2))), FINEST)


def medians(values: Floats, group: Ints, groups: int) -> Floats:
    """The median of each group; every group has a member."""
    order = np.lexsort((values, group))
    ranked = values[order]
    counts = np.bincount(group, minlength=groups)
    ends = np.cumsum(counts)
    starts = ends - counts
    result: Floats = (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2]) / 2
    return result


def cleaned(values: Floats, group: Ints, groups: int) -> tuple[Floats, float]:
    """Pseudo-values: their group means are Huber's locations, their scatter is those locations' own (times sqrt n).

    Least squares on them is robust, with standard errors that are right. Returns them and the scale.
    """
    counts = np.bincount(group, minlength=groups)
    levels = medians(values, group, groups)
    # A group's own median takes a share of its scatter away.
    shrunk = np.sqrt(np.maximum(counts - 1, 1) / counts)[group]
    several = counts[group] > 1
    residuals = values - levels[group]
    spread = scale((residuals / shrunk)[several])
    for _ in range(ROUNDS):
        scaled = (values - levels[group]) / spread
        inside = np.bincount(group, weights=np.abs(scaled) <= BEND, minlength=groups) / counts
        pulled = np.bincount(group, weights=np.clip(scaled, -BEND, BEND), minlength=groups) / counts
        levels = levels + spread * pulled / np.maximum(inside, 0.5)
    scaled = (values - levels[group]) / spread
    share = max(float(np.mean(np.abs(scaled) <= BEND)), 0.5)
    return levels[group] + spread * np.clip(scaled, -BEND, BEND) / share, spread

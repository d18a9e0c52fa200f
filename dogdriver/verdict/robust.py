"""Locations and scales that a few wild runs cannot move."""

import numpy as np
from scipy.special import ndtri

from dogdriver.verdict.series import Flags, Floats, Ints

NORMAL_MAD = 1.4826
NORMAL_Q80 = 1.2816
BEND = 2.0
"""Residuals beyond this many scales count as this many,"""
FALL = 4.0
"""beyond this many as ever fewer,"""
GONE = 8.0
"""and beyond this many not at all."""
ROUNDS = 6
FINEST = 1e-9
"""Noise below one part in a billion is rounding."""


def scale(residuals: Floats, outer: float = 0.8) -> float:
    """The larger of what the middle half and the edge of the *outer* part say.

    So up to a fifth of wild runs is an accident and is cut, more than that (a second mode) is what the runs are like
    and is kept.
    """
    sizes = np.abs(residuals)
    if sizes.size == 0:
        return FINEST
    middle, edge = np.quantile(sizes, (0.5, outer))
    found = max(NORMAL_MAD * float(middle), float(edge) / float(ndtri((1 + outer) / 2)))
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
    """Pseudo-values: their group means are Hampel's locations, their scatter is those locations' own (times sqrt n).

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
        pulled, slope = bent((values - levels[group]) / spread)
        totals = np.bincount(group, weights=pulled, minlength=groups)
        steepness = np.maximum(np.bincount(group, weights=slope, minlength=groups), counts / 2)
        levels = levels + spread * totals / steepness
    pulled, slope = bent((values - levels[group]) / spread)
    result = levels[group] + spread * pulled / max(float(np.mean(slope)), 0.5)
    kept = neighbourly(values, levels, group, BEND * spread)
    result[kept] = values[kept]
    return result, spread


def neighbourly(values: Floats, levels: Floats, group: Ints, far: float) -> Flags:
    """The first runs of a group that look like the group before, the last that look like the one after.

    They are no accidents: the level stepped beside the border and not on it, and what shows that must be kept.
    """
    kept = np.zeros(len(values), dtype=bool)
    for border in np.flatnonzero(group[1:] != group[:-1]) + 1:
        before, after = levels[group[border - 1]], levels[group[border]]
        if abs(after - before) <= far:
            continue
        nearer = np.abs(values - before) < np.abs(values - after)
        place = border
        while place < len(values) and group[place] == group[border] and nearer[place]:
            kept[place] = True
            place += 1
        place = border - 1
        while place >= 0 and group[place] == group[border - 1] and not nearer[place]:
            kept[place] = True
            place -= 1
    return kept


def bent(scaled: Floats) -> tuple[Floats, Floats]:
    """Hampel's influence function and its slope: as it is, then at most BEND, then ever less, from GONE on nothing."""
    sizes = np.abs(scaled)
    falling = BEND * (GONE - sizes) / (GONE - FALL)
    influence = np.where(sizes <= BEND, sizes, np.where(sizes <= FALL, BEND, np.maximum(falling, 0.0)))
    slope = np.where(sizes <= BEND, 1.0, np.where((sizes <= FALL) | (sizes >= GONE), 0.0, -BEND / (GONE - FALL)))
    return np.copysign(influence, scaled), slope

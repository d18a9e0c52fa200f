"""Locations and scales that a few outliers cannot move, and what many equal runs do not show."""

import numpy as np
from scipy.special import gammaln, ndtri

from dogdriver.verdict.series import Flags, Floats, Ints

NORMAL_MAD = 1.4826
"""The standard deviation of normal values in units of their median absolute deviation,"""
NORMAL_Q80 = 1.2816
"""and the 80 % quantile of their absolute values in standard deviations."""
SMALLEST_SCALE = 1e-9
"""Noise below one part in a billion is rounding."""

HAMPEL_A = 2.0
"""Residuals beyond this many scales count as this many,"""
HAMPEL_B = 4.0
"""beyond this many as ever fewer,"""
HAMPEL_C = 8.0
"""and beyond this many not at all."""
LOCATION_ROUNDS = 6

FEWEST_BESIDE = 3
"""Runs on either side of a step inside a release;"""
SHIFT = 4.0
"""so many standard deviations are a step,"""
MOST_STRAYS = 0.1
"""and so many of the runs at most are on the wrong side."""

MODE_SHARE = 0.5
"""Values are tied where this share of the earlier runs has one and the same."""


def robust_scale(residuals: Floats, outer: float = 0.8) -> float:
    """The standard deviation of *residuals* (runs,), were they normal, in their unit; at least SMALLEST_SCALE.

    The larger of what the median and the *outer* quantile of their absolute values say. So up to a fifth of outliers
    is an accident and is cut, more than that (a second mode) is what the runs are like and is kept: docs/verdict.md,
    "Outliers".
    """
    sizes = np.abs(residuals)
    if sizes.size == 0:
        return SMALLEST_SCALE
    middle, edge = np.quantile(sizes, (0.5, outer))
    found = max(NORMAL_MAD * float(middle), float(edge) / float(ndtri((1 + outer) / 2)))
    return max(found or float(np.sqrt(np.mean(sizes**2))), SMALLEST_SCALE)


def group_medians(values: Floats, group: Ints, groups: int) -> Floats:
    """The median of each group, (groups,), of *values* (runs,).

    *group* (runs,): each one's number, 0 .. *groups* - 1; none is empty.
    """
    order = np.lexsort((values, group))
    ranked = values[order]
    counts = np.bincount(group, minlength=groups)
    ends = np.cumsum(counts)
    starts = ends - counts
    result: Floats = (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2]) / 2
    return result


def pseudo_values(values: Floats, group: Ints, groups: int) -> tuple[Floats, float]:
    """Values whose group means are Hampel's locations and whose scatter is those locations' own (times sqrt n).

    Least squares on them is robust, with standard errors that are right. *values*, *group* (runs,) as for
    `group_medians`. Returns (pseudo-values, scale), (runs,) and one number: level_g + s psi(r / s) / mean psi'(r / s)
    with r the residuals about the levels, s their scale and psi Hampel's influence. docs/verdict.md, "Outliers".
    """
    group, groups = split_at_shifts(values, group, groups)
    counts = np.bincount(group, minlength=groups)
    levels = group_medians(values, group, groups)
    # A group's own median takes a share of its scatter away.
    shrunk = np.sqrt(np.maximum(counts - 1, 1) / counts)[group]
    several = counts[group] > 1
    residuals = values - levels[group]
    spread = robust_scale((residuals / shrunk)[several])
    for _ in range(LOCATION_ROUNDS):
        influence, slope = hampel_influence((values - levels[group]) / spread)
        totals = np.bincount(group, weights=influence, minlength=groups)
        steepness = np.maximum(np.bincount(group, weights=slope, minlength=groups), counts / 2)
        levels = levels + spread * totals / steepness
    influence, slope = hampel_influence((values - levels[group]) / spread)
    result = levels[group] + spread * influence / max(float(np.mean(slope)), 0.5)
    kept = like_the_neighbouring_group(values, levels, group, HAMPEL_A * spread)
    result[kept] = values[kept]
    return result, spread


def split_at_shifts(values: Floats, group: Ints, groups: int) -> tuple[Ints, int]:
    """(group, groups) with each group in two where its runs stepped: the later ones are no outliers of the earlier.

    *values*, *group* (runs,) as for `group_medians`; the result (runs,) is numbered from 0 without gaps. A step has
    FEWEST_BESIDE runs on either side and is SHIFT times as large as runs scatter from one to the next.
    """
    inside = group[1:] == group[:-1]
    spread = robust_scale(np.diff(values)[inside]) / np.sqrt(2)
    far = np.abs(values - group_medians(values, group, groups)[group]) > SHIFT / 2 * spread
    split = group.copy()
    for number in np.flatnonzero(np.bincount(group[far], minlength=groups) >= FEWEST_BESIDE):
        runs = np.flatnonzero(group == number)
        place = shift_of(values[runs], SHIFT * spread)
        if place is not None:
            split[runs[place:]] = groups
            groups += 1
    return split, groups


def shift_of(values: Floats, smallest: float) -> int | None:
    """From which of *values* (runs,) on the level is another by *smallest* or more; None if from none."""
    best, gain = None, 0.0
    for place in range(FEWEST_BESIDE, len(values) - FEWEST_BESIDE + 1):
        before, after = values[:place], values[place:]
        left, right = float(np.median(before)), float(np.median(after))
        if abs(right - left) < smallest:
            continue
        border = (left + right) / 2
        strays = np.sum((before > border) != (left > border)) + np.sum((after > border) != (right > border))
        size = abs(right - left) * np.sqrt(place * (len(values) - place))
        if strays <= MOST_STRAYS * len(values) and size > gain:
            best, gain = place, float(size)
    return best


def hampel_influence(scaled: Floats) -> tuple[Floats, Floats]:
    """Hampel's three-part redescending psi and its slope, each (runs,), at residuals *scaled* (runs,) in scales.

    psi(r) = r up to A, A up to B, A (C - r) / (C - B) up to C, 0 beyond; odd.
    """
    sizes = np.abs(scaled)
    falling = HAMPEL_A * (HAMPEL_C - sizes) / (HAMPEL_C - HAMPEL_B)
    influence = np.where(sizes <= HAMPEL_A, sizes, np.where(sizes <= HAMPEL_B, HAMPEL_A, np.maximum(falling, 0.0)))
    flat = (sizes <= HAMPEL_B) | (sizes >= HAMPEL_C)
    slope = np.where(sizes <= HAMPEL_A, 1.0, np.where(flat, 0.0, -HAMPEL_A / (HAMPEL_C - HAMPEL_B)))
    return np.copysign(influence, scaled), slope


def like_the_neighbouring_group(values: Floats, levels: Floats, group: Ints, far: float) -> Flags:
    """The first runs of a group that look like the group before, the last that look like the one after: (runs,).

    They are no accidents: the level stepped beside the border and not on it, and what shows that must be kept.
    *values*, *group* (runs,), *levels* (groups,); groups whose levels differ by no more than *far* are not told apart.
    """
    kept = np.zeros(len(values), dtype=bool)
    for border in np.flatnonzero(group[1:] != group[:-1]) + 1:
        before, after = levels[group[border - 1]], levels[group[border]]
        if abs(after - before) <= far:
            continue
        nearer_before = np.abs(values - before) < np.abs(values - after)
        place = border
        while place < len(values) and group[place] == group[border] and nearer_before[place]:
            kept[place] = True
            place += 1
        place = border - 1
        while place >= 0 and group[place] == group[border - 1] and not nearer_before[place]:
            kept[place] = True
            place -= 1
    return kept


def tied_p(values: Floats, release: Ints, own: Flags, up: bool) -> float | None:
    """How often chance alone makes so many runs of *own* differ from the commonest value: docs/verdict.md, "Ties".

    Fisher's exact test, two-sided, of *values* (runs,) above it (*up*) or below. *release* (runs,): each one's number,
    *own* (runs,): whether it is of the judged release. None where no value is that common among the others, or where no
    release has two different values: then nothing scatters.
    """
    found, counts = np.unique(values[~own], return_counts=True)
    commonest = int(np.argmax(counts))
    if counts[commonest] < MODE_SHARE * np.sum(~own) or not varies_within_release(values, release):
        return None
    mode = found[commonest]
    beyond = values > mode if up else values < mode
    short = values < mode if up else values > mode
    return min(1.0, 2 * min(hypergeometric_tail(beyond, own), hypergeometric_tail(~short, own)))


def varies_within_release(values: Floats, release: Ints) -> bool:
    """Whether any release has two different *values*; *values*, *release* (runs,)."""
    order = np.lexsort((values, release))
    values, release = values[order], release[order]
    return bool(np.any((release[1:] == release[:-1]) & (values[1:] != values[:-1])))


def hypergeometric_tail(marked: Flags, own: Flags) -> float:
    """The chance that as many runs of *own* (runs,) as are, or more, are *marked* (runs,), if the marks fell anywhere.

    The sum over k of C(marks, k) C(runs - marks, drawn - k) / C(runs, drawn), from the number seen on.
    """
    runs, drawn, marks = len(marked), int(own.sum()), int(marked.sum())
    counts = np.arange(int((marked & own).sum()), min(drawn, marks) + 1)
    logs = (
        log_binomial(marks, counts) + log_binomial(runs - marks, drawn - counts) - log_binomial(runs, np.array(drawn))
    )
    return min(1.0, float(np.sum(np.exp(logs))))


def log_binomial(n: int, k: Ints) -> Floats:
    """The log of C(n, k) for each of *k* (counts,), (counts,); minus infinity where k is not in 0 .. n."""
    possible = (k >= 0) & (k <= n)
    safe = np.where(possible, k, 0)
    logs = gammaln(n + 1) - gammaln(safe + 1) - gammaln(n - safe + 1)
    result: Floats = np.where(possible, logs, -np.inf)
    return result

"""Single runs that are far off, taken away before steps are looked for: docs/verdict.md, "Change points"."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dogdriver.verdict.robust import NORMAL_MAD, NORMAL_Q80
from dogdriver.verdict.series import Flags, Floats, Ints

HALF_WINDOW = 3
SPIKE = 4.0
"""Scales off the median of the neighbours that make a spike."""
LONGEST_ODD = 2
"""So many runs in a row may be odd among those of their release,"""
OWN_WINDOW = 6
"""of which so many before and after them are looked at."""


def remove_spikes(values: Floats, release: Ints) -> Floats:
    """*values* (runs,) with what is odd brought back, (runs,): first among its release, then by Hampel's filter.

    Hampel: those far off the median of the seven about them become that. Not so beside a release's border where they
    are like all of the three before, or after: there may be a step. *release* (runs,) numbers the releases.
    """
    off = np.abs(values - sliding_median(values, 2 * HALF_WINDOW + 1))
    far = SPIKE * max(NORMAL_MAD * float(np.median(off)), float(np.quantile(off, 0.8)) / NORMAL_Q80)
    result = values.copy()
    beside = beside_border(release)
    for length in range(1, LONGEST_ODD + 1):
        for first in np.flatnonzero(alone(result, length, far) & beside[: len(values) - length]):
            smooth_odd(result, release, slice(first, first + length), far)
    around = sliding_median(result, 2 * HALF_WINDOW + 1)
    spike = np.abs(result - around) > far
    if not spike.any():
        return result
    three = sliding_window_view(np.pad(result, HALF_WINDOW, mode="reflect"), HALF_WINDOW)
    sides = three[: len(values)], three[HALF_WINDOW + 1 :]
    like_before, like_after = (np.abs(result[:, None] - side).max(axis=1) <= far for side in sides)
    return np.where(spike & ~(beside & (like_before | like_after)), around, result)


def beside_border(release: Ints) -> Flags:
    """Which runs are among the first HALF_WINDOW of a release, or the last, (runs,); *release* (runs,)."""
    border = np.flatnonzero(release[1:] != release[:-1]) + 1
    result = np.zeros(len(release), dtype=bool)
    for place in range(-HALF_WINDOW, HALF_WINDOW):
        result[np.clip(border + place, 0, len(release) - 1)] = True
    return result


def sliding_median(values: Floats, window: int) -> Floats:
    """Of each *window* in a row of *values* (runs,) mirrored HALF_WINDOW at both ends, (windows,)."""
    padded = np.pad(values, HALF_WINDOW, mode="reflect")
    result: Floats = np.median(sliding_window_view(padded, window), axis=1)
    return result


def alone(values: Floats, length: int, far: float) -> Flags:
    """Where a stretch of *length* of *values* (runs,) starts that is further than *far* from both runs beside it.

    (starts,): every place at which such a stretch can start.
    """
    inner = sliding_window_view(values, length)[1:-1]
    before, after = values[: len(inner), None], values[length + 1 :, None]
    up = np.minimum(inner - before, inner - after).min(axis=1)
    down = np.minimum(before - inner, after - inner).min(axis=1)
    return np.concatenate([[False], np.maximum(up, down) > far])


def smooth_odd(values: Floats, release: Ints, odd: slice, far: float) -> None:
    """Give the runs *odd* of *values* (runs,) their release's level, if more than half of its others are *far* off.

    *release* (runs,) numbers the releases. In place.
    """
    about = slice(max(odd.start - OWN_WINDOW, 0), odd.stop + OWN_WINDOW)
    others = np.concatenate([values[about.start : odd.start], values[odd.stop : about.stop]])
    owners = np.concatenate([release[about.start : odd.start], release[odd.stop : about.stop]])
    own = others[owners == release[odd.start]]
    if release[odd.stop - 1] != release[odd.start] or len(own) <= odd.stop - odd.start:
        return
    level = float(np.median(own))
    apart = np.abs(own[:, None] - values[odd]).min(axis=1)
    if 2 * np.sum(apart > far) > len(own):
        values[odd] = level

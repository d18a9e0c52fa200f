"""What repeats daily and weekly: harmonics of the time of day and of the week."""

import numpy as np

from dogdriver.verdict.series import Floats

DAY = 86_400.0
DAILY = 3
"""Harmonics of the day: the shape may have three peaks."""
WEEKLY = 2
FEWEST_RUNS = 24
FEWEST_DAYS = 1.2
"""A period has to be seen a little more than once before it can be told from a trend."""


def harmonics(seconds: Floats, daily: int = DAILY, weekly: int = WEEKLY) -> Floats:
    """Columns (runs x 2 per harmonic), the higher ones smaller; no column where the runs cannot show the period."""
    none = np.empty((len(seconds), 0))
    if len(seconds) < FEWEST_RUNS:
        return none
    span = float(seconds[-1] - seconds[0]) / DAY
    blocks: list[Floats] = [none]
    if span >= FEWEST_DAYS:
        blocks.append(waves(seconds, DAY, daily))
    if span >= FEWEST_DAYS * 7:
        blocks.append(waves(seconds, 7 * DAY, weekly))
    return np.hstack(blocks)


def waves(seconds: Floats, period: float, count: int) -> Floats:
    orders = np.arange(1, count + 1)
    angles = (2 * np.pi / period) * seconds[:, None] * orders
    return np.hstack([np.cos(angles) / orders, np.sin(angles) / orders])

"""What repeats daily and weekly: harmonics of the time of day and of the week."""

import numpy as np
from scipy.special import fdtrc

from dogdriver.verdict.robust import NORMAL_MAD
from dogdriver.verdict.series import Floats

DAY = 86_400.0
"""Seconds."""
WEEK = 7 * DAY

FEWEST_RUNS = 24
DAILY, WEEKLY = 3, 2
"""Harmonics in the model of a verdict: the shape of the day may have three peaks."""
FEWEST_PERIODS = 1.2
"""A period has to be seen a little more than once before it can be told from a trend."""

REMOVAL_FEWEST_RUNS = 40
REMOVAL_DAILY, REMOVAL_WEEKLY = 4, 3
"""Harmonics that are taken out of a long series,"""
REMOVAL_FEWEST_PERIODS = 3.0
"""which has to show more of them,"""
REMOVAL_P = 1e-4
"""and beyond doubt (F-test)."""
QUASI_DIFFERENCE = 0.9
"""Steps and slow wandering become single outliers when most of the run before is subtracted."""
WINSORIZED_AT = 3.0
"""Scales."""


def season_columns(seconds: Floats) -> Floats:
    """The columns of a verdict's model, (runs, 2 a harmonic), for runs at *seconds* (runs,), oldest first.

    No column for a period that the runs cannot show.
    """
    none = np.empty((len(seconds), 0))
    if len(seconds) < FEWEST_RUNS:
        return none
    days = float(seconds[-1] - seconds[0]) / DAY
    blocks: list[Floats] = [none]
    if days >= FEWEST_PERIODS:
        blocks.append(harmonics(seconds, DAY, DAILY))
    if days >= FEWEST_PERIODS * 7:
        blocks.append(harmonics(seconds, WEEK, WEEKLY))
    return np.hstack(blocks)


def harmonics(seconds: Floats, period: float, count: int) -> Floats:
    """The columns cos(2 pi k t / period) / k for k = 1 .. *count*, then those of sin: (runs, 2 count).

    t are the *seconds* (runs,), *period* is in seconds; over k, so that the higher ones are smaller.
    """
    orders = np.arange(1, count + 1)
    angles = (2 * np.pi / period) * seconds[:, None] * orders
    return np.hstack([np.cos(angles) / orders, np.sin(angles) / orders])


def remove_season(values: Floats, seconds: Floats) -> Floats:
    """The values less their daily and weekly harmonics, where these are there beyond doubt, (runs,).

    *values*, *seconds* (runs,), oldest first. The mean stays what it is. docs/verdict.md, "Change points".
    """
    if len(values) < REMOVAL_FEWEST_RUNS:
        return values
    days = (seconds[-1] - seconds[0]) / DAY
    for period, count in ((DAY, REMOVAL_DAILY), (WEEK, REMOVAL_WEEKLY)):
        if days * DAY < REMOVAL_FEWEST_PERIODS * period:
            continue
        columns = harmonics(seconds, period, count)
        coefficients = significant_coefficients(values, columns)
        if coefficients is not None:
            wave = columns @ coefficients
            values = values - (wave - wave.mean())
    return values


def significant_coefficients(values: Floats, columns: Floats) -> Floats | None:
    """Least squares coefficients, (columns,), of *values* (runs,) on *columns* (runs, columns) by quasi-differences.

    The values winsorized; None where the F-test does not show the columns beyond doubt.
    """
    target = quasi_differences(values[:, None])[:, 0]
    basis = quasi_differences(columns)
    basis = basis - basis.mean(axis=0)
    middle = np.median(target)
    spread = NORMAL_MAD * float(np.median(np.abs(target - middle)))
    if spread <= 0:
        return None
    target = np.clip(target - middle, -WINSORIZED_AT * spread, WINSORIZED_AT * spread)
    target = target - target.mean()
    coefficients, _, rank, _ = np.linalg.lstsq(basis, target, rcond=1e-6)
    unexplained = float(np.sum((target - basis @ coefficients) ** 2))
    freedom = len(target) - rank - 1
    if rank == 0 or freedom < 1 or unexplained <= 0:
        return None
    ratio = (float(target @ target) - unexplained) / rank / (unexplained / freedom)
    return coefficients if fdtrc(rank, freedom, max(ratio, 0.0)) < REMOVAL_P else None


def quasi_differences(rows: Floats) -> Floats:
    """row_i - QUASI_DIFFERENCE row_(i-1), (runs - 1, columns), of *rows* (runs, columns)."""
    result: Floats = rows[1:] - QUASI_DIFFERENCE * rows[:-1]
    return result

"""Take from a long series what is not a step: what repeats, and single wild runs."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import fdtrc

from dogdriver.verdict.robust import NORMAL_MAD, NORMAL_Q80
from dogdriver.verdict.seasonal import DAY, waves
from dogdriver.verdict.series import Floats

FEWEST_RUNS = 40
FEWEST_PERIODS = 3.0
DAILY, WEEKLY = 4, 3
SURE = 1e-4
NEARLY_DIFFERENCED = 0.9
"""Steps and slow wandering become single wild values when most of the run before is subtracted."""
WILD = 3.0
HALF_WINDOW = 3
SPIKE = 4.0


def without_season(values: Floats, seconds: Floats) -> Floats:
    """*values* less their daily and weekly harmonics, where these are there beyond doubt."""
    if len(values) < FEWEST_RUNS:
        return values
    span = (seconds[-1] - seconds[0]) / DAY
    for period, orders in ((DAY, DAILY), (7 * DAY, WEEKLY)):
        if span * DAY < FEWEST_PERIODS * period:
            continue
        columns = waves(seconds, period, orders)
        target = differenced(values[:, None])[:, 0]
        basis = differenced(columns)
        basis = basis - basis.mean(axis=0)
        middle = np.median(target)
        spread = NORMAL_MAD * float(np.median(np.abs(target - middle)))
        if spread <= 0:
            continue
        target = np.clip(target - middle, -WILD * spread, WILD * spread)
        target = target - target.mean()
        solution, _, rank, _ = np.linalg.lstsq(basis, target, rcond=1e-6)
        left = float(np.sum((target - basis @ solution) ** 2))
        freedom = len(target) - rank - 1
        if rank == 0 or freedom < 1 or left <= 0:
            continue
        ratio = (float(target @ target) - left) / rank / (left / freedom)
        if fdtrc(rank, freedom, max(ratio, 0.0)) < SURE:
            wave = columns @ solution
            values = values - (wave - wave.mean())
    return values


def differenced(rows: Floats) -> Floats:
    result: Floats = rows[1:] - NEARLY_DIFFERENCED * rows[:-1]
    return result


def despiked(values: Floats) -> Floats:
    """Runs far off their neighbours' median become that median."""
    padded = np.pad(values, HALF_WINDOW, mode="reflect")
    local = np.median(sliding_window_view(padded, 2 * HALF_WINDOW + 1), axis=1)
    off = values - local
    spread = NORMAL_MAD * float(np.median(np.abs(off)))
    spread = max(spread, float(np.quantile(np.abs(off), 0.8)) / NORMAL_Q80)
    result: Floats = np.where(np.abs(off) > SPIKE * spread, local, values)
    return result

"""The trend: where a series went over a period."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from scipy.special import stdtr, stdtrit

from dogdriver.model.verdict import Better, Outcome, Sample, Trend
from dogdriver.verdict import wording
from dogdriver.verdict.decision import EQUIVALENCE, decide
from dogdriver.verdict.robust import SMALLEST_SCALE
from dogdriver.verdict.scale import Scale
from dogdriver.verdict.seasonal import remove_season
from dogdriver.verdict.segmentation import segment
from dogdriver.verdict.series import Floats, Ints, Series
from dogdriver.verdict.spikes import remove_spikes
from dogdriver.verdict.whitening import LARGEST_PHI, whiten, whitening_weights

FEWEST_RUNS = 6
STEP_STRICTNESS = 10
"""A step on the way has to be this many times less likely by chance than the trend itself."""


def trend(
    samples: Sequence[Sample],
    *,
    better: Better,
    margin: float = 0.03,
    alpha: float = 0.01,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Trend:
    """The change of the level from the first run of the period to its last: a slope and the steps on it.

    *since* and *until* are inclusive; None is the end of the samples. Raises ValueError for a *margin* or *alpha* that
    is no share.
    """
    if not 0 <= margin < np.inf or not 0 < alpha < 1:
        raise ValueError(f"margin is {margin} and alpha {alpha}; give shares such as 0.03 and 0.01")
    chosen = [s for s in samples if (since is None or s.at >= since) and (until is None or s.at <= until)]
    series = Series.of(chosen)
    first, last = (series.at[0], series.at[-1]) if len(series) else (None, None)
    nothing = Trend(Outcome.TOO_FEW_RUNS, None, None, None, None, len(series), first, last, margin, "")
    if len(series) < FEWEST_RUNS:
        return replace(nothing, reason=wording.too_short(len(series), FEWEST_RUNS))
    scale = Scale.of(series.values)
    thresholds = scale.thresholds(margin)
    values = remove_spikes(remove_season(scale.coordinates(series.values), series.seconds), series.release)
    steps = segment(values, series.release, thresholds, alpha / STEP_STRICTNESS)
    total, error, freedom = total_change(values, steps.places)
    outer, inner = (float(stdtrit(freedom, 1 - share)) * error for share in (alpha / 2, EQUIVALENCE))
    p = min(1.0, 2 * float(stdtr(freedom, -abs(total) / error)))
    size = scale.relative(total)
    interval = total - inner, total + inner
    outcome = decide(size, p, interval, thresholds, better=better, margin=margin, alpha=alpha)
    low, high = scale.relative(total - outer), scale.relative(total + outer)
    found = replace(nothing, outcome=outcome, effect=size, low=low, high=high, p=p)
    return replace(found, reason=wording.trend(found, better, len(steps.places)))


def total_change(values: Floats, places: Ints) -> tuple[float, float, int]:
    """(change from the first run to the last, its standard error, degrees of freedom): docs/verdict.md, "Trend".

    Generalised least squares of *values* (runs,), in coordinates, on a level, a slope and a step at each of *places*
    (steps,); the change is the slope over the whole period plus all steps.
    """
    runs = len(values)
    steps = [(np.arange(runs) >= place).astype(float) for place in places]
    columns = np.column_stack([np.ones(runs), np.linspace(0.0, 1.0, runs), *steps])
    target = values - float(np.median(values))
    phi = residual_autocorrelation(residuals(columns, target), columns.shape[1])
    rows = whiten(np.column_stack([columns, target]), *whitening_weights(phi, np.ones(runs)))
    columns, target = rows[:, :-1], rows[:, -1]
    solution, _, rank, _ = np.linalg.lstsq(columns, target, rcond=None)
    freedom = max(runs - int(rank), 1)
    unexplained = residuals(columns, target)
    sd = max(float(np.sqrt(unexplained @ unexplained / freedom)), SMALLEST_SCALE)
    all_but_level = np.ones(columns.shape[1])
    all_but_level[0] = 0.0
    error = sd * float(np.sqrt(all_but_level @ np.linalg.pinv(columns.T @ columns) @ all_but_level))
    # Autocorrelated runs count for fewer; the same share is taken off the degrees of freedom.
    return float(all_but_level @ solution), error, max(int(freedom * (1 - phi) / (1 + phi)), 1)


def residuals(columns: Floats, target: Floats) -> Floats:
    """*target* (runs,) less what *columns* (runs, columns) explain of it by least squares, (runs,)."""
    result: Floats = target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0]
    return result


def residual_autocorrelation(unexplained: Floats, columns: int) -> float:
    """At lag 1, of what *columns* columns leave *unexplained* (runs,), from 0 to LARGEST_PHI.

    A fit takes about columns / runs of it away, which is put back.
    """
    power = float(unexplained @ unexplained)
    if power <= SMALLEST_SCALE**2 * len(unexplained):
        return 0.0
    seen = float(unexplained[1:] @ unexplained[:-1]) / power
    return min(max(seen + (1 + max(seen, 0.0)) * columns / len(unexplained), 0.0), LARGEST_PHI)

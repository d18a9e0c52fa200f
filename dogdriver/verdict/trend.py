"""The trend: where a series went over a period."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from scipy.special import stdtr, stdtrit

from dogdriver.model.verdict import Better, Outcome, Sample, Trend
from dogdriver.verdict import wording
from dogdriver.verdict.mixed_model import whitened, whitening
from dogdriver.verdict.power import EQUIVALENCE
from dogdriver.verdict.robust import FINEST
from dogdriver.verdict.segmentation import HIGHEST_PHI, segment
from dogdriver.verdict.series import Floats, Ints, Scale, Series
from dogdriver.verdict.smooth import despiked, without_season

FEWEST_RUNS = 6


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
    values = despiked(without_season(scale.coordinates(series.values), series.seconds))
    steps = segment(values, series.release, scale.thresholds(margin), alpha / 10)
    total, error, freedom = gone(values, steps.places)
    outer, inner = (float(stdtrit(freedom, 1 - share)) for share in (alpha / 2, EQUIVALENCE))
    down, up = scale.thresholds(margin)
    p = min(1.0, 2 * float(stdtr(freedom, -abs(total) / error)))
    size = scale.relative(total)
    if p < alpha and abs(size) >= margin and size != 0:
        outcome = Outcome.REGRESSED if (size > 0) == (better is Better.LOWER) else Outcome.IMPROVED
    elif down < total - inner * error and total + inner * error < up:
        outcome = Outcome.UNCHANGED
    else:
        outcome = Outcome.UNDECIDED
    low, high = scale.relative(total - outer * error), scale.relative(total + outer * error)
    found = replace(nothing, outcome=outcome, effect=size, low=low, high=high, p=p)
    return replace(found, reason=wording.course(found, better, len(steps.places)))


def gone(values: Floats, places: Ints) -> tuple[float, float, int]:
    """(change from the first run to the last, its standard error, degrees of freedom) by generalised least squares."""
    runs = len(values)
    columns = [np.ones(runs), np.linspace(0.0, 1.0, runs), *((np.arange(runs) >= p).astype(float) for p in places)]
    rows = np.column_stack([*columns, values - float(np.median(values))])
    phi = autocorrelation(left_over(rows), len(columns))
    rows = whitened(rows, *whitening(phi, np.ones(runs)))
    basis, target = rows[:, :-1], rows[:, -1]
    solution, _, rank, _ = np.linalg.lstsq(basis, target, rcond=None)
    freedom = max(runs - int(rank), 1)
    left = left_over(rows)
    spread = max(float(np.sqrt(left @ left / freedom)), FINEST)
    asked = np.ones(len(columns))
    asked[0] = 0.0
    error = spread * float(np.sqrt(asked @ np.linalg.pinv(basis.T @ basis) @ asked))
    return float(asked @ solution), error, max(int(freedom * (1 - phi) / (1 + phi)), 1)


def left_over(rows: Floats) -> Floats:
    """The last column less what the others explain of it."""
    basis, target = rows[:, :-1], rows[:, -1]
    left: Floats = target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0]
    return left


def autocorrelation(left: Floats, columns: int) -> float:
    """At lag 1, of what *columns* have left over. A fit takes about columns / runs of it away, which is put back."""
    power = float(left @ left)
    if power <= FINEST**2 * len(left):
        return 0.0
    seen = float(left[1:] @ left[:-1]) / power
    return min(max(seen + (1 + max(seen, 0.0)) * columns / len(left), 0.0), HIGHEST_PHI)

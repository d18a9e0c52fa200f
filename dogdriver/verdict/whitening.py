"""Autocorrelated noise made independent, as generalised least squares needs it: docs/verdict.md, "Whitening".

The noise is a first-order process: corr(e_i, e_j) = phi^d, d the sum of the gaps between runs i and j.
"""

import numpy as np

from dogdriver.verdict.series import Floats

LARGEST_PHI = 0.97
"""Autocorrelation that is estimated is no larger than this: at 1 there is no level to estimate."""
LARGEST_GAP = 50.0


def relative_gaps(seconds: Floats) -> Floats:
    """From the run before, in typical (median) distances; (runs,) of *seconds* (runs,).

    The first is 1; each is at least 1, so that a burst of runs is not taken for one run, and at most LARGEST_GAP.
    """
    gaps = np.diff(seconds)
    typical = float(np.median(gaps)) if gaps.size else 0.0
    relative = np.ones_like(gaps) if typical <= 0 else np.clip(gaps / typical, 1.0, LARGEST_GAP)
    return np.concatenate([[1.0], relative])


def whitening_weights(phi: float, gaps: Floats) -> tuple[Floats, Floats]:
    """(own, previous), each (runs,): the whitened row i is own_i row_i - previous_i row_(i-1).

    own_i = 1 / sqrt(1 - c_i²) and previous_i = own_i c_i, where c_i = phi^gap_i is the correlation with the run before
    and c_0 = 0; *gaps* (runs,) as `relative_gaps` gives them.
    """
    correlation = np.power(phi, gaps)
    correlation[0] = 0.0
    own = 1.0 / np.sqrt(1.0 - correlation**2)
    return own, own * correlation


def whiten(rows: Floats, own: Floats, previous: Floats) -> Floats:
    """The whitened rows, (runs, columns), of *rows* (runs, columns) by the weights *own*, *previous* (runs,)."""
    result = rows * own[:, None]
    result[1:] -= rows[:-1] * previous[1:, None]
    return result

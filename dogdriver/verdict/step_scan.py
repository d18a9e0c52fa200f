"""One further column, for many at once: what it would explain, and what the effect would then be.

A rank-one update of one fitted combination: docs/verdict.md, "Confounding steps".
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from dogdriver.verdict.mixed_model import STEP_SIZE, Posterior
from dogdriver.verdict.series import Floats
from dogdriver.verdict.whitening import whiten, whitening_weights

SMALLEST_RESIDUAL = 1e-10


@dataclass(frozen=True, slots=True)
class StepScan:
    """What each candidate, a further step from each place on or another column, would do.

    *gain* (candidates,): the log of the marginal likelihood's growth. *sizes* (candidates,): the coefficients.
    *effects*, *errors* (candidates,): the effect and its standard error with it, all in the unit of the values.
    """

    gain: Floats
    sizes: Floats
    effects: Floats
    errors: Floats


def scan_steps(values: Floats, fitted: Posterior, which: int) -> StepScan:
    """A step N(0, STEP_SIZE² sd²) added to combination *which* of the fit to *values* (runs,), for each place."""
    rows, own, previous = whitened_rows(values, fitted, which)
    return added(*step_products(rows, own, previous), fitted, which)


def scan_columns(values: Floats, fitted: Posterior, which: int, columns: Floats) -> StepScan:
    """The same for *values* (runs,) and each of *columns* (runs, candidates) instead of steps."""
    rows, own, previous = whitened_rows(values, fitted, which)
    whitened = whiten(columns, own, previous)
    return added(whitened.T @ rows, np.sum(whitened**2, axis=0), fitted, which)


def whitened_rows(values: Floats, fitted: Posterior, which: int) -> tuple[Floats, Floats, Floats]:
    """(rows, own, previous): the design and *values* (runs,) as combination *which* scales and whitens them.

    Rows are (runs, size), the whitening's weights (runs,).
    """
    design = fitted.design
    own, previous = whitening_weights(float(fitted.phis[which]), design.gaps)
    one = slice(which, which + 1)
    (scales,) = design.blocks.scaled_by(fitted.taus[one], fitted.slopes[one], fitted.seasons[one])
    scaled = design.bordered(values)
    scaled *= scales
    return whiten(scaled, own, previous), own, previous


def added(products: Floats, norms: Floats, fitted: Posterior, which: int) -> StepScan:
    """What each candidate would do: *products* (candidates, size) with the whitened rows, *norms* (candidates,).

    `in_basis` (columns, candidates) is each in the orthonormal basis of the columns, `along_effect` (candidates,) its
    last coordinate. With u what is left of its column, `free` = u'u + STEP_SIZE⁻² and `pull` = u'y, each (candidates,):
    the residual sum of squares falls by pull² / free, the effect by along_effect pull / free / effect_root.
    """
    blocks = fitted.design.blocks
    factor = fitted.factor.of(which)
    with_columns, with_values = products[:, : blocks.values], products[:, blocks.values]
    in_basis = solve_triangular(factor.design_root, with_columns.T, lower=True, check_finite=False)
    along_effect = in_basis[blocks.effect]
    free = np.maximum(norms - np.sum(in_basis**2, axis=0), 0.0) + STEP_SIZE**-2
    pull = with_values - factor.target @ in_basis
    residual = float(factor.residual_root) ** 2
    remaining = np.maximum(residual - pull**2 / free, SMALLEST_RESIDUAL)
    sd = np.sqrt(remaining / max(fitted.freedom - 1, 1))
    return StepScan(
        gain=-0.5 * np.log(free * STEP_SIZE**2) + 0.5 * fitted.freedom * (np.log(residual) - np.log(remaining)),
        sizes=pull / free,
        effects=(factor.effect_target - along_effect * (pull / free)) / factor.effect_root,
        errors=sd * np.sqrt(1.0 + along_effect**2 / free) / factor.effect_root,
    )


def step_products(rows: Floats, own: Floats, previous: Floats) -> tuple[Floats, Floats]:
    """(products, norms) of the whitened step at every place: with each column of *rows*, (runs, size), and with itself.

    *rows* (runs, size) are whitened by *own*, *previous* (runs,). A step at k is, whitened, own_k in row k and
    own_i - previous_i in each later row i, so that sums from the end give all places at once. Norms are (runs,).
    """
    later = (own - previous)[:, None]
    from_here = np.cumsum((rows * later)[::-1], axis=0)[::-1]
    products = rows * own[:, None] + np.vstack([from_here[1:], np.zeros((1, rows.shape[1]))])
    squares = np.cumsum((later[:, 0] ** 2)[::-1])[::-1]
    return products, own**2 + np.append(squares[1:], 0.0)

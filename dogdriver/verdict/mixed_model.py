"""The noise of a series: how runs scatter, follow each other, follow the clock, drift, and how releases differ.

One linear mixed model: levels + season + slope + a random level of each release + autocorrelated scatter. What is not
known of the noise (autocorrelation, between-release variance, season, slope) is not estimated and then believed: every
combination on a grid is kept with the weight that the data give it, so that few runs mean wide answers. One Cholesky
factor per combination gives its likelihood, the effect and the effect's standard error: docs/verdict.md, "Averaging".
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from dogdriver.verdict.design import DesignMatrix
from dogdriver.verdict.series import Floats
from dogdriver.verdict.whitening import whiten, whitening_weights

PHIS = np.array([0.0, 0.2, 0.4, 0.6, 0.75, 0.87, 0.95])
PHI_PRIOR = np.array([0.55, 0.09, 0.09, 0.09, 0.08, 0.06, 0.04])
"""Autocorrelation of successive runs, (phis,)."""

TAUS = np.array([0.0, 0.2, 0.4, 0.7, 1.2, 2.0])
TAU_PRIOR = np.array([0.60, 0.14, 0.10, 0.08, 0.05, 0.03])
"""Standard deviation between releases, in units of the runs' scatter, (taus,)."""

LARGEST_TAU = 1000.0
EXPAND_AT = 0.25
"""With so much of the weight at the largest tau, releases differ by more than the grid has."""

SLOPES = np.array([0.0, 3.0])
SLOPE_PRIOR = np.array([0.85, 0.15])
"""Drift from the first run to the last, in the same units, (slopes,)."""

SEASONS = np.array([0.0, 1.0, 4.0])
SEASON_PRIOR = np.array([0.6, 0.2, 0.2])
"""Amplitude of what repeats, in the same units, (seasons,)."""

STEP_SIZE = 4.0
"""What a step, where there is one, is expected to be, in the same units."""

BASE_COLUMNS = 2
"""The common level and the effect, which every design has. Further fixed columns are steps."""

EFFECT, VALUES = -2, -1
"""The last two rows and columns of the bordered normal equations."""

SMALLEST_WEIGHT = 1e-300
LARGEST_EXPONENT = 2.0
RUNS_PER_EXPONENT = 40


@dataclass(frozen=True, slots=True)
class Grid:
    """The sizes of what is not known of the noise, and the prior weight of each: pairs of arrays of one length.

    *phis*, *phi_prior* (phis,), *taus*, *tau_prior* (taus,), *slopes*, *slope_prior* (slopes,), *seasons*,
    *season_prior* (seasons,).
    """

    phis: Floats
    phi_prior: Floats
    taus: Floats
    tau_prior: Floats
    slopes: Floats
    slope_prior: Floats
    seasons: Floats
    season_prior: Floats

    @classmethod
    def full(cls, season: float) -> "Grid":
        """With a season of this amplitude."""
        one = np.ones(1)
        return cls(PHIS, PHI_PRIOR, TAUS, TAU_PRIOR, SLOPES, SLOPE_PRIOR, np.array([season]), one)

    @classmethod
    def coarse(cls) -> "Grid":
        """To find the amplitude of the season by."""
        few, fewer = [0, 3, 5], [0, 2, 4]
        return cls(PHIS[few], PHI_PRIOR[few], TAUS[fewer], TAU_PRIOR[fewer], SLOPES, SLOPE_PRIOR, SEASONS, SEASON_PRIOR)

    def expanded(self) -> "Grid":
        """The same for a larger variance between releases."""
        taus = self.taus[-1] / 4 * 2.0 ** np.arange(len(self.taus))
        return replace(self, taus=taus, tau_prior=np.full(len(taus), 1 / len(taus)))

    def plainest(self) -> "Grid":
        """Independent runs, releases that do not differ, no drift; with the same season."""
        none, one = np.zeros(1), np.ones(1)
        return replace(self, phis=none, phi_prior=one, taus=none, tau_prior=one, slopes=none, slope_prior=one)

    def random_sizes(self) -> tuple[Floats, Floats, Floats]:
        """(taus, slopes, seasons) of all that is combined with each phi, each (sizes,).

        The combinations of the grid are in the order of phi, tau, slope, season, the last the fastest.
        """
        taus, slopes, seasons = np.meshgrid(self.taus, self.slopes, self.seasons, indexing="ij")
        return taus.ravel(), slopes.ravel(), seasons.ravel()

    def log_prior(self) -> Floats:
        """Of every combination, (combinations,)."""
        prior: Floats = (
            self.phi_prior[:, None, None, None]
            * self.tau_prior[:, None, None]
            * self.slope_prior[:, None]
            * self.season_prior
        )
        return np.log(prior).ravel()


@dataclass(frozen=True, slots=True)
class BorderedFactor:
    """The lower Cholesky factor L of the bordered normal equations, and what its last two rows say.

    With X the whitened, scaled columns (the effect the last of them), y the whitened values and R the ridge:

        [ X'X + R   X'y     ]                [ design_root   0             ]
        [ y'X       y'y + r ]  = L L',  L =  [ target'       residual_root ]

    *lower* (..., size, size): one factor, or one a combination. docs/verdict.md, "Averaging".
    """

    lower: Floats

    def of(self, which: int) -> "BorderedFactor":
        """That of one combination."""
        return BorderedFactor(self.lower[which])

    @property
    def design_root(self) -> Floats:
        """Of the columns alone, (..., columns, columns)."""
        return self.lower[..., :VALUES, :VALUES]

    @property
    def target(self) -> Floats:
        """The values in the columns' orthonormal basis, (..., columns): design_root⁻¹ X'y."""
        return self.lower[..., VALUES, :VALUES]

    @property
    def residual_root(self) -> Floats:
        """The root of the sum of squares that is left unexplained, (...)."""
        return self.lower[..., VALUES, VALUES]

    @property
    def effect_root(self) -> Floats:
        """The root of what is known of the effect when all other columns are fitted too, (...): sd / its error."""
        return self.lower[..., EFFECT, EFFECT]

    @property
    def effect_target(self) -> Floats:
        """What the values say in that direction, (...): effect_root times the effect."""
        return self.lower[..., VALUES, EFFECT]

    def log_design_determinant(self) -> Floats:
        """Half the log determinant of X'X + R, (...)."""
        result: Floats = np.log(np.diagonal(self.lower, axis1=-2, axis2=-1)[..., :VALUES]).sum(axis=-1)
        return result


@dataclass(frozen=True)
class Posterior:
    """What every combination on the grid says: parallel arrays, one entry a combination.

    *weights* (combinations,) sum to one. *effects*, *errors* (combinations,): the effect and its standard error, in the
    unit of the values. *sds* (combinations,): the runs' standard deviation in that unit; *phis*, *taus*, *slopes*,
    *seasons* (combinations,): the combination itself, the last three in units of sd. *log_evidence*: log of the
    marginal likelihood, up to what is common to designs of the same values. *factor*: (combinations, size, size).
    """

    design: DesignMatrix
    weights: Floats
    effects: Floats
    errors: Floats
    freedom: int
    sds: Floats
    phis: Floats
    taus: Floats
    slopes: Floats
    seasons: Floats
    log_evidence: float
    factor: BorderedFactor

    @cached_property
    def best(self) -> int:
        """The combination with the largest weight."""
        return int(np.argmax(self.weights))

    @property
    def is_plain(self) -> bool:
        """Whether runs are independent, releases do not differ and nothing drifts in the best combination."""
        best = self.best
        return not (self.phis[best] or self.taus[best] or self.slopes[best])

    def tau_weights(self) -> tuple[Floats, Floats]:
        """(taus, weights) of the grid, each (taus,)."""
        taus, group = np.unique(self.taus, return_inverse=True)
        weights: Floats = np.maximum(np.bincount(group, weights=self.weights), SMALLEST_WEIGHT)
        return taus, weights

    def mean(self, values: Floats) -> float:
        """Of *values* (combinations,), weighted."""
        return float(self.weights @ values)

    @cached_property
    def coefficients(self) -> Floats:
        """Of the scaled columns under the best combination, (columns,)."""
        factor = self.factor.of(self.best)
        result: Floats = solve_triangular(factor.design_root, factor.target, lower=True, trans="T", check_finite=False)
        return result

    def season(self) -> Floats:
        """The part of the values that repeats, under the best combination, (runs,)."""
        amplitudes = self.coefficients[self.design.blocks.season] * self.seasons[self.best]
        result: Floats = self.design.season @ amplitudes
        return result


def fit(values: Floats, design: DesignMatrix, grid: Grid) -> Posterior:
    """Every combination of *grid* fitted to *values* (runs,) by generalised least squares.

    *values* should be of order one about zero (levels taken out): their squares are summed.
    """
    taus, slopes, seasons = grid.random_sizes()
    grams, log_whitening = gram_matrices(values, design, grid.phis)
    factor = factorized(grams, design.blocks.scaled_by(taus, slopes, seasons), design.ridge)
    freedom = design.runs - design.fixed_columns
    sds = np.sqrt(factor.residual_root**2 / freedom)
    log_joint = grid.log_prior() + np.repeat(log_whitening, len(taus)) - factor.log_design_determinant()
    log_joint = log_joint - (design.runs - BASE_COLUMNS) * np.log(factor.residual_root)
    log_joint = log_joint - (design.fixed_columns - BASE_COLUMNS) * np.log(STEP_SIZE)
    top = float(log_joint.max())
    joint = np.exp(log_joint - top)
    weights = joint ** weight_exponent(design.runs)
    return Posterior(
        design=design,
        weights=weights / weights.sum(),
        effects=factor.effect_target / factor.effect_root,
        errors=sds / factor.effect_root,
        freedom=freedom,
        sds=sds,
        phis=np.repeat(grid.phis, len(taus)),
        taus=np.tile(taus, len(grid.phis)),
        slopes=np.tile(slopes, len(grid.phis)),
        seasons=np.tile(seasons, len(grid.phis)),
        log_evidence=top + float(np.log(joint.sum())),
        factor=factor,
    )


def gram_matrices(values: Floats, design: DesignMatrix, phis: Floats) -> tuple[Floats, Floats]:
    """(Z'Z, log determinant of the whitening), (phis, size, size) and (phis,), under each of *phis* (phis,).

    Z are the whitened columns of *design* with *values* (runs,) behind them.
    """
    bordered = design.bordered(values)
    grams, log_determinants = [], []
    for phi in phis:
        own, previous = whitening_weights(float(phi), design.gaps)
        rows = whiten(bordered, own, previous)
        grams.append(rows.T @ rows)
        log_determinants.append(float(np.sum(np.log(own))))
    return np.array(grams), np.array(log_determinants)


def factorized(grams: Floats, scales: Floats, ridge: Floats) -> BorderedFactor:
    """The factor of S Z'Z S + R for each of *grams* (phis, size, size) and each S of *scales* (sizes, size).

    S and R are diagonal, *ridge* (size,) is R's. Factors are (phis * sizes, size, size), the sizes the fastest.
    """
    size = len(ridge)
    systems = grams[:, None] * (scales[:, :, None] * scales[:, None, :])[None]
    systems[..., np.arange(size), np.arange(size)] += ridge
    return BorderedFactor(np.linalg.cholesky(systems).reshape(-1, size, size))


def weight_exponent(runs: int) -> float:
    """The power that weights are raised to: 1 for few runs, LARGEST_EXPONENT for many.

    Averaging over all that the noise might be makes a nominal error rate of 1 % a real one of 0.3 %, and believing the
    best combination alone one of 2 %; the more runs there are, the nearer to the best the truth is.
    """
    return min(max(runs / RUNS_PER_EXPONENT, 1.0), LARGEST_EXPONENT)


def fit_expanding(values: Floats, design: DesignMatrix, grid: Grid) -> tuple[Posterior, Grid]:
    """The fit to *values* (runs,), and the grid with taus as large as the releases show."""
    fitted = fit(values, design, grid)
    while grid.taus[-1] < LARGEST_TAU and fitted.weights[fitted.taus == grid.taus[-1]].sum() > EXPAND_AT:
        grid = grid.expanded()
        fitted = fit(values, design, grid)
    return fitted, grid

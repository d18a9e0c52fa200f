"""The noise of a series: how runs scatter, follow each other, follow the clock, drift, and wobble between releases.

One linear model: levels + season + slope + a random wobble per release + autocorrelated scatter. What is not known of
the noise (autocorrelation, wobble, season, slope) is not estimated and then believed: every combination on a grid is
kept with the weight that the data give it, so that few runs mean wide answers. One Cholesky factor per combination
gives its likelihood, the effect and the effect's standard error.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from dogdriver.verdict.series import Floats, Ints

PHIS = np.array([0.0, 0.2, 0.4, 0.6, 0.75, 0.87, 0.95])
PHI_PRIOR = np.array([0.55, 0.09, 0.09, 0.09, 0.08, 0.06, 0.04])
"""Autocorrelation of successive runs."""

TAUS = np.array([0.0, 0.2, 0.4, 0.7, 1.2, 2.0])
TAU_PRIOR = np.array([0.60, 0.14, 0.10, 0.08, 0.05, 0.03])
"""Wobble between releases, in units of the runs' scatter."""

LOUDEST_TAU = 1000.0
WIDER = 0.25
"""With so much of the weight at the largest wobble there is more of it than the grid has."""

SLOPES = np.array([0.0, 3.0])
SLOPE_PRIOR = np.array([0.85, 0.15])
"""Drift from the first run to the last, in the same units."""

SEASONS = np.array([0.0, 1.0, 4.0])
SEASON_PRIOR = np.array([0.6, 0.2, 0.2])
"""Amplitude of what repeats, in the same units."""

STEP_SIZE = 4.0
"""What a step, where there is one, is expected to be, in the same units."""

LEVELS = 2
"""The common level and the effect: what every layout has. Further fixed columns are steps."""

LONGEST_GAP = 50.0
JITTER = 1e-10
NEVER = 1e-300
SHARPEST = 2.0
RUNS_PER_SHARPNESS = 40


def sharpness(runs: int) -> float:
    """The power that weights are raised to: 1 for few runs, SHARPEST for many.

    Averaging over all that the noise might be makes a nominal error rate of 1 % a real one of 0.3 %, and believing the
    best combination alone one of 2 %; the more runs there are, the nearer to the best the truth is.
    """
    return min(max(runs / RUNS_PER_SHARPNESS, 1.0), SHARPEST)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the values are explained by. All arrays have one row per run.

    *fixed* columns may be as large as they like; *wobble*, *season* and *slope* columns are as large as the grid says.
    *gaps* are the distances from the run before, in typical distances. *effect* is the column that is asked about.
    *least* is the variance that is added to what is left unexplained: no run is known better.
    """

    gaps: Floats
    fixed: Floats
    wobble: Floats
    season: Floats
    slope: Floats
    effect: Floats
    least: float = JITTER

    def with_step(self, place: int) -> "Layout":
        """The same with the level free to differ from *place* on."""
        step = (np.arange(len(self.gaps)) >= place).astype(float)[:, None]
        return replace(self, fixed=np.hstack([self.fixed, step]))

    @property
    def columns(self) -> Floats:
        return np.hstack([self.fixed, self.wobble, self.season, self.slope[:, None], self.effect[:, None]])


def distances(seconds: Floats) -> Floats:
    """From the run before, in typical distances: at least one, so that a burst is not taken for one run."""
    gaps = np.diff(seconds)
    typical = float(np.median(gaps)) if gaps.size else 0.0
    far = np.ones_like(gaps) if typical <= 0 else np.clip(gaps / typical, 1.0, LONGEST_GAP)
    return np.concatenate([[1.0], far])


def whitening(phi: float, gaps: Floats) -> tuple[Floats, Floats]:
    """(w, c): the whitened row i is w[i] * row[i] - c[i] * row[i - 1]."""
    carried = np.power(phi, gaps)
    carried[0] = 0.0
    weight = 1.0 / np.sqrt(1.0 - carried**2)
    return weight, weight * carried


def whitened(rows: Floats, weight: Floats, carry: Floats) -> Floats:
    result = rows * weight[:, None]
    result[1:] -= rows[:-1] * carry[1:, None]
    return result


@dataclass(frozen=True)
class Posterior:
    """What every combination on the grid says: parallel arrays, one entry a combination."""

    layout: Layout
    weights: Floats
    effects: Floats
    errors: Floats
    freedom: int
    sds: Floats
    phis: Floats
    taus: Floats
    slopes: Floats
    seasons: Floats
    evidence: float
    """Log of the marginal likelihood, up to what is common to layouts of the same values."""
    factors: Floats

    @cached_property
    def best(self) -> int:
        return int(np.argmax(self.weights))

    def wobble(self) -> tuple[Floats, Floats]:
        """The taus of the grid and the weight of each."""
        taus, group = np.unique(self.taus, return_inverse=True)
        weights: Floats = np.maximum(np.bincount(group, weights=self.weights), NEVER)
        return taus, weights

    def mean(self, values: Floats) -> float:
        return float(self.weights @ values)


@dataclass(frozen=True, slots=True)
class Grid:
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
        one = np.ones(1)
        return cls(PHIS, PHI_PRIOR, TAUS, TAU_PRIOR, SLOPES, SLOPE_PRIOR, np.array([season]), one)

    def wider(self) -> "Grid":
        """The same for more wobble."""
        taus = self.taus[-1] / 4 * 2.0 ** np.arange(len(self.taus))
        return replace(self, taus=taus, tau_prior=np.full(len(taus), 1 / len(taus)))

    @classmethod
    def coarse(cls) -> "Grid":
        return cls(
            PHIS[[0, 3, 5]], PHI_PRIOR[[0, 3, 5]], TAUS[[0, 2, 4]], TAU_PRIOR[[0, 2, 4]],
            SLOPES, SLOPE_PRIOR, SEASONS, SEASON_PRIOR,
        )  # fmt: skip


def posterior(values: Floats, layout: Layout, grid: Grid) -> Posterior:
    """*values* should be of order one about zero (levels taken out): their squares are summed."""
    runs = len(values)
    table = np.hstack([layout.columns, values[:, None]])
    grams, log_weights = [], []
    for phi in grid.phis:
        weight, carry = whitening(float(phi), layout.gaps)
        rows = whitened(table, weight, carry)
        grams.append(rows.T @ rows)
        log_weights.append(float(np.sum(np.log(weight))))
    gram = np.array(grams)
    fixed, wobbles, waves = layout.fixed.shape[1], layout.wobble.shape[1], layout.season.shape[1]
    tau, slope, season = (a.ravel() for a in np.meshgrid(grid.taus, grid.slopes, grid.seasons, indexing="ij"))
    size = table.shape[1]
    scales = np.ones((len(tau), size))
    scales[:, fixed : fixed + wobbles] = tau[:, None]
    scales[:, fixed + wobbles : fixed + wobbles + waves] = season[:, None]
    scales[:, fixed + wobbles + waves] = slope
    ridge = np.full(size, JITTER)
    ridge[fixed : size - 2] = 1.0
    ridge[-1] = layout.least * runs
    systems = gram[:, None] * (scales[:, :, None] * scales[:, None, :])[None]
    systems[..., np.arange(size), np.arange(size)] += ridge
    factors = np.linalg.cholesky(systems).reshape(-1, size, size)
    diagonal = np.diagonal(factors, axis1=1, axis2=2)
    freedom = runs - fixed - 1
    variance = diagonal[:, -1] ** 2 / freedom
    prior = np.log(
        grid.phi_prior[:, None, None, None]
        * grid.tau_prior[:, None, None]
        * grid.slope_prior[:, None]
        * grid.season_prior
    ).ravel()
    log_likelihood = (
        prior
        + np.repeat(log_weights, len(tau))
        - np.log(diagonal[:, :-1]).sum(axis=1)
        - (runs - LEVELS) * np.log(diagonal[:, -1])
        - (fixed + 1 - LEVELS) * np.log(STEP_SIZE)
    )
    top = float(log_likelihood.max())
    likelihood = np.exp(log_likelihood - top)
    weights = likelihood ** sharpness(runs)
    return Posterior(
        layout=layout,
        weights=weights / weights.sum(),
        effects=factors[:, -1, -2] / diagonal[:, -2],
        errors=np.sqrt(variance) / diagonal[:, -2],
        freedom=freedom,
        sds=np.sqrt(variance),
        phis=np.repeat(grid.phis, len(tau)),
        taus=np.tile(tau, len(grid.phis)),
        slopes=np.tile(slope, len(grid.phis)),
        seasons=np.tile(season, len(grid.phis)),
        evidence=top + float(np.log(likelihood.sum())),
        factors=factors,
    )


def widened(values: Floats, layout: Layout, grid: Grid) -> tuple[Posterior, Grid]:
    """The posterior, and the grid with as much wobble as the releases show."""
    fitted = posterior(values, layout, grid)
    while grid.taus[-1] < LOUDEST_TAU and fitted.weights[fitted.taus == grid.taus[-1]].sum() > WIDER:
        grid = grid.wider()
        fitted = posterior(values, layout, grid)
    return fitted, grid


@dataclass(frozen=True, slots=True)
class Scan:
    """What a further step from each place on would do, under one combination of the grid.

    *gain* is the log of the marginal likelihood's growth, *effects* and *errors* are the effect's with that step.
    """

    gain: Floats
    effects: Floats
    errors: Floats


def scan(values: Floats, fitted: Posterior, which: int) -> Scan:
    """Every place at once."""
    layout = fitted.layout
    weight, carry = whitening(float(fitted.phis[which]), layout.gaps)
    columns = layout.columns
    fixed, wobbles, waves = layout.fixed.shape[1], layout.wobble.shape[1], layout.season.shape[1]
    columns[:, fixed : fixed + wobbles] *= fitted.taus[which]
    columns[:, fixed + wobbles : fixed + wobbles + waves] *= fitted.seasons[which]
    columns[:, fixed + wobbles + waves] *= fitted.slopes[which]
    rows = whitened(np.hstack([columns, values[:, None]]), weight, carry)
    later = (weight - carry)[:, None]
    tails = np.cumsum((rows * later)[::-1], axis=0)[::-1]
    products = rows * weight[:, None] + np.vstack([tails[1:], np.zeros((1, rows.shape[1]))])
    squares = np.cumsum((later[:, 0] ** 2)[::-1])[::-1]
    norms = weight**2 + np.append(squares[1:], 0.0)
    factor = fitted.factors[which]
    inner = solve_triangular(factor[:-1, :-1], products[:, :-1].T, lower=True, check_finite=False)
    target = factor[-1, :-1]
    free = np.maximum(norms - np.sum(inner**2, axis=0), 0.0) + STEP_SIZE**-2
    pull = products[:, -1] - target @ inner
    left = factor[-1, -1] ** 2
    remaining = np.maximum(left - pull**2 / free, JITTER)
    root = factor[-2, -2]
    turned = inner[-1]
    step = pull / free
    sd = np.sqrt(remaining / max(fitted.freedom - 1, 1))
    return Scan(
        gain=-0.5 * np.log(free * STEP_SIZE**2) + 0.5 * fitted.freedom * (np.log(left) - np.log(remaining)),
        effects=(target[-1] - turned * step) / root,
        errors=sd * np.sqrt(1.0 + turned**2 / free) / root,
    )


def release_columns(release: Ints) -> Floats:
    """One indicator column for each release that occurs."""
    result: Floats = (release[:, None] == np.unique(release)).astype(float)
    return result


def season_of(fitted: Posterior) -> Floats:
    """The part of the values that repeats, under the best combination."""
    layout, which = fitted.layout, fitted.best
    factor = fitted.factors[which]
    solution = solve_triangular(factor[:-1, :-1], factor[-1, :-1], lower=True, trans="T", check_finite=False)
    first = layout.fixed.shape[1] + layout.wobble.shape[1]
    chosen = slice(first, first + layout.season.shape[1])
    result: Floats = layout.season @ (solution[chosen] * fitted.seasons[which])
    return result

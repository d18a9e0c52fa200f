"""The fast algebra against slow, plain, independent calculations."""

import numpy as np
import pytest
from scipy import stats

from dogdriver.verdict.design import DesignMatrix, release_indicators
from dogdriver.verdict.mixed_model import STEP_SIZE, Grid, Posterior, fit, weight_exponent
from dogdriver.verdict.mixture import Mixture
from dogdriver.verdict.robust import group_medians, pseudo_values, robust_scale
from dogdriver.verdict.seasonal import harmonics
from dogdriver.verdict.series import Floats
from dogdriver.verdict.step_scan import scan_steps

RUNS, RELEASES = 40, 5


def made(seed: int) -> tuple[Floats, DesignMatrix]:
    rng = np.random.default_rng(seed)
    release = np.repeat(np.arange(RELEASES), RUNS // RELEASES)
    gaps = rng.choice([1.0, 1.0, 2.0, 7.5], RUNS)
    design = DesignMatrix(
        gaps=gaps,
        fixed=np.ones((RUNS, 1)),
        releases=release_indicators(release),
        season=harmonics(np.cumsum(gaps) * 3600, 86400.0, 2),
        slope=np.linspace(-1.0, 0.0, RUNS),
        effect=(release == RELEASES - 1).astype(float),
    )
    return rng.standard_normal(RUNS), design


def covariance(design: DesignMatrix, found: Posterior, which: int) -> Floats:
    places = np.cumsum(design.gaps)
    result: Floats = float(found.phis[which]) ** np.abs(np.subtract.outer(places, places))
    for columns, size in (
        (design.releases, found.taus[which]),
        (design.season, found.seasons[which]),
        (design.slope[:, None], found.slopes[which]),
    ):
        result = result + size**2 * columns @ columns.T
    return result


def restricted(values: Floats, columns: Floats, spread: Floats) -> tuple[float, float, float]:
    """(effect, standard error, log restricted likelihood) with dense matrices; the effect is the last column."""
    inverse = np.linalg.inv(spread)
    inner = columns.T @ inverse @ columns
    solution = np.linalg.solve(inner, columns.T @ inverse @ values)
    left = float((values - columns @ solution) @ inverse @ (values - columns @ solution))
    freedom = len(values) - columns.shape[1]
    error = float(np.sqrt(left / freedom * np.linalg.inv(inner)[-1, -1]))
    log_likelihood = -0.5 * (np.linalg.slogdet(spread)[1] + np.linalg.slogdet(inner)[1] + freedom * np.log(left))
    return float(solution[-1]), error, float(log_likelihood)


@pytest.mark.parametrize("seed", range(4))
def test_every_combination_is_generalised_least_squares_with_its_restricted_likelihood(seed: int) -> None:
    values, design = made(seed)
    found = fit(values, design, Grid.coarse())
    columns = np.column_stack([np.ones(RUNS), design.effect])
    grid = Grid.coarse()
    prior = np.log(
        np.einsum("i,j,k,l->ijkl", grid.phi_prior, grid.tau_prior, grid.slope_prior, grid.season_prior).ravel()
    )
    chosen = range(0, len(found.weights), 5)
    expected = [restricted(values, columns, covariance(design, found, i)) for i in chosen]
    assert found.effects[list(chosen)] == pytest.approx([e for e, _, _ in expected], rel=1e-6, abs=1e-8)
    assert found.errors[list(chosen)] == pytest.approx([s for _, s, _ in expected], rel=1e-6)
    logs = np.log(found.weights[list(chosen)]) / weight_exponent(RUNS)
    wanted = np.array([w for _, _, w in expected]) + prior[list(chosen)]
    assert logs - logs[0] == pytest.approx(wanted - wanted[0], abs=1e-5)


def test_a_scanned_step_is_the_one_that_is_fitted() -> None:
    values, design = made(9)
    found = fit(values, design, Grid.coarse())
    which = found.best
    scanned = scan_steps(values, found, which)
    columns = np.column_stack([np.ones(RUNS), design.effect])
    plain = covariance(design, found, which)
    for place in (3, 17, 30, 36):
        step = (np.arange(RUNS) >= place).astype(float)
        spread = plain + STEP_SIZE**2 * np.outer(step, step)
        effect, _, likelihood = restricted(values, columns, spread)
        assert scanned.effects[place] == pytest.approx(effect, rel=1e-6, abs=1e-8)
        assert scanned.gain[place] == pytest.approx(likelihood - restricted(values, columns, plain)[2], abs=1e-5)


@pytest.mark.parametrize("freedom", [4, 10, 50, 300])
def test_one_component_is_students_t(freedom: int) -> None:
    one = Mixture(np.ones(1), np.array([0.3]), np.array([2.0]), freedom)
    shares = (0.005, 0.05, 0.5, 0.95, 0.995)
    assert one.quantiles(shares) == pytest.approx(stats.t.ppf(shares, freedom, 0.3, 2.0), rel=2e-3, abs=1e-6)
    assert one.p_value() == pytest.approx(2 * stats.t.sf(0.15, freedom))


@pytest.mark.parametrize("seed", range(20))
def test_a_mixtures_quantiles_have_their_shares_below(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 30))
    mixture = Mixture(
        rng.dirichlet(np.ones(size)), rng.normal(size=size), np.exp(rng.normal(size=size)), int(rng.integers(4, 80))
    )
    shares = (0.005, 0.05, 0.5, 0.95, 0.995)
    assert mixture.cdf(mixture.quantiles(shares)) == pytest.approx(shares, rel=0.03)


def test_the_medians_of_groups_are_medians() -> None:
    rng = np.random.default_rng(1)
    group = rng.integers(0, 7, 100)
    values = rng.standard_normal(100)
    assert group_medians(values, group, 7) == pytest.approx([float(np.median(values[group == i])) for i in range(7)])


def test_cleaning_leaves_calm_runs_alone_and_takes_outliers_away() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(10), 10)
    calm = rng.uniform(-1, 1, 100)
    kept, spread = pseudo_values(calm, group, 10)
    assert kept == pytest.approx(calm, abs=0.15)
    outlying = calm.copy()
    outlying[5] = 1e6
    tamed, same = pseudo_values(outlying, group, 10)
    assert same == pytest.approx(spread, rel=0.1)
    assert abs(tamed[5]) < 1


def test_the_scale_is_that_of_normal_values_and_ignores_a_tenth() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal(20_000)
    assert robust_scale(values) == pytest.approx(1.0, abs=0.03)
    values[:2000] *= 1000
    assert robust_scale(values) == pytest.approx(1.25, abs=0.2)

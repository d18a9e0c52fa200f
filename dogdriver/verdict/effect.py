"""The effect of one release: the mixture of all that the noise may be, and of the steps that it may hide."""

from dataclasses import dataclass, replace

import numpy as np

from dogdriver.verdict.design import SMALLEST_RIDGE, DesignMatrix, release_indicators
from dogdriver.verdict.mixed_model import Grid, Posterior, fit, fit_expanding
from dogdriver.verdict.mixture import Mixture
from dogdriver.verdict.robust import group_medians, pseudo_values, robust_scale
from dogdriver.verdict.seasonal import season_columns
from dogdriver.verdict.series import Flags, Floats, Ints, Series, group_numbers
from dogdriver.verdict.step_scan import scan_steps
from dogdriver.verdict.whitening import relative_gaps

STEP_RATE = 1 / 300
"""A step in the history is believed when it is likely even though there is one in so many runs only."""
CONFOUNDER_RATE = 1 / 100
"""A step that could be taken for the release's doing is reckoned with more readily,"""
CONFOUNDER_EXPONENT = 1.5
"""the likely ones more than in proportion, so that many unlikely ones do not add up."""
MOST_STEPS = 4
FEWEST_FREEDOM = 8
"""Degrees of freedom that have to be there before a step may take one."""
BESIDE = 2
"""Runs that a step may come before the release and still be taken for its doing, or the other way round."""
SMALLEST_NOISE = 0.01
"""Runs that scatter less than this share of what their releases differ by scatter as much as that."""
NEGLIGIBLE_WEIGHT = 1e-5
LARGEST_GAIN = 100.0


@dataclass(frozen=True, slots=True)
class Effect:
    """In coordinates of the series' scale; *posterior* alone is in units of the runs' typical scatter.

    *sd* is the runs' standard deviation, *between_releases* that of releases' levels. *confounding_step*: so many runs
    after the release's start (before it, if negative) there is a step that explains more than one at its start; None
    where there is no such step inside or just before the release.
    """

    mixture: Mixture
    sd: float
    autocorrelation: float
    between_releases: float
    confounding_step: int | None
    posterior: Posterior


@dataclass(frozen=True, slots=True)
class Standardized:
    """What is fitted: *values* (runs,) of order one about zero, in units of *unit* coordinates, and their *design*.

    *offset*, in coordinates, was taken out of the judged release; *season* is the amplitude of what repeats, in units.
    """

    values: Floats
    design: DesignMatrix
    season: float
    unit: float
    offset: float

    def effect(self, fitted: Posterior, mixture: Mixture, confounding_step: int | None) -> Effect:
        """*mixture*, which is in units, brought back to coordinates."""
        return Effect(
            mixture=replace(
                mixture, centres=mixture.centres * self.unit + self.offset, errors=mixture.errors * self.unit
            ),
            sd=fitted.mean(fitted.sds) * self.unit,
            autocorrelation=fitted.mean(fitted.phis),
            between_releases=fitted.mean(fitted.taus * fitted.sds) * self.unit,
            confounding_step=confounding_step,
            posterior=fitted,
        )


def estimate_effect(coordinates: Floats, series: Series, judged: int) -> Effect:
    """The effect of release number *judged* against all the other runs of *series*; *coordinates* (runs,)."""
    is_judged = series.release == judged
    ready = standardize(coordinates, series, is_judged, ~is_judged)
    fitted = fit_with_steps(ready.values, ready.design, Grid.full(ready.season))
    mixture, confounding_step = mix_in_one_more_step(ready.values, fitted, is_judged)
    return ready.effect(fitted, mixture, confounding_step)


def estimate_since_pinned(
    coordinates: Floats, series: Series, judged: int, pinned: int, tau_weights: tuple[Floats, Floats]
) -> Effect:
    """The effect of release number *judged* against number *pinned*; *coordinates* (runs,).

    Those between have levels of their own. *tau_weights* (taus,) are the taus and their weights: two releases cannot
    show how much releases differ. docs/verdict.md, "Since a pinned release".
    """
    is_judged, is_pinned = series.release == judged, series.release == pinned
    ready = standardize(coordinates, series, is_judged, is_pinned)
    between = release_indicators(series.release)[:, ~np.isin(np.unique(series.release), (judged, pinned))]
    design = replace(ready.design, fixed=np.hstack([ready.design.fixed, between]))
    taus, weights = tau_weights
    no_slope, one = np.zeros(1), np.ones(1)
    grid = replace(Grid.full(ready.season), taus=taus, tau_prior=weights, slopes=no_slope, slope_prior=one)
    fitted = fit(ready.values, design, grid)
    mixture = Mixture(fitted.weights, fitted.effects, fitted.errors, fitted.freedom)
    return ready.effect(fitted, mixture, None)


def standardize(coordinates: Floats, series: Series, own: Flags, base: Flags) -> Standardized:
    """Take the levels and the outliers out, find out whether something repeats.

    *coordinates* (runs,) of *series*; *own*, *base* (runs,) mark the judged release and what it is compared with.
    """
    group, groups = group_numbers(series.release)
    level = float(np.median(coordinates[base]))
    offset = float(np.median(coordinates[own])) - level
    centred = coordinates - level
    smallest = SMALLEST_NOISE * scale_between_releases(centred, group, groups)
    clean, unit = pseudo_values(centred, group, groups)
    unit = max(unit, smallest)
    clean = clean - offset * own
    design = DesignMatrix(
        gaps=relative_gaps(series.seconds),
        fixed=np.ones((len(series), 1)),
        releases=release_indicators(series.release),
        season=season_columns(series.seconds),
        slope=np.linspace(-1.0, 0.0, len(series)),
        effect=own.astype(float),
        variance_floor=max(SMALLEST_RIDGE, (smallest / unit) ** 2),
    )
    if not design.season.shape[1]:
        return Standardized(clean / unit, design, 0.0, unit, offset)
    seasonal = fit(clean / unit, design, Grid.coarse())
    amplitude = float(seasonal.seasons[seasonal.best])
    if not amplitude:
        return Standardized(clean / unit, replace(design, season=design.season[:, :0]), 0.0, unit, offset)
    # Outliers are told better once the season is out of the way; it goes back in for the model to fit.
    wave = seasonal.season() * unit
    clean, unit = pseudo_values(centred - wave, group, groups)
    unit = max(unit, smallest)
    clean = clean + wave - offset * own
    return Standardized(clean / unit, design, amplitude, unit, offset)


def scale_between_releases(values: Floats, group: Ints, groups: int) -> float:
    """Of the levels, from one release to the next, in the unit of *values* (runs,); *group* (runs,): their numbers."""
    return robust_scale(np.diff(group_medians(values, group, groups)), outer=0.5) if groups > BESIDE else 0.0


def fit_with_steps(values: Floats, design: DesignMatrix, grid: Grid) -> Posterior:
    """The fit to *values* (runs,), the level freed where the history stepped while that explains more than it costs.

    Forward selection; of the places that the likeliest combination and the plainest one propose, the better.
    docs/verdict.md, "Model", the steps.
    """
    fitted, grid = fit_expanding(values, design, grid)
    steps: list[int] = []
    log_rate = np.log(STEP_RATE)
    first_judged = int(np.argmax(design.effect > 0))
    while len(steps) < MOST_STEPS and fitted.freedom > FEWEST_FREEDOM:
        independent = (fitted.phis == 0) & (fitted.taus == 0)
        plainest = int(np.argmax(np.where(independent, fitted.weights, -1.0)))
        best, improved = None, fitted
        for which in {plainest, fitted.best}:
            gain = scan_steps(values, fitted, which).gain
            gain[0] = -np.inf
            gain[max(first_judged - BESIDE, 0) :] = -np.inf
            place = int(np.argmax(gain))
            if gain[place] + log_rate < 0 or place in steps:
                continue
            tried = fit(values, design.with_step(place), grid)
            if tried.log_evidence + log_rate > improved.log_evidence + (0 if best is None else log_rate):
                best, improved = place, tried
        if best is None:
            break
        steps.append(best)
        design, fitted = improved.design, improved
    return fitted


def mix_in_one_more_step(values: Floats, fitted: Posterior, is_judged: Flags) -> tuple[Mixture, int | None]:
    """The mixture over the grid and over one more step anywhere; and how far off the start that most likely is.

    *values*, *is_judged* (runs,). None where no step is likely that could be taken for the release's doing, or the
    release's doing for it. docs/verdict.md, "Confounding steps".
    """
    found = scan_steps(values, fitted, fitted.best)
    places = np.arange(len(values))
    start = int(np.argmax(is_judged))
    elsewhere = (places > 0) & (places != start)
    bayes_factors = np.exp(np.minimum(found.gain, LARGEST_GAIN))
    odds = np.where(elsewhere, (bayes_factors * CONFOUNDER_RATE) ** CONFOUNDER_EXPONENT, 0.0)
    total = 1.0 + float(odds.sum())
    weights = np.concatenate([fitted.weights / total, odds / total])
    kept = weights > NEGLIGIBLE_WEIGHT
    mixture = Mixture(
        weights=weights[kept] / weights[kept].sum(),
        centres=np.concatenate([fitted.effects, found.effects])[kept],
        errors=np.concatenate([fitted.errors, found.errors])[kept],
        freedom=fitted.freedom,
    )
    beside = np.where(places >= start - BESIDE, odds, 0.0)
    if float(beside.sum()) <= total / 2:
        return mixture, None
    place = int(np.argmax(beside))
    return mixture, int(is_judged[:place].sum()) if place > start else place - start

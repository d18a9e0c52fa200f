"""The effect of one release: the mixture of all that the noise may be, and of the steps that it may hide."""

from dataclasses import dataclass, replace

import numpy as np

from dogdriver.verdict.design import SMALLEST_RIDGE, DesignMatrix, release_indicators
from dogdriver.verdict.history import BESIDE, LONGEST_BLOCK, STEP_RATE, Earlier, History, HistoryFit
from dogdriver.verdict.mixed_model import Grid, Posterior, fit
from dogdriver.verdict.mixture import Mixture
from dogdriver.verdict.robust import group_medians, pseudo_values, robust_scale
from dogdriver.verdict.seasonal import season_columns
from dogdriver.verdict.series import Flags, Floats, Ints, Series, group_numbers
from dogdriver.verdict.step_scan import StepScan, scan_steps
from dogdriver.verdict.whitening import relative_gaps

CONFOUNDER_RATE = 1 / 100
"""A step that could be taken for the release's doing is reckoned with more readily than one in the history (in a window
of more runs than this says, once in the window),"""
CONFOUNDER_EXPONENT = 1.5
"""the likely ones more than in proportion, so that many unlikely ones do not add up."""
FEWEST_RUNS = 3
"""By which a release can be judged."""
SMALLEST_NOISE = 0.01
"""Runs that scatter less than this share of what their releases differ by scatter as much as that."""
SAME = 2.0
"""Standard errors that a release may be off the one before it and still be where that was."""
ROUNDING = 1e-9
"""Levels, in coordinates, that are closer are one."""
NEGLIGIBLE_WEIGHT = 1e-5
LARGEST_GAIN = 100.0


@dataclass(frozen=True, slots=True)
class ConfoundingStep:
    """A step so many *runs* after the release's start (before it, if negative), by *size* in coordinates.

    *sure*: it is likely even though a step is rare, so that it is told and not only reckoned with.
    """

    runs: int
    size: float
    sure: bool

    @property
    def inside(self) -> bool:
        """Far enough from the start for the release's own first runs to show what the release did."""
        return self.runs > BESIDE


@dataclass(frozen=True, slots=True)
class Effect:
    """In coordinates of the series' scale; *posterior* alone is in units of the runs' typical scatter.

    *sd* is the runs' standard deviation, *between_releases* that of releases' levels. *step*: one that explains more
    than one at the release's start; None where there is no such step inside or just before the release.
    """

    mixture: Mixture
    sd: float
    autocorrelation: float
    between_releases: float
    step: ConfoundingStep | None
    posterior: Posterior


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beside the size of the effect: a *margin* in coordinates, beyond which it is worse, upward if so.

    *bad*: numbers of releases that are known to be worse than those before them.
    """

    margin: float
    upward: bool
    bad: frozenset[int] = frozenset()

    def worse(self, size: float) -> bool:
        return (size if self.upward else -size) >= self.margin


@dataclass(frozen=True, slots=True)
class Comparison:
    """*effect* is against the last good level; *previous* against that of the bad releases right before, if any.

    *apart*: numbers of the releases with a level of their own, which *effect* does not rest on.
    """

    effect: Effect
    previous: Effect | None = None
    apart: frozenset[int] = frozenset()


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

    def estimate(self, fitted: HistoryFit, is_judged: Flags) -> Effect:
        """The effect of the runs that *is_judged* (runs,) marks, with the history that was *fitted*."""
        posterior = fitted.posterior
        mixture, step = mix_in_one_more_step(fitted.one_more_step, posterior, is_judged)
        if step is not None and step.inside and step.sure:
            # With the step known the noise is seen for what it is.
            place = int(np.flatnonzero(is_judged)[step.runs])
            posterior = fit(self.values, posterior.design.with_step(place), Grid.full(self.season))
            found = scan_steps(self.values, posterior, posterior.best)
            mixture, _ = mix_in_one_more_step(found, posterior, is_judged)
        return self.effect(posterior, mixture, step)

    def effect(self, fitted: Posterior, mixture: Mixture, step: ConfoundingStep | None) -> Effect:
        """*mixture*, which is in units, brought back to coordinates."""
        return Effect(
            mixture=replace(
                mixture, centres=mixture.centres * self.unit + self.offset, errors=mixture.errors * self.unit
            ),
            sd=fitted.mean(fitted.sds) * self.unit,
            autocorrelation=fitted.mean(fitted.phis),
            between_releases=fitted.mean(fitted.taus * fitted.sds) * self.unit,
            step=step and replace(step, size=step.size * self.unit),
            posterior=fitted,
        )


def estimate_effect(coordinates: Floats, series: Series, judged: int, question: Question) -> Comparison:
    """The effect of release number *judged* against all the other runs of *series*; *coordinates* (runs,)."""
    is_judged = series.release == judged
    ready = standardize(coordinates, series, is_judged, ~is_judged)
    history = History(ready.values, ready.design, Earlier.of(series.release, is_judged))
    grid = Grid.full(ready.season)
    fitted = history.select(grid, history.earlier.blocks_of(question.bad))
    previous = ready.estimate(fitted, is_judged)
    good = last_good(fitted.levels() * ready.unit, question)
    if good == fitted.reference:
        return Comparison(previous, apart=fitted.apart())
    against_good = history.fitted(grid, fitted.terms, good)
    effect = ready.estimate(against_good, is_judged)
    numbers = history.earlier.numbers[good + 1 :]
    had_their_chance = max(int(np.sum(series.release == number)) for number in numbers) >= FEWEST_RUNS
    known = bool(np.all(np.isin(numbers, list(question.bad))))
    if had_their_chance and not known and stayed(previous, effect, question):
        return Comparison(previous, apart=fitted.apart())
    return Comparison(effect, previous=previous, apart=against_good.apart())


def stayed(previous: Effect, against_good: Effect, question: Question) -> bool:
    """Whether the release is where the bad one before it was: then the change is that one's doing."""
    off, error = abs(previous.mixture.mean()), float(np.sqrt(previous.mixture.variance()))
    return off < min(abs(against_good.mixture.mean()), max(question.margin, SAME * error))


def last_good(levels: Floats, question: Question) -> int:
    """The place of the newest release whose level is not worse than the good one before it.

    *levels* (releases,) in coordinates. A level that more than LONGEST_BLOCK releases in a row have kept is what is
    usual by then, however bad.
    """
    good = 0
    stretches = np.split(np.arange(len(levels)), np.flatnonzero(np.abs(np.diff(levels)) > ROUNDING) + 1)
    for stretch in stretches:
        short = len(stretch) <= LONGEST_BLOCK
        if stretch[0] == 0 or not (short and question.worse(float(levels[stretch[0]] - levels[good]))):
            good = int(stretch[-1])
    return good


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


def mix_in_one_more_step(
    found: StepScan, fitted: Posterior, is_judged: Flags
) -> tuple[Mixture, ConfoundingStep | None]:
    """The mixture over the grid and over one more step anywhere, as *found*; and the one that is most likely.

    *is_judged* (runs,). None where no step is likely that could be taken for the release's doing, or the
    release's doing for it. docs/verdict.md, "Confounding steps".
    """
    places = np.arange(len(is_judged))
    start = int(np.argmax(is_judged))
    elsewhere = (places > 0) & (places != start)
    bayes_factors = np.exp(np.minimum(found.gain, LARGEST_GAIN))
    rate = min(CONFOUNDER_RATE, 1.0 / len(is_judged))
    odds = np.where(elsewhere, (bayes_factors * rate) ** CONFOUNDER_EXPONENT, 0.0)
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
    runs = int(is_judged[:place].sum()) if place > start else place - start
    return mixture, ConfoundingStep(runs, float(found.sizes[place]), sure=bool(bayes_factors[place] * STEP_RATE > 1))

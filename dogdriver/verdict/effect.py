"""The effect of one release: the mixture of all that the noise may be, and of the steps that it may hide."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, ndtr, stdtr, stdtrit

from dogdriver.verdict import mixed_model as noise
from dogdriver.verdict.robust import cleaned, medians, scale
from dogdriver.verdict.seasonal import harmonics
from dogdriver.verdict.series import Flags, Floats, Ints, Series

STEP_RATE = 1 / 300
"""A step in the history is believed when it is likely even though there is one in so many runs only."""
STRAY_RATE = 1 / 100
"""A step that could be taken for the release's doing is reckoned with more readily,"""
STRAY_SHARPNESS = 1.5
"""the likely ones more than in proportion, so that many unlikely ones do not add up."""
MOST_STEPS = 4
FEWEST_FREEDOM = 8
"""Degrees of freedom that have to be there before a step may take one."""
BESIDE = 2
"""Runs that a step may come before the release and still be taken for its doing, or the other way round."""
QUIETEST = 0.01
"""Runs that scatter less than this share of what their releases differ by scatter as much as that."""
UNLIKELY = 0.2
NEGLIGIBLE = 1e-5
HIGHEST_GAIN = 100.0
WIDEST = 400.0
"""Standard errors from the centre that a quantile may be."""
BISECTIONS = 30
POLISHES = 1
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Mixture:
    """Student's t distributions: *weights* sum to one."""

    weights: Floats
    centres: Floats
    errors: Floats
    freedom: int

    def below(self, at: Floats) -> Floats:
        scaled = (at[:, None] - self.centres) / self.errors
        result: Floats = stdtr(self.freedom, scaled) @ self.weights
        return result

    def p(self) -> float:
        """Two-sided, that there is no effect."""
        scaled = self.centres / self.errors
        below, above = (float(stdtr(self.freedom, tail) @ self.weights) for tail in (-scaled, scaled))
        return min(1.0, 2 * min(below, above))

    def quantiles(self, shares: tuple[float, ...]) -> Floats:
        """By bisection on a normal approximation of each t (Wallace's), then Newton's step on the mixture itself."""
        wanted = np.array(shares)
        centre = float(self.weights @ self.centres)
        reach = float(np.max(np.abs(self.centres - centre) + self.errors)) * WIDEST
        low: Floats = np.full(len(wanted), centre - reach)
        high: Floats = np.full(len(wanted), centre + reach)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            under = self.roughly_below(middle) < wanted
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        found: Floats = (low + high) / 2
        for _ in range(POLISHES):
            step = (self.below(found) - wanted) / np.maximum(self.density(found), TINY)
            found = np.clip(found - step, found - reach / 2, found + reach / 2)
        return found

    def roughly_below(self, at: Floats) -> Floats:
        scaled = (at[:, None] - self.centres) / self.errors
        freedom = self.freedom
        normal = np.sqrt(freedom * np.log1p(scaled**2 / freedom)) * ((8 * freedom + 1) / (8 * freedom + 3))
        result: Floats = ndtr(np.copysign(normal, scaled)) @ self.weights
        return result

    def density(self, at: Floats) -> Floats:
        freedom = self.freedom
        scaled = (at[:, None] - self.centres) / self.errors
        height = np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2)) / np.sqrt(freedom * np.pi)
        result: Floats = (1 + scaled**2 / freedom) ** (-(freedom + 1) / 2) @ (self.weights / self.errors) * height
        return result

    def as_unsure_as(self, chance: float) -> "Mixture":
        """As wide as it has to be for p to be *chance*, if it is surer than that."""
        chance = min(chance, UNLIKELY)
        middle = float(self.quantiles((0.5,))[0])
        if self.p() >= chance or not middle:
            return self
        error = abs(middle / float(stdtrit(self.freedom, chance / 2)))
        return Mixture(np.ones(1), np.array([middle]), np.array([error]), self.freedom)

    def mean(self) -> float:
        return float(self.weights @ self.centres)

    def variance(self) -> float:
        tail = self.freedom / max(self.freedom - 2, 1)
        return float(self.weights @ (self.errors**2 * tail + (self.centres - self.mean()) ** 2))


@dataclass(frozen=True, slots=True)
class Effect:
    """In coordinates of the series' scale; *posterior* is in units of *unit* of them.

    *stray*: so many runs after the release's start (before it, if negative) there is a step that explains more than
    one at its start; None where there is no such step inside or just before the release.
    """

    mixture: Mixture
    sd: float
    phi: float
    wobble: float
    stray: int | None
    posterior: noise.Posterior
    unit: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """Values of order one about zero, and what they are explained by. *offset* was taken out of the effect."""

    values: Floats
    layout: noise.Layout
    amplitude: float
    unit: float
    offset: float

    def effect(self, fitted: noise.Posterior, mixture: Mixture, stray: int | None) -> Effect:
        return Effect(
            mixture=replace(
                mixture, centres=mixture.centres * self.unit + self.offset, errors=mixture.errors * self.unit
            ),
            sd=fitted.mean(fitted.sds) * self.unit,
            phi=fitted.mean(fitted.phis),
            wobble=fitted.mean(fitted.taus * fitted.sds) * self.unit,
            stray=stray,
            posterior=fitted,
            unit=self.unit,
        )


def measure(coordinates: Floats, series: Series, judged: int) -> Effect:
    """The effect of release number *judged* against all the other runs of *series*."""
    is_judged = series.release == judged
    ready = prepare(coordinates, series, is_judged, ~is_judged)
    fitted = with_steps(ready.values, ready.layout, noise.Grid.full(ready.amplitude))
    mixture, stray = with_strays(ready.values, fitted, is_judged)
    return ready.effect(fitted, mixture, stray)


def measure_since(
    coordinates: Floats, series: Series, judged: int, pinned: int, wobble: tuple[Floats, Floats]
) -> Effect:
    """The effect of release *judged* against release *pinned*; those between have levels of their own.

    *wobble* are the taus and their weights: two releases cannot show how much releases wobble.
    """
    is_judged, is_pinned = series.release == judged, series.release == pinned
    ready = prepare(coordinates, series, is_judged, is_pinned)
    between = noise.release_columns(series.release)[:, ~np.isin(np.unique(series.release), (judged, pinned))]
    layout = replace(ready.layout, fixed=np.hstack([ready.layout.fixed, between]))
    taus, weights = wobble
    one = np.ones(1)
    grid = replace(noise.Grid.full(ready.amplitude), taus=taus, tau_prior=weights, slopes=np.zeros(1), slope_prior=one)
    fitted = noise.posterior(ready.values, layout, grid)
    mixture = Mixture(fitted.weights, fitted.effects, fitted.errors, fitted.freedom)
    return ready.effect(fitted, mixture, None)


def prepare(coordinates: Floats, series: Series, own: Flags, base: Flags) -> Prepared:
    """Take the levels and the wild runs out, find out whether something repeats."""
    group, groups = compact(series.release)
    level = float(np.median(coordinates[base]))
    offset = float(np.median(coordinates[own])) - level
    centred = coordinates - level
    least = QUIETEST * scatter_of_releases(centred, group, groups)
    clean, unit = cleaned(centred, group, groups)
    unit = max(unit, least)
    clean = clean - offset * own
    layout = noise.Layout(
        gaps=noise.distances(series.seconds),
        fixed=np.ones((len(series), 1)),
        wobble=noise.release_columns(series.release),
        season=harmonics(series.seconds),
        slope=np.linspace(-1.0, 0.0, len(series)),
        effect=own.astype(float),
        least=max(noise.JITTER, (least / unit) ** 2),
    )
    amplitude = 0.0
    if layout.season.shape[1]:
        first = noise.posterior(clean / unit, layout, noise.Grid.coarse())
        amplitude = float(first.seasons[first.best])
        if amplitude:
            wave = noise.season_of(first) * unit
            clean, unit = cleaned(centred - wave, group, groups)
            unit = max(unit, least)
            clean = clean + wave - offset * own
        else:
            layout = replace(layout, season=layout.season[:, :0])
    return Prepared(clean / unit, layout, amplitude, unit, offset)


def scatter_of_releases(values: Floats, group: Ints, groups: int) -> float:
    """Of the levels, from one release to the next."""
    return scale(np.diff(medians(values, group, groups)), outer=0.5) if groups > BESIDE else 0.0


def compact(release: Ints) -> tuple[Ints, int]:
    found, group = np.unique(release, return_inverse=True)
    return group.astype(np.intp), len(found)


def with_steps(values: Floats, layout: noise.Layout, grid: noise.Grid) -> noise.Posterior:
    """Free the level where the history stepped, while that explains more than it costs."""
    fitted, grid = noise.widened(values, layout, grid)
    steps: list[int] = []
    rate = np.log(STEP_RATE)
    first_judged = int(np.argmax(layout.effect > 0))
    while len(steps) < MOST_STEPS and fitted.freedom > FEWEST_FREEDOM:
        plain = int(np.argmax(np.where((fitted.phis == 0) & (fitted.taus == 0), fitted.weights, -1.0)))
        best, improved = None, fitted
        for which in {plain, fitted.best}:
            gain = noise.scan(values, fitted, which).gain
            gain[0] = -np.inf
            gain[max(first_judged - BESIDE, 0) :] = -np.inf
            place = int(np.argmax(gain))
            if gain[place] + rate < 0 or place in steps:
                continue
            tried = noise.posterior(values, layout.with_step(place), grid)
            if tried.evidence + rate > improved.evidence + (0 if best is None else rate):
                best, improved = place, tried
        if best is None:
            break
        steps.append(best)
        layout, fitted = improved.layout, improved
    return fitted


def with_strays(values: Floats, fitted: noise.Posterior, is_judged: Flags) -> tuple[Mixture, int | None]:
    """The mixture over the grid and over one more step anywhere; and how far off the start that most likely is.

    None where none is likely that could be taken for the release's doing, or the release's doing for it.
    """
    found = noise.scan(values, fitted, fitted.best)
    places = np.arange(len(values))
    start = int(np.argmax(is_judged))
    elsewhere = (places > 0) & (places != start)
    odds = np.where(elsewhere, (np.exp(np.minimum(found.gain, HIGHEST_GAIN)) * STRAY_RATE) ** STRAY_SHARPNESS, 0.0)
    total = 1.0 + float(odds.sum())
    weights = np.concatenate([fitted.weights / total, odds / total])
    kept = weights > NEGLIGIBLE
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

"""Cut a series into stretches of one level each, under autocorrelated noise: docs/verdict.md, "Change points"."""

from dataclasses import dataclass, replace
from math import log

import numpy as np
from scipy.special import ndtr

from dogdriver.verdict.robust import SMALLEST_SCALE
from dogdriver.verdict.seeded_intervals import SHORTEST, SeededIntervals, StepSearch
from dogdriver.verdict.segment_noise import PENALTY, NoiseEstimate
from dogdriver.verdict.segment_sums import WhitenedSums
from dogdriver.verdict.series import Flags, Floats, Ints

FEW_STEPS = 3
RUNS_PER_STEP = 20
"""What steps more often than once in so many runs has no level to step from: that is how it moves."""
SLOPE_ROUNDS = 3
MOST_FORWARD = 8
"""Steps beside a slope to start from."""
REFINEMENTS = 2


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a step has to be to count: larger than *thresholds* (down, up), in coordinates, with p at most *alpha*."""

    thresholds: tuple[float, float]
    alpha: float

    def too_weak(self, effects: Floats, errors: Floats, noise: NoiseEstimate, runs: int) -> Flags:
        """Which of the steps, with *effects*, *errors* (steps,), do not count, (steps,).

        Also those that gain less than every step of a series of *runs* runs has to.
        """
        down, up = self.thresholds
        sure = (effects / errors) ** 2 * noise.sd**2 >= noise.least_gain(runs)
        p = 2 * ndtr(-np.abs(effects) / errors)
        small = (effects < up) & (effects > down)
        result: Flags = ~sure | (p > self.alpha) | small
        return result


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The steps found: *places* (steps,) in the series, *effects* and *errors* (steps,) in its coordinates.

    *slopes* is 1 where they stand on a slope through all of the series, else 0.
    """

    places: Ints
    effects: Floats
    errors: Floats
    sums: WhitenedSums
    noise: NoiseEstimate
    slopes: int = 0

    def without_steps(self) -> "Segmentation":
        empty = slice(0, 0)
        return replace(self, places=self.places[empty], effects=self.effects[empty], errors=self.errors[empty])

    def criterion(self) -> float:
        """Minus twice the log likelihood of the series, plus PENALTY log(runs) for each step and slope."""
        runs = self.sums.runs
        edges = np.concatenate([[0], self.places, [runs]]).astype(np.intp)
        residual = float(self.sums.residual_squares(edges[:-1], edges[1:]).sum())
        log_determinant = 2 * (runs - 1) * log(self.sums.own_weight)
        unlikely = runs * log(max(residual, SMALLEST_SCALE**2) / runs) - log_determinant
        return unlikely + PENALTY * log(runs) * (len(self.places) + self.slopes)

    def stretch(self, which: int) -> tuple[int, int]:
        """(start, end) of what lies between the neighbours of step *which*."""
        edges = np.concatenate([[0], self.places, [self.sums.runs]])
        return int(edges[which]), int(edges[which + 2])

    def gain_profile(self, which: int, without: int | None = None) -> tuple[int, Floats]:
        """(first, gains): what step *which* gains at every place between its neighbours, the first of which is *first*.

        Gains are (places,), in variances of the noise; *without*: beside a value of its own for that run, which then
        does not count.
        """
        start, end = self.stretch(which)
        places = np.arange(start + 1, end)
        if without is None:
            gains = self.sums.fit_steps(np.array(start), np.array(end), places).gain
        else:
            gains = self.sums.gains_without(start, end, places, without)
        return start + 1, gains / self.noise.sd**2


def segment(values: Floats, release: Ints, thresholds: tuple[float, float], alpha: float) -> Segmentation:
    """The steps of *values* (runs,) under the autocorrelation, and on the slope, under which the series is likeliest.

    Steps and autocorrelation explain one another: which of them it is, is a matter of the likelihood of both together.
    *release* (runs,) numbers releases; a step has to pass the *thresholds* (down, up), in coordinates, and *alpha*.
    """
    runs, criteria = len(values), Criteria(thresholds, alpha)
    noises = NoiseEstimate.of(values, release).alternatives(runs)
    intervals = SeededIntervals.of(runs)
    found = [
        Levels(release, criteria, noise, StepSearch(intervals, noise.phi)).beside_slope(values) for noise in noises
    ]
    best = min(found, key=Segmentation.criterion)
    return best if len(best.places) <= max(FEW_STEPS, runs / RUNS_PER_STEP) else best.without_steps()


@dataclass(frozen=True, slots=True)
class Levels:
    """Looks for steps under one idea of the noise. *release* (runs,) numbers releases."""

    release: Ints
    criteria: Criteria
    noise: NoiseEstimate
    search: StepSearch

    def beside_slope(self, values: Floats) -> Segmentation:
        """The steps of *values* (runs,), on one slope through all of the series where that explains it with fewer.

        Slope and steps are estimated in turn, from several first ideas of the steps.
        """
        best = self.of(values)
        known: dict[bytes, Segmentation] = {}
        for places in (best.places[:0], best.places, forward_selection(values, self.noise)):
            assumed = places
            for _ in range(SLOPE_ROUNDS):
                found = known.get(assumed.tobytes())
                if found is None:
                    straight = values - common_slope(values, assumed) * np.arange(len(values))
                    found = known[assumed.tobytes()] = replace(self.of(straight), slopes=1)
                    best = min(best, found, key=Segmentation.criterion)
                if np.array_equal(found.places, assumed):
                    break
                assumed = found.places
        return best

    def of(self, values: Floats) -> Segmentation:
        """The steps of *values* (runs,): found, put in place, and the weakest dropped until all count."""
        sums = WhitenedSums(values, self.noise.phi)
        places = refine(sums, self.search.places(sums, self.noise.least_gain(sums.runs)))
        while True:
            effects, errors = step_sizes(sums, self.noise, self.release, places)
            weak = self.criteria.too_weak(effects, errors, self.noise, sums.runs)
            if not weak.any():
                return Segmentation(places, effects, errors, sums, self.noise)
            strength = np.where(weak, np.abs(effects) / errors, np.inf)
            places = refine(sums, np.delete(places, int(np.argmin(strength))))


def forward_selection(values: Floats, noise: NoiseEstimate) -> Ints:
    """The steps of *values* (runs,) beside a free slope, the one that explains most first: places (steps,), sorted."""
    runs, sums = len(values), WhitenedSums(values, noise.phi)
    own, level = sums.own_weight, sums.level_weight
    time = np.linspace(-1.0, 1.0, runs)
    slope = np.concatenate([[time[0]], own * (time[1:] - noise.phi * time[:-1])])
    columns = [sums.level_column(), slope]
    basis: Floats = np.empty((0, runs))
    residual, free = sums.whitened_values(), sums.step_norms()
    found: list[int] = []
    while True:
        for column in columns:
            basis = np.vstack([basis, orthonormal(column, basis)])
            residual = residual - (basis[-1] @ residual) * basis[-1]
            free = free - sums.step_products(basis[-1]) ** 2
        if len(found) == MOST_FORWARD:
            break
        pull = sums.step_products(residual)
        gains = np.where(free > SHORTEST * level**2, pull**2 / np.maximum(free, SMALLEST_SCALE), 0.0)
        gains[:SHORTEST] = gains[runs - SHORTEST + 1 :] = 0.0
        place = int(np.argmax(gains))
        if gains[place] < noise.least_gain(runs) or place in found:
            break
        found.append(place)
        columns = [sums.step_column(place)]
    return np.array(sorted(found), dtype=np.intp)


def orthonormal(column: Floats, basis: Floats) -> Floats:
    """*column* (runs,) less what *basis* (columns, runs), orthonormal, says of it, of length 1; (runs,)."""
    for _ in range(2):  # once leaves what rounding made
        column = column - basis.T @ (basis @ column)
    length = float(np.linalg.norm(column))
    return column / length if length > 0 else column


def common_slope(values: Floats, places: Ints) -> float:
    """Per run, by least squares of *values* (runs,) with a level for each stretch between *places* (steps,)."""
    runs = len(values)
    stretch = np.searchsorted(places, np.arange(runs), side="right")
    counts = np.bincount(stretch)
    time = np.arange(runs) - (np.bincount(stretch, weights=np.arange(runs)) / counts)[stretch]
    return float(time @ values / (time @ time))


def refine(sums: WhitenedSums, places: Ints) -> Ints:
    """Each of *places* (steps,) moved to where it gains most between its neighbours, (steps,)."""
    places = places.copy()
    for _ in range(REFINEMENTS):
        before = places.copy()
        for i in range(len(places)):
            start = int(places[i - 1]) if i else 0
            end = int(places[i + 1]) if i + 1 < len(places) else sums.runs
            inner = np.arange(start + SHORTEST, end - SHORTEST + 1)
            if len(inner):
                gains = sums.fit_steps(np.array(start), np.array(end), inner).gain
                places[i] = inner[int(np.argmax(gains))]
        if np.array_equal(places, before):
            break
    return places


def step_sizes(sums: WhitenedSums, noise: NoiseEstimate, release: Ints, places: Ints) -> tuple[Floats, Floats]:
    """(effects, standard errors), each (steps,), of the steps at *places* (steps,) between their neighbours.

    The variance is that of least squares and the releases' own, between_releases² (1 / before + 1 / after) for so many
    releases in the stretches before and after; *release* (runs,) numbers them.
    """
    edges = np.concatenate([[0], places, [sums.runs]]).astype(np.intp)
    fits = sums.fit_steps(edges[:-2], edges[2:], places)
    changed = np.concatenate([[0], np.cumsum(release[1:] != release[:-1])])
    releases = changed[edges[1:] - 1] - changed[edges[:-1]] + 1
    between_releases = noise.between_releases**2 * (1 / releases[:-1] + 1 / releases[1:])
    return fits.size, np.sqrt(noise.sd**2 / fits.information + between_releases)

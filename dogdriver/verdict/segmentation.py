"""Cut a series into stretches of one level each, under autocorrelated noise."""

from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np
from scipy.special import ndtr

from dogdriver.verdict.robust import FINEST, scale
from dogdriver.verdict.series import Floats, Ints

FEW_STEPS = 3
OFTEN = 20
"""What steps more often than once in so many runs has no level to step from: that is how it moves."""
SHORTEST = 3
"""Runs in a stretch."""
PENALTY = 2.4
"""A step has to gain this many times log(runs), in units of the noise's variance."""
OUTER = 0.9
CUT = 3.5
NORMAL_CUT = 0.9985
"""What cutting there leaves of a normal variance."""
RELEASE_CUT = 2.5
RELEASE_NORMAL = 0.96
FEWEST_RELEASES = 6
"""Fewer cannot show how much releases wobble."""
HIGHEST_PHI = 0.97
UNSURE_PHI = (-4.0, -2.0, 2.0)
"""Other autocorrelations to try, in units of 1 / sqrt(runs)."""
MANY = 1000
"""So many runs show the autocorrelation well enough."""
SLOPE_ROUNDS = 3
MOST_FORWARD = 8
"""Steps beside a slope to start from."""
DENSITY = sqrt(0.5)
"""Each layer of intervals is this much shorter than the one before; neighbours overlap by half."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation and lag-1 autocorrelation of the runs, and the wobble of releases' levels."""

    sd: float
    phi: float
    tau: float

    @classmethod
    def of(cls, values: Floats, release: Ints) -> "Noise":
        """From differences, which steps hardly touch."""
        near, far = usual_square(values[1:] - values[:-1]), usual_square(values[2:] - values[:-2])
        phi = min(max(far / near - 1.0, 0.0), HIGHEST_PHI) if near > 0 else 0.0
        sd = max(sqrt(near / 2 / (1 - phi)), FINEST)
        found, group = np.unique(release, return_inverse=True)
        if len(found) < FEWEST_RELEASES:
            return cls(sd, phi, 0.0)
        counts = np.bincount(group)
        apart = np.abs(np.diff(np.bincount(group, weights=values) / counts))
        sampling = sd**2 * (1 + phi) / (1 - phi) * float(np.median(1 / counts))
        seen = float(np.mean(np.minimum(apart, RELEASE_CUT * scale(apart, outer=0.5)) ** 2)) / RELEASE_NORMAL / 2
        return cls(sd, phi, sqrt(max(seen - min(sampling, sd**2), 0.0)))

    def others(self, runs: int) -> "list[Noise]":
        """Itself, and with the autocorrelations that it may as well have."""
        found = [self]
        for errors in UNSURE_PHI if runs <= MANY else ():
            phi = min(max(self.phi + errors / sqrt(runs), 0.0), HIGHEST_PHI)
            if phi not in {n.phi for n in found}:
                found.append(replace(self, phi=phi, sd=self.sd * sqrt((1 - self.phi) / (1 - phi))))
        return found

    def bar(self, runs: int) -> float:
        """What a step has to gain."""
        return PENALTY * log(runs) * self.sd**2


def usual_square(values: Floats) -> float:
    """The mean square about zero, were there no steps: what is far out counts as CUT scales."""
    spread = scale(values, outer=OUTER)
    return float(np.mean(np.minimum(np.abs(values), CUT * spread) ** 2)) / NORMAL_CUT


class Whitened:
    """Prefix sums with which every step in every interval has its least squares gain at once."""

    def __init__(self, values: Floats, phi: float) -> None:
        values = values - values.mean()
        self.values = values
        self.first = 1 / sqrt(1 - phi**2)
        self.rest = (1 - phi) * self.first
        steps = np.zeros_like(values)
        steps[1:] = (values[1:] - phi * values[:-1]) * self.first
        self.steps = steps
        self.sums = np.concatenate([[0.0], np.cumsum(steps)])
        self.squares = np.concatenate([[0.0], np.cumsum(steps**2)])

    def left(self, starts: Ints, ends: Ints) -> Floats:
        """The sum of squares about one level in each of [starts, ends)."""
        level = 1 + self.rest**2 * (ends - starts - 1)
        level_y = self.values[starts] + self.rest * (self.sums[ends] - self.sums[starts + 1])
        own = self.values[starts] ** 2 + self.squares[ends] - self.squares[starts + 1]
        result: Floats = own - level_y**2 / level
        return result

    def gains(self, starts: Ints, ends: Ints, places: Ints) -> tuple[Floats, Floats, Floats]:
        """(gain, step, information) of a step at *places* in [starts, ends); arrays that broadcast together."""
        length = ends - starts
        level = 1 + self.rest**2 * (length - 1)
        level_y = self.values[starts] + self.rest * (self.sums[ends] - self.sums[starts + 1])
        after = self.rest**2 * (ends - places - 1)
        cross = self.first * self.rest + after
        own = self.first**2 + after
        own_y = self.first * self.steps[places] + self.rest * (self.sums[ends] - self.sums[places + 1])
        information = own - cross**2 / level
        pull = own_y - cross * level_y / level
        return pull**2 / information, pull / information, information


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps found: *places* in the series, *effects* and *errors* in its coordinates."""

    places: Ints
    effects: Floats
    errors: Floats
    whitened: Whitened
    noise: Noise
    runs: int
    slopes: int = 0

    def none(self) -> "Steps":
        empty = slice(0, 0)
        return replace(self, places=self.places[empty], effects=self.effects[empty], errors=self.errors[empty])

    def cost(self) -> float:
        """Minus twice the log likelihood of the series, and what each step and slope costs."""
        edges = np.concatenate([[0], self.places, [self.runs]]).astype(np.intp)
        left = float(self.whitened.left(edges[:-1], edges[1:]).sum())
        unlikely = self.runs * log(max(left, FINEST**2) / self.runs) - 2 * (self.runs - 1) * log(self.whitened.first)
        return unlikely + PENALTY * log(self.runs) * (len(self.places) + self.slopes)

    def profile(self, which: int) -> tuple[int, Floats]:
        """The gain (in noise variances) of step *which* at every place between its neighbours, and the first place."""
        edges = np.concatenate([[0], self.places, [self.runs]])
        start, end = int(edges[which]), int(edges[which + 2])
        places = np.arange(start + 1, end)
        gains, _, _ = self.whitened.gains(np.array(start), np.array(end), places)
        return start + 1, gains / self.noise.sd**2


def segment(values: Floats, release: Ints, thresholds: tuple[float, float], alpha: float) -> Steps:
    """The steps under the autocorrelation, and on the slope, under which the series is likeliest.

    Steps and autocorrelation explain one another: which of them it is, is a matter of the likelihood of both together.
    """
    runs = len(values)
    tried = [sloped(values, release, thresholds, alpha, noise) for noise in Noise.of(values, release).others(runs)]
    best = min(tried, key=lambda found: found.cost())
    return best if len(best.places) <= max(FEW_STEPS, runs / OFTEN) else best.none()


def sloped(values: Floats, release: Ints, thresholds: tuple[float, float], alpha: float, noise: Noise) -> Steps:
    """The steps, on one slope through all of the series where that explains it with fewer of them."""
    best = stepped(values, release, thresholds, alpha, noise)
    for places in (best.places[:0], best.places, forward(values, noise)):
        beside = places
        for _ in range(SLOPE_ROUNDS):
            straight = values - common_slope(values, beside) * np.arange(len(values))
            found = replace(stepped(straight, release, thresholds, alpha, noise), slopes=1)
            best = min(best, found, key=Steps.cost)
            if np.array_equal(found.places, beside):
                break
            beside = found.places
    return best


def forward(values: Floats, noise: Noise) -> Ints:
    """Steps beside a free slope, the one that explains most first."""
    runs = len(values)
    whitened = Whitened(values, noise.phi)
    first, rest = whitened.first, whitened.rest
    level, time = np.full(runs, rest), np.linspace(-1.0, 1.0, runs)
    level[0] = 1.0
    slope = np.concatenate([[time[0]], first * (time[1:] - noise.phi * time[:-1])])
    columns = [level, slope]
    target = np.concatenate([whitened.values[:1], whitened.steps[1:]])
    norms = first**2 + rest**2 * np.arange(runs - 1, -1, -1.0)
    found: list[int] = []
    while len(found) < MOST_FORWARD:
        basis, _ = np.linalg.qr(np.column_stack(columns))
        rows = np.column_stack([basis, target - basis @ (basis.T @ target)])
        later = np.cumsum(rows[::-1], axis=0)[::-1] - rows
        products = first * rows + rest * later
        free = norms - np.sum(products[:, :-1] ** 2, axis=1)
        gains = np.where(free > SHORTEST * rest**2, products[:, -1] ** 2 / np.maximum(free, FINEST), 0.0)
        gains[:SHORTEST] = gains[runs - SHORTEST + 1 :] = 0.0
        place = int(np.argmax(gains))
        if gains[place] < noise.bar(runs) or place in found:
            break
        found.append(place)
        columns.append(np.where(np.arange(runs) > place, rest, np.where(np.arange(runs) == place, first, 0.0)))
    return np.array(sorted(found), dtype=np.intp)


def common_slope(values: Floats, places: Ints) -> float:
    """Per run, by least squares with a level for each stretch between *places*."""
    runs = len(values)
    group = np.searchsorted(places, np.arange(runs), side="right")
    counts = np.bincount(group)
    time = np.arange(runs) - (np.bincount(group, weights=np.arange(runs)) / counts)[group]
    return float(time @ values / (time @ time))


def stepped(values: Floats, release: Ints, thresholds: tuple[float, float], alpha: float, noise: Noise) -> Steps:
    runs = len(values)
    whitened = Whitened(values, noise.phi)
    bar = noise.bar(runs)
    places = refined(whitened, runs, candidates(whitened, runs, bar))
    while True:
        effects, errors = measured(whitened, noise, release, runs, places)
        sure = (effects / errors) ** 2 * noise.sd**2 >= bar
        p = 2 * ndtr(-np.abs(effects) / errors)
        small = (effects < thresholds[1]) & (effects > thresholds[0])
        weak = ~sure | (p > alpha) | small
        if not weak.any():
            return Steps(places, effects, errors, whitened, noise, runs)
        strength = np.where(weak, np.abs(effects) / errors, np.inf)
        places = refined(whitened, runs, np.delete(places, int(np.argmin(strength))))


def candidates(whitened: Whitened, runs: int, bar: float) -> Ints:
    """Seeded binary segmentation: the best step of each interval, strongest first, those over it dropped."""
    found: list[tuple[Floats, Ints, Ints, Ints]] = []
    length = float(runs)
    while length >= 2 * SHORTEST:
        size = int(length)
        count = max(1, int(np.ceil(2 * (runs - size) / size)) + 1)
        starts = np.linspace(0, runs - size, count).astype(np.intp)
        places = starts[:, None] + np.arange(SHORTEST, size - SHORTEST + 1)
        gains, _, _ = whitened.gains(starts[:, None], starts[:, None] + size, places)
        best = np.argmax(gains, axis=1)
        rows = np.arange(count)
        found.append((gains[rows, best], places[rows, best], starts, starts + size))
        length *= DENSITY
    gains, places, starts, ends = (np.concatenate(column) for column in zip(*found, strict=True))
    open_ = gains > bar
    chosen: list[int] = []
    while open_.any():
        best = int(np.argmax(np.where(open_, gains, -1.0)))
        place = int(places[best])
        chosen.append(place)
        open_ &= (place <= starts) | (place >= ends)
        open_ &= np.abs(places - place) >= SHORTEST
    return np.array(sorted(chosen), dtype=np.intp)


def refined(whitened: Whitened, runs: int, places: Ints) -> Ints:
    """Each step to its best place between its neighbours."""
    places = places.copy()
    for _ in range(2):
        for i in range(len(places)):
            start = int(places[i - 1]) if i else 0
            end = int(places[i + 1]) if i + 1 < len(places) else runs
            inner = np.arange(start + SHORTEST, end - SHORTEST + 1)
            if len(inner):
                gains, _, _ = whitened.gains(np.array(start), np.array(end), inner)
                places[i] = inner[int(np.argmax(gains))]
    return places


def measured(whitened: Whitened, noise: Noise, release: Ints, runs: int, places: Ints) -> tuple[Floats, Floats]:
    """(effect, standard error) of each step between its neighbours."""
    edges = np.concatenate([[0], places, [runs]]).astype(np.intp)
    _, effects, information = whitened.gains(edges[:-2], edges[2:], places)
    changed = np.concatenate([[0], np.cumsum(release[1:] != release[:-1])])
    releases = changed[edges[1:] - 1] - changed[edges[:-1]] + 1
    wobble = noise.tau**2 * (1 / releases[:-1] + 1 / releases[1:])
    return effects, np.sqrt(noise.sd**2 / information + wobble)

"""Cut a series into stretches of one level each, under autocorrelated noise."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.special import ndtr

from dogdriver.verdict.robust import FINEST, NORMAL_MAD, medians
from dogdriver.verdict.series import Floats, Ints

SHORTEST = 3
"""Runs in a stretch."""
PENALTY = 3.0
"""A step has to gain this many times log(runs), in units of the noise's variance."""
FEWEST_RELEASES = 6
"""Fewer cannot show how much releases wobble."""
HIGHEST_PHI = 0.97
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
        near, far = mad_variance(values[1:] - values[:-1]), mad_variance(values[2:] - values[:-2])
        phi = min(max(far / near - 1.0, 0.0), HIGHEST_PHI) if near > 0 else 0.0
        sd = max(sqrt(near / 2 / (1 - phi)), FINEST)
        found, group = np.unique(release, return_inverse=True)
        if len(found) < FEWEST_RELEASES:
            return cls(sd, phi, 0.0)
        counts = np.bincount(group)
        levels = medians(values, group.astype(np.intp), len(found))
        sampling = sd**2 * (1 + phi) / (1 - phi) * 1.57 * float(np.median(1 / counts))
        tau2 = mad_variance(np.diff(levels)) / 2 - min(sampling, sd**2)
        return cls(sd, phi, sqrt(max(tau2, 0.0)))


def mad_variance(values: Floats) -> float:
    spread = NORMAL_MAD * float(np.median(np.abs(values)))
    return spread**2 or float(np.mean(values**2)) * 0.5


class Whitened:
    """Prefix sums with which every step in every interval has its least squares gain at once."""

    def __init__(self, values: Floats, phi: float) -> None:
        self.values = values
        self.first = 1 / sqrt(1 - phi**2)
        self.rest = (1 - phi) * self.first
        steps = np.zeros_like(values)
        steps[1:] = (values[1:] - phi * values[:-1]) * self.first
        self.steps = steps
        self.sums = np.concatenate([[0.0], np.cumsum(steps)])

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
    sd: float
    runs: int

    def profile(self, which: int) -> tuple[int, Floats]:
        """The gain (in noise variances) of step *which* at every place between its neighbours, and the first place."""
        edges = np.concatenate([[0], self.places, [self.runs]])
        start, end = int(edges[which]), int(edges[which + 2])
        places = np.arange(start + 1, end)
        gains, _, _ = self.whitened.gains(np.array(start), np.array(end), places)
        return start + 1, gains / self.sd**2


def segment(values: Floats, release: Ints, thresholds: tuple[float, float], alpha: float) -> Steps:
    runs = len(values)
    noise = Noise.of(values, release)
    whitened = Whitened(values, noise.phi)
    bar = PENALTY * log(runs) * noise.sd**2
    places = candidates(whitened, runs, bar)
    places = refined(whitened, runs, places)
    while True:
        gains, effects, errors = measured(whitened, noise, release, runs, places)
        p = 2 * ndtr(-np.abs(effects) / errors)
        small = (effects < thresholds[1]) & (effects > thresholds[0])
        weak = (gains < bar) | (p > alpha) | small
        if not weak.any():
            return Steps(places, effects, errors, whitened, noise.sd, runs)
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


def measured(whitened: Whitened, noise: Noise, release: Ints, runs: int, places: Ints) -> tuple[Floats, Floats, Floats]:
    """(gain, effect, standard error) of each step between its neighbours."""
    edges = np.concatenate([[0], places, [runs]]).astype(np.intp)
    gains, effects, information = whitened.gains(edges[:-2], edges[2:], places)
    changed = np.concatenate([[0], np.cumsum(release[1:] != release[:-1])])
    releases = changed[edges[1:] - 1] - changed[edges[:-1]] + 1
    wobble = noise.tau**2 * (1 / releases[:-1] + 1 / releases[1:])
    return gains, effects, np.sqrt(noise.sd**2 / information + wobble)

"""Candidate places of steps by seeded binary segmentation: Kovács, Bühlmann, Li and Munk (2023)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from dogdriver.verdict.segment_sums import WhitenedSums
from dogdriver.verdict.series import Floats, Ints

SHORTEST = 3
"""Runs in a stretch."""
LAYER_RATIO = sqrt(0.5)
"""Each layer of intervals is this much shorter than the one before; neighbours overlap by half."""


@dataclass(frozen=True, slots=True)
class SeededIntervals:
    """All intervals of a series, and in each the places at which a step can be: what no value has a say in.

    *starts*, *ends* (intervals,). *places* (cells,): the places of the first interval, then those of the second, …;
    *interval* (cells,) is each one's interval, *first* (intervals,) each interval's first cell.
    """

    starts: Ints
    ends: Ints
    places: Ints
    interval: Ints
    first: Ints

    @classmethod
    def of(cls, runs: int) -> "SeededIntervals":
        layers: list[tuple[Ints, Ints, Ints]] = []
        length = float(runs)
        while length >= 2 * SHORTEST:
            size = int(length)
            count = max(1, int(np.ceil(2 * (runs - size) / size)) + 1)
            starts = np.linspace(0, runs - size, count).astype(np.intp)
            inner = np.arange(SHORTEST, size - SHORTEST + 1)
            layers.append((starts, np.full(count, size), (starts[:, None] + inner).ravel()))
            length *= LAYER_RATIO
        starts, sizes, places = (np.concatenate(column) for column in zip(*layers, strict=True))
        widths = sizes - 2 * SHORTEST + 1
        interval = np.repeat(np.arange(len(starts)), widths)
        return cls(starts, starts + sizes, places, interval, np.cumsum(widths) - widths)


class StepSearch:
    """Seeded binary segmentation of any values under one autocorrelation."""

    def __init__(self, intervals: SeededIntervals, phi: float) -> None:
        """`share` (cells,): how much of a step is level; `information` (cells,) as that of a `StepFit`."""
        self._intervals = intervals
        sums = WhitenedSums(np.zeros(1), phi)
        own, level = sums.own_weight, sums.level_weight
        level_level = 1 + level**2 * (intervals.ends - intervals.starts - 1)
        after = level**2 * (intervals.ends[intervals.interval] - intervals.places - 1)
        step_level = own * level + after
        self._share = step_level / level_level[intervals.interval]
        self._information = own**2 + after - step_level * self._share

    def places(self, sums: WhitenedSums, least_gain: float) -> Ints:
        """(steps,), sorted: the best step of each interval, strongest first, those over it dropped.

        *sums* are of as many runs, under the same autocorrelation.
        """
        at, gains = self._intervals, self._gains(sums)
        best = np.maximum.reduceat(gains, at.first)
        open_ = np.flatnonzero(best > least_gain)
        open_ = open_[np.argsort(-best[open_], kind="stable")]
        chosen: list[int] = []
        while len(open_):
            strongest, open_ = open_[0], open_[1:]
            cells = slice(at.first[strongest], at.first[strongest + 1] if strongest + 1 < len(at.first) else None)
            place = int(at.places[cells][np.argmax(gains[cells])])
            if all(abs(place - other) >= SHORTEST for other in chosen):
                chosen.append(place)
                open_ = open_[(place <= at.starts[open_]) | (place >= at.ends[open_])]
        return np.array(sorted(chosen), dtype=np.intp)

    def _gains(self, sums: WhitenedSums) -> Floats:
        """What a step gains in each cell, (cells,), coordinates squared: `WhitenedSums.fit_steps` with less work."""
        at = self._intervals
        _, level_values = sums.level_products(at.starts, at.ends)
        from_place = sums.own_weight * sums.innovations - sums.level_weight * sums.sums[1:]
        pull = from_place[at.places] + (sums.level_weight * sums.sums[at.ends])[at.interval]
        pull -= self._share * level_values[at.interval]
        result: Floats = pull * pull / self._information
        return result

"""What the values of a series are explained by: the columns of the mixed model, and where each stands.

The terms are those of docs/verdict.md, "Model".
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dogdriver.verdict.series import Floats, Ints

SMALLEST_RIDGE = 1e-10
"""Keeps the normal equations positive definite where a column says nothing new."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Where each term stands in a row [fixed | releases | season | slope | effect | values] of the bordered design."""

    fixed: slice
    releases: slice
    season: slice
    slope: int
    effect: int
    values: int

    @classmethod
    def of(cls, fixed: int, releases: int, season: int) -> "Blocks":
        """By the numbers of their columns; slope, effect and values are one each."""
        slope = fixed + releases + season
        return cls(
            fixed=slice(fixed),
            releases=slice(fixed, fixed + releases),
            season=slice(fixed + releases, slope),
            slope=slope,
            effect=slope + 1,
            values=slope + 2,
        )

    @property
    def random(self) -> slice:
        """The terms that are of limited size: releases, season and slope."""
        return slice(self.releases.start, self.effect)

    @property
    def size(self) -> int:
        return self.values + 1

    def scaled_by(self, taus: Floats, slopes: Floats, seasons: Floats) -> Floats:
        """What each column is multiplied by so that its coefficient has variance 1, (sizes, size).

        *taus*, *slopes*, *seasons* (sizes,): standard deviations in units of the runs'; fixed terms stay what they are.
        """
        scales = np.ones((len(taus), self.size))
        scales[:, self.releases] = taus[:, None]
        scales[:, self.season] = seasons[:, None]
        scales[:, self.slope] = slopes
        return scales


@dataclass(frozen=True)
class DesignMatrix:
    """What the values are explained by, one row a run.

    *gaps* (runs,): from the run before, as `relative_gaps` gives them. *fixed* (runs, fixed): levels, of any size.
    *releases* (runs, releases): one indicator a release, its level's random part. *season* (runs, 2 a harmonic).
    *slope* (runs,): from -1 to 0. *effect* (runs,): 1 where the release is the judged one; what is asked about.
    *variance_floor*: what is added to the variance that is left unexplained, as no run is known better; in units of the
    values' square, a run.
    """

    gaps: Floats
    fixed: Floats
    releases: Floats
    season: Floats
    slope: Floats
    effect: Floats
    variance_floor: float = SMALLEST_RIDGE

    @property
    def runs(self) -> int:
        return len(self.gaps)

    @property
    def fixed_columns(self) -> int:
        """Of any size, the effect among them."""
        return self.fixed.shape[1] + 1

    @cached_property
    def blocks(self) -> Blocks:
        return Blocks.of(self.fixed.shape[1], self.releases.shape[1], self.season.shape[1])

    @property
    def ridge(self) -> Floats:
        """The diagonal added to the normal equations, (size,): 1 for terms of variance 1, next to nothing for fixed."""
        blocks = self.blocks
        result: Floats = np.full(blocks.size, SMALLEST_RIDGE)
        result[blocks.random] = 1.0
        result[blocks.values] = self.variance_floor * self.runs
        return result

    @cached_property
    def columns(self) -> Floats:
        """(runs, columns), in the order of `blocks`."""
        return np.hstack([self.fixed, self.releases, self.season, self.slope[:, None], self.effect[:, None]])

    def bordered(self, values: Floats) -> Floats:
        """The columns and behind them *values* (runs,): (runs, size)."""
        return np.hstack([self.columns, values[:, None]])

    def with_step(self, place: int) -> "DesignMatrix":
        """The same with the level free to differ from run *place* on."""
        step = (np.arange(self.runs) >= place).astype(float)[:, None]
        return replace(self, fixed=np.hstack([self.fixed, step]))


def release_indicators(release: Ints) -> Floats:
    """One column for each number that occurs in *release* (runs,): (runs, releases), ones and zeros."""
    result: Floats = (release[:, None] == np.unique(release)).astype(float)
    return result

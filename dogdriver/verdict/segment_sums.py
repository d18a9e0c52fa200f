"""Levels and steps by generalised least squares in any stretch of a series, all at once.

docs/verdict.md, "Change points".
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from dogdriver.verdict.series import Floats, Ints


class StepFit(NamedTuple):
    """Steps by least squares; arrays of the shape of their places (...).

    With the level taken out of each step's column: *pull* (...) is its product with the values, in coordinates,
    *information* (...) its square, which is the noise's variance over that of the step's size.
    """

    pull: Floats
    information: Floats

    @property
    def gain(self) -> Floats:
        """How much the residual sum of squares falls, (...): pull² / information, coordinates squared."""
        return self.pull**2 / self.information

    @property
    def size(self) -> Floats:
        """How much the level differs, (...): pull / information, coordinates."""
        return self.pull / self.information


class WhitenedSums:
    """Prefix sums with which every step in every stretch [start, end) has its least squares gain at once.

    In a stretch the first run's whitened row is itself, each later one's (row_i - phi row_(i-1)) / sqrt(1 - phi²). So a
    level's column is 1 in the first row and `level_weight` in each later one; a step's is `own_weight` at its place and
    `level_weight` after it. Products with the values are differences of two prefix sums.
    """

    def __init__(self, values: Floats, phi: float) -> None:
        """Of *values* (runs,) in coordinates, with autocorrelation *phi*.

        `values`, less their mean, and `innovations`, the whitened values but for the first, are (runs,); `sums` and
        `squares`, (runs + 1,), hold at i the sum of the innovations, and of their squares, before run i.
        """
        values = values - values.mean()
        self.phi = phi
        self.values = values
        self.own_weight = 1 / sqrt(1 - phi**2)
        self.level_weight = (1 - phi) * self.own_weight
        innovations = np.zeros_like(values)
        innovations[1:] = (values[1:] - phi * values[:-1]) * self.own_weight
        self.innovations = innovations
        self.sums = np.concatenate([[0.0], np.cumsum(innovations)])
        self.squares = np.concatenate([[0.0], np.cumsum(innovations**2)])

    @property
    def runs(self) -> int:
        return len(self.values)

    def level_column(self) -> Floats:
        """Of one level through the whole series, whitened, (runs,)."""
        column = np.full(self.runs, self.level_weight)
        column[0] = 1.0
        return column

    def step_column(self, place: int) -> Floats:
        """Of a step at *place* in the whole series, whitened, (runs,)."""
        runs = np.arange(self.runs)
        return np.where(runs > place, self.level_weight, np.where(runs == place, self.own_weight, 0.0))

    def step_norms(self) -> Floats:
        """The square of every place's `step_column`, (runs,)."""
        later = np.arange(self.runs - 1, -1, -1.0)
        result: Floats = self.own_weight**2 + self.level_weight**2 * later
        return result

    def step_products(self, row: Floats) -> Floats:
        """Every place's `step_column` times *row* (runs,), (runs,)."""
        later = np.cumsum(row[::-1])[::-1] - row
        result: Floats = self.own_weight * row + self.level_weight * later
        return result

    def whitened_values(self) -> Floats:
        """(runs,)."""
        return np.concatenate([self.values[:1], self.innovations[1:]])

    def level_products(self, starts: Ints, ends: Ints) -> tuple[Floats, Floats]:
        """A level's whitened column times itself, and times the values, each (...).

        For each stretch from *starts* (...) to *ends* (...).
        """
        level_level = 1 + self.level_weight**2 * (ends - starts - 1)
        level_values = self.values[starts] + self.level_weight * (self.sums[ends] - self.sums[starts + 1])
        return level_level, level_values

    def residual_squares(self, starts: Ints, ends: Ints) -> Floats:
        """The sum of squares about one level in each stretch from *starts* (...) to *ends* (...), (...)."""
        level_level, level_values = self.level_products(starts, ends)
        values_values = self.values[starts] ** 2 + self.squares[ends] - self.squares[starts + 1]
        result: Floats = values_values - level_values**2 / level_level
        return result

    def fit_steps(self, starts: Ints, ends: Ints, places: Ints) -> StepFit:
        """A step at each of *places* (...) beside a level in the stretch from *starts* (...) to *ends* (...); (...).

        The three broadcast together.
        """
        level_level, level_values = self.level_products(starts, ends)
        after = self.level_weight**2 * (ends - places - 1)
        step_level = self.own_weight * self.level_weight + after
        step_step = self.own_weight**2 + after
        step_values = self.own_weight * self.innovations[places] + self.level_weight * (
            self.sums[ends] - self.sums[places + 1]
        )
        information = step_step - step_level**2 / level_level
        pull = step_values - step_level * level_values / level_level
        return StepFit(pull, information)

    def gains_without(self, start: int, end: int, places: Ints, run: int) -> Floats:
        """What a step at each of *places* (places,) gains together with a value of its own for *run*, (places,).

        In the stretch from *start* to *end*, the first and last run of which *run* is not. The run's whitened column is
        `own_weight` in its row and -phi times that in the next; with both columns less what the level says of them, the
        residual sum of squares falls by (p_s² f_r - 2 p_s p_r c + p_r² f_s) / (f_s f_r - c²), with pulls p, squares f,
        and c the product of the two.
        """
        own, level = self.own_weight, self.level_weight
        step = self.fit_steps(np.array(start), np.array(end), places)
        level_level, level_values = self.level_products(np.array(start), np.array(end))
        run_level = level**2  # own level - phi own level
        run_values = own * (self.innovations[run] - self.phi * self.innovations[run + 1])
        pull = run_values - run_level * level_values / level_level
        information = own**2 * (1 + self.phi**2) - run_level**2 / level_level
        run_step = np.where(places < run, run_level, 0.0)
        run_step = np.where(places == run, own**2 - self.phi * own * level, run_step)
        run_step = np.where(places == run + 1, -self.phi * own**2, run_step)
        step_level = own * level + level**2 * (end - places - 1)
        both = run_step - run_level * step_level / level_level
        falls = step.pull**2 * information - 2 * step.pull * pull * both + pull**2 * step.information
        result: Floats = falls / (step.information * information - both**2)
        return result

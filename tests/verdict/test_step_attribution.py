"""A step is put down to its release, though a run about the release's start is odd."""

import numpy as np
import pytest

from dogdriver.verdict import Better, Change, find_changes
from dogdriver.verdict.segment_sums import WhitenedSums
from dogdriver.verdict.series import Floats
from dogdriver.verdict.spikes import remove_spikes
from tests.verdict.history import history, noisy

BEFORE = 24
"""Runs of three releases before the one that steps."""


def changes(seed: int, odd: tuple[int, ...], *, runs: int = 8, step: float = 0.15, sd: float = 0.01) -> list[Change]:
    """Of a release that starts with *step*; the runs *odd*, counted from its start, are like the other side of it."""
    values = noisy(seed, BEFORE + runs, sd)
    stepped = np.arange(BEFORE + runs) >= BEFORE
    for place in odd:
        stepped[BEFORE + place] = not stepped[BEFORE + place]
    return find_changes(history(values * np.where(stepped, 1 + step, 1.0), 8), better=Better.LOWER)


@pytest.mark.parametrize("odd", [-3, -2, -1, 0, 1, 2])
def test_one_odd_run_about_a_release_s_start_moves_its_step_nowhere(odd: int) -> None:
    for step in (0.15, -0.10):
        placed = [[(c.index, c.release) for c in changes(seed, (odd,), step=step)] for seed in range(15)]
        assert sum((BEFORE, "r003") in found for found in placed) >= 14


@pytest.mark.parametrize("odd", [(2, 6), (1, 4), (1, 2), (0, 5), (-2, 1), (-3, 7)])
def test_nor_do_two_odd_runs_of_eight(odd: tuple[int, ...]) -> None:
    placed = [[(c.index, c.release) for c in changes(seed, odd)] for seed in range(15)]
    assert sum((BEFORE, "r003") in found for found in placed) >= 14


def test_a_release_of_three_runs_with_an_odd_one_among_them_has_its_step() -> None:
    for seed in range(10):
        assert [(c.index, c.release) for c in changes(seed, (1,), runs=3)] == [(BEFORE, "r003")]


def test_a_step_three_runs_after_a_release_s_start_is_still_nobody_s() -> None:
    for seed in range(10):
        (change,) = changes(seed, (0, 1, 2))
        assert (change.index, change.release) == (BEFORE + 3, None)


def test_a_pair_that_is_odd_in_its_release_is_brought_back_and_a_step_beside_the_border_kept() -> None:
    release = np.repeat([0, 1], 8)
    pair = np.array([0.0] * 8 + [1.0, 0.0, 0.0] + [1.0] * 5) + 0.01 * np.sin(np.arange(16))
    assert np.all(remove_spikes(pair, release)[8:] > 0.9)
    late = np.array([0.0] * 9 + [1.0] * 7) + 0.01 * np.sin(np.arange(16))
    assert np.allclose(remove_spikes(late, release), late)


def test_the_gain_beside_an_odd_run_is_that_of_generalised_least_squares() -> None:
    rng = np.random.default_rng(11)
    values, phi, runs, (start, end) = rng.standard_normal(30), 0.6, 30, (4, 27)
    values -= values.mean()
    covariance = phi ** np.abs(np.subtract.outer(np.arange(runs), np.arange(runs)))
    inverse = np.linalg.inv(covariance[start:end, start:end])
    place = np.arange(start, end)

    def left(*columns: Floats) -> float:
        design = np.column_stack([np.ones(end - start), *columns])
        fitted = design @ np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ values[start:end])
        return float((values[start:end] - fitted) @ inverse @ (values[start:end] - fitted))

    fast = WhitenedSums(values, phi).gains_without(start, end, np.arange(start + 1, end), 15)
    for step in (7, 14, 15, 16, 24):
        expected = left() - left((place >= step).astype(float), (place == 15).astype(float))
        assert float(fast[step - start - 1]) == pytest.approx(expected, rel=1e-9)

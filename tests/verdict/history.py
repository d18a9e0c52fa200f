"""Histories of runs for the verdict's tests."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dogdriver.verdict import Sample

START = datetime(2026, 3, 2, tzinfo=UTC)


def history(
    values: Iterable[float | None], per_release: int = 5, every: timedelta = timedelta(hours=1)
) -> list[Sample]:
    """Releases r000, r001, … of *per_release* runs each."""
    return [Sample(START + i * every, f"r{i // per_release:03d}", v) for i, v in enumerate(values)]


def noisy(seed: int, runs: int, sd: float = 0.03, level: float = 100.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    result: NDArray[np.float64] = level * np.exp(sd * rng.standard_normal(runs))
    return result


def with_change(values: NDArray[np.float64], runs: int, change: float) -> NDArray[np.float64]:
    """The last *runs* values changed by *change* (relative)."""
    changed = values.copy()
    changed[-runs:] *= 1 + change
    return changed


def values_of(samples: Sequence[Sample]) -> list[float | None]:
    return [sample.value for sample in samples]

"""Samples become arrays: in time order, on a scale on which differences are relative changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dogdriver.model.verdict import Sample

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

HIGHEST_LOG = 700.0
"""exp of more than this is no float any more."""

MOST_SPREAD = 1e6
"""A typical magnitude smaller than the largest by more than this is no unit to measure by."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a value becomes a coordinate and a difference of coordinates a relative change.

    All values positive: natural logarithms, so that a change is a ratio. Otherwise values divided by *unit*, the
    typical magnitude of those to compare with (itself first divided by *top*, so that nothing overflows).
    """

    logarithmic: bool
    top: float = 1.0
    unit: float = 1.0

    @classmethod
    def of(cls, values: Floats, base: Flags | None = None) -> "Scale":
        """*base* are the runs that a change is relative to: all of them, where it is None or they are all zero."""
        if values.size == 0 or values.min() > 0:
            return cls(logarithmic=True)
        sizes = np.abs(values)
        top = float(sizes.max()) or 1.0
        sizes = sizes / top
        if base is not None and np.any(sizes[base] * MOST_SPREAD >= 1.0):
            sizes = sizes[base]
        unit = float(np.median(sizes))
        if unit * MOST_SPREAD < 1.0:
            unit = float(sizes.mean()) or 1.0
        return cls(logarithmic=False, top=top, unit=unit)

    @property
    def whole(self) -> float | None:
        """The value that counts as 100 %; None where changes are ratios."""
        return None if self.logarithmic else self.top * self.unit

    def coordinates(self, values: Floats) -> Floats:
        return np.log(values) if self.logarithmic else values / self.top / self.unit

    def relative(self, difference: float) -> float:
        """The relative change that *difference* of coordinates is; finite."""
        if not self.logarithmic:
            return max(-1e300, min(1e300, difference))
        return float(np.expm1(max(-HIGHEST_LOG, min(HIGHEST_LOG, difference))))

    def thresholds(self, margin: float) -> tuple[float, float]:
        """The differences (down, up) of coordinates that a relative change of -margin, +margin is."""
        if not self.logarithmic:
            return -margin, margin
        return (float(np.log1p(-margin)) if margin < 1 else -inf), float(np.log1p(margin))


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of a series that have a value, oldest first.

    *index* is each one's place among all the samples in time order, *seconds* its time since the first of them,
    *release* the number of its release in *releases*, which are in the order in which they were first seen.
    """

    at: tuple[datetime, ...]
    index: Ints
    seconds: Floats
    values: Floats
    release: Ints
    releases: tuple[str, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Series":
        """In any order; the same samples give the same series. A value that is None or not finite is missing.

        Times are compared as moments, whatever their zones; one without a zone is taken to be in UTC.
        """
        moments = [moment(s.at) for s in samples]
        order = sorted(range(len(samples)), key=lambda i: (moments[i], samples[i].release, mixed_up(samples[i].value)))
        ordered, moments = [samples[i] for i in order], [moments[i] for i in order]
        first_seen: dict[str, int] = {}
        for sample in ordered:
            first_seen.setdefault(sample.release, len(first_seen))
        kept = [(i, s, float(s.value)) for i, s in enumerate(ordered) if s.value is not None and isfinite(s.value)]
        return cls(
            at=tuple(s.at for _, s, _ in kept),
            index=np.array([i for i, _, _ in kept], dtype=np.intp),
            seconds=np.array([(moments[i] - moments[0]).total_seconds() for i, _, _ in kept], dtype=np.float64),
            values=np.array([v for _, _, v in kept], dtype=np.float64),
            release=np.array([first_seen[s.release] for _, s, _ in kept], dtype=np.intp),
            releases=tuple(first_seen),
        )

    def __len__(self) -> int:
        return len(self.at)

    def take(self, chosen: Ints) -> "Series":
        """The runs at these places."""
        return Series(
            at=tuple(self.at[i] for i in chosen),
            index=self.index[chosen],
            seconds=self.seconds[chosen],
            values=self.values[chosen],
            release=self.release[chosen],
            releases=self.releases,
        )


def moment(at: datetime) -> datetime:
    """In UTC: two times of one zone would be subtracted by the clock on its wall."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def mixed_up(value: float | None) -> int:
    """An order for runs of the same moment that follows from their values and yet makes no trend of them."""
    return 0 if value is None else crc32(float(value).hex().encode())

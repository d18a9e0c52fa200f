"""Samples become arrays, in time order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dogdriver.model.verdict import Sample

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

MOST_RELEASES = 20
"""Earlier releases looked at: older ones were another service."""
MOST_BASELINE_RUNS = 400
MOST_RUNS = 400


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of a series that have a value, oldest first.

    *index* (runs,): each one's place among all the samples in time order; *seconds* (runs,): its time since the first
    of them; *values* (runs,): in the metric's unit, finite; *release* (runs,): the number of its release in *releases*,
    which are in the order in which they were first seen.
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
        moments = [in_utc(s.at) for s in samples]
        order = in_time_order(samples, moments)
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

    def take(self, places: Ints) -> "Series":
        """The runs at *places* (chosen,), in their order; release numbers stay what they are."""
        return Series(
            at=tuple(self.at[i] for i in places),
            index=self.index[places],
            seconds=self.seconds[places],
            values=self.values[places],
            release=self.release[places],
            releases=self.releases,
        )

    def before_and_within(self, judged: int) -> "Series":
        """What a verdict rests on: the runs of release number *judged* and of those first seen before it.

        Up to its last run; the newest MOST_RELEASES releases and MOST_BASELINE_RUNS runs of them.
        """
        own = np.flatnonzero(self.release == judged)
        own = own[:MOST_RUNS]
        end = int(own[-1]) if own.size else len(self)
        earlier = np.flatnonzero(self.release[:end] < judged)
        if earlier.size:
            newest = np.unique(self.release[earlier])[-MOST_RELEASES:]
            earlier = earlier[self.release[earlier] >= newest[0]][-MOST_BASELINE_RUNS:]
        return self.take(np.sort(np.concatenate([earlier, own])))

    def since_pinned(self, judged: int, pinned: int) -> "Series":
        """The runs of release number *pinned*, of number *judged* and of those between."""
        own = np.flatnonzero(self.release == judged)[:MOST_RUNS]
        base = np.flatnonzero(self.release == pinned)[-MOST_RUNS:]
        between = np.flatnonzero((self.release > pinned) & (self.release < judged))
        if own.size:
            between = between[between < own[-1]]
        return self.take(np.sort(np.concatenate([base, between[-MOST_BASELINE_RUNS:], own])))


def in_utc(at: datetime) -> datetime:
    """Two times of one zone would be subtracted by the clock on its wall."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def in_time_order(samples: Sequence[Sample], moments: Sequence[datetime]) -> list[int]:
    """The places of *samples*, oldest first; those of one moment by release and value, however they were given."""
    places = range(len(samples))
    if len(set(moments)) == len(moments):
        return sorted(places, key=moments.__getitem__)
    return sorted(places, key=lambda i: (moments[i], samples[i].release, tie_order(samples[i].value)))


def tie_order(value: float | None) -> int:
    """An order for runs of the same moment that follows from their values and yet makes no trend of them."""
    return 0 if value is None else crc32(float(value).hex().encode())


def group_numbers(release: Ints) -> tuple[Ints, int]:
    """*release* (runs,) numbered anew from 0 without gaps: (group, how many), group (runs,)."""
    found, group = np.unique(release, return_inverse=True)
    return group.astype(np.intp), len(found)

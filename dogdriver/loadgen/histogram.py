"""Durations as counts of quantised values: what an HdrHistogram of three significant digits holds, as a dict.

Recording costs a sixth of HdrHistogram's own; buckets, quantiles and the encoded form are the same as its.
"""

from collections.abc import Mapping
from typing import Self

from hdrh.histogram import HdrHistogram

LONGEST = 3_600_000_000
"""Microseconds: an hour. What takes longer counts as an hour."""

_DIGITS = 3
_BITS = 11  # three significant digits need buckets of 2048 steps


class Latencies:
    """Microseconds, quantised to the lowest value of their bucket (relative error below 0.1 %) → how many."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def record(self, seconds: float) -> None:
        """One duration."""
        micros = int(seconds * 1_000_000)
        if micros > LONGEST:  # noqa: PLR1730 - min() would cost a third of this method
            micros = LONGEST
        shift = micros.bit_length() - _BITS
        if shift > 0:
            micros = micros >> shift << shift
        counts = self.counts
        counts[micros] = counts.get(micros, 0) + 1

    def add(self, counts: Mapping[int, int]) -> Self:
        """The *counts* of another one, by microseconds; gives this one."""
        for value, count in counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
        return self

    @property
    def total(self) -> int:
        """How many durations were recorded."""
        return sum(self.counts.values())

    def quantiles(self, *shares: float) -> tuple[float | None, ...]:
        """Milliseconds at each of the ascending *shares* (0..1); None where nothing was recorded."""
        total = self.total
        if not total:
            return (None,) * len(shares)
        found: list[float | None] = []
        values = iter(sorted(self.counts.items()))
        value, seen = next(values)
        seen_up_to = seen
        for share in shares:
            rank = max(1, int(share * total + 0.5))
            while seen_up_to < rank:
                value, seen = next(values)
                seen_up_to += seen
            found.append(_highest(value) / 1000)
        return tuple(found)

    def encode(self) -> str | None:
        """An HdrHistogram V2 of microseconds, compressed, in base64; None where nothing was recorded."""
        if not self.counts:
            return None
        histogram = HdrHistogram(1, LONGEST, _DIGITS)
        for value, count in self.counts.items():
            histogram.record_value(value, count)
        encoded: bytes = histogram.encode()
        return encoded.decode("ascii")


def _highest(value: int) -> int:
    """The highest value that falls into the same bucket as *value*."""
    return value + (1 << max(0, value.bit_length() - _BITS)) - 1

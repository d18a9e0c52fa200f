"""The tail of a run: the share of its requests that took more than twice its own median."""

import base64
import binascii
import struct
import zlib
from collections.abc import Mapping

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

SLOW = 2.0
"""Times the median. One slow request in a hundred moves a 99th percentile by chance alone; all count here."""

_HEADER = struct.Struct(">iiiiqqd")  # cookie, length, offset, digits, lowest, highest, ratio
_LEAST = 8  # bytes before the packed part: its cookie and its length
_MOST_BYTES = 1_000_000  # unpacked; a full histogram of an hour in microseconds has 0.2 MB
_MOST_DIGITS = 3
_HIGHEST = 2**42
_BROKEN = (HdrCookieException, HdrHistogramSettingsException, HdrLengthException)


def slow_share(counts: Mapping[int, int]) -> float | None:
    """Of latencies as value → how many, in any unit; None where there are none, or the median is 0."""
    total = sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if 2 * seen >= total > 0:
            limit = SLOW * value
            return sum(count for each, count in counts.items() if each > limit) / total if value > 0 else None
    return None


def slow_share_of_histogram(encoded: str) -> float | None:
    """Of an HdrHistogram V2 in base64, as `client.histogram` has it; None where it is none or beyond all bounds."""
    try:
        packed = base64.b64decode(encoded, validate=True)
        unpacking = zlib.decompressobj()
        payload = unpacking.decompress(packed[_LEAST:], _MOST_BYTES)
        if not unpacking.eof or len(payload) < _HEADER.size:
            return None
        _, _, offset, digits, lowest, highest, _ = _HEADER.unpack_from(payload)
        if offset or not 1 <= digits <= _MOST_DIGITS or not 1 <= lowest <= highest // 2 or highest > _HIGHEST:
            return None
        histogram = HdrHistogram.decode(encoded)
    except (binascii.Error, zlib.error, ValueError, TypeError, ArithmeticError, LookupError, *_BROKEN):
        return None
    return slow_share(
        {item.value_iterated_to: item.count_added_in_this_iter_step for item in histogram.get_recorded_iterator()}
    )

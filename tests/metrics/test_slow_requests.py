"""The share of a run's requests that took more than twice its median, from counts and from a stored histogram."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.loadgen.histogram import Latencies
from dogdriver.metrics.slow_requests import slow_share, slow_share_of_histogram


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ({}, None),
        ({10: 4}, 0.0),
        ({0: 3, 50: 1}, None),  # no median to compare with
        ({10: 98, 20: 1, 21: 1}, 0.01),  # twice as slow is not yet slow
        ({10: 2, 30: 1, 40: 1}, 0.5),
        ({5: 99_000, 15: 1_000}, 0.01),
    ],
)
def test_the_share_of_slow_requests(counts: dict[int, int], share: float | None) -> None:
    assert slow_share(counts) == share


@given(st.dictionaries(st.integers(1, 3_000_000), st.integers(1, 500), min_size=1, max_size=40))
def test_it_is_the_same_from_the_histogram_that_is_kept(counts: dict[int, int]) -> None:
    latencies = Latencies()
    for micros, count in counts.items():
        for _ in range(count):
            latencies.record(micros / 1_000_000)
    encoded = latencies.encode()
    assert encoded is not None
    exact, kept = slow_share(latencies.counts), slow_share_of_histogram(encoded)
    assert exact is not None
    near = {v for v in latencies.counts for w in latencies.counts if abs(v - 2 * w) <= 0.002 * v}
    assert near or kept == exact


def _histogram(*, digits: int = 3, lowest: int = 1, highest: int = 3_600_000_000, body: bytes = b"\x02") -> str:
    payload = struct.pack(">iiiiqqd", 0x1C849303 | 0x10, len(body), 0, digits, lowest, highest, 1.0) + body
    packed = zlib.compress(payload)
    return base64.b64encode(struct.pack(">ii", 0x1C849304 | 0x10, len(packed)) + packed).decode()


@pytest.mark.parametrize(
    "encoded",
    [
        "", "no base64!", "AAAA", base64.b64encode(b"\0" * 64).decode(), _histogram(digits=5), _histogram(digits=-1),
        _histogram(lowest=0), _histogram(highest=2**62), _histogram(body=b"\0" * 3_000_000),
    ],
)  # fmt: skip
def test_what_is_no_histogram_says_nothing(encoded: str) -> None:
    assert slow_share_of_histogram(encoded) is None


@given(st.binary(max_size=200), st.integers(1, 3), st.integers(2, 2**42))
def test_any_counts_are_survived(body: bytes, digits: int, highest: int) -> None:
    share = slow_share_of_histogram(_histogram(digits=digits, highest=highest, body=body))
    assert share is None or 0 <= share <= 1

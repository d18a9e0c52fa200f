import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.loadgen.histogram import Latencies

SECONDS = st.lists(st.floats(min_value=0, max_value=5000, allow_nan=False), min_size=1, max_size=60)


def as_histogram(seconds: list[float]) -> HdrHistogram:
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for each in seconds:
        histogram.record_value(min(int(each * 1_000_000), 3_600_000_000))
    return histogram


@given(SECONDS, st.lists(st.floats(min_value=0.001, max_value=1), min_size=1, max_size=5))
def test_the_quantiles_are_those_of_an_hdr_histogram(seconds: list[float], shares: list[float]) -> None:
    latencies = Latencies()
    for each in seconds:
        latencies.record(each)
    histogram = as_histogram(seconds)
    shares = sorted(shares)
    wanted = [histogram.get_value_at_percentile(share * 100) / 1000 for share in shares]
    assert list(latencies.quantiles(*shares)) == pytest.approx(wanted, rel=0.002, abs=0.001)


@given(SECONDS)
def test_others_read_the_encoded_form(seconds: list[float]) -> None:
    latencies = Latencies()
    for each in seconds:
        latencies.record(each)
    encoded = latencies.encode()
    assert encoded is not None
    decoded = HdrHistogram.decode(encoded)
    assert decoded.get_total_count() == len(seconds)
    same = as_histogram(seconds)
    for percentile in (1, 50, 95, 99, 100):
        assert decoded.get_value_at_percentile(percentile) == same.get_value_at_percentile(percentile)


@given(SECONDS, SECONDS)
def test_merging_is_recording_all(some: list[float], others: list[float]) -> None:
    first, second, both = Latencies(), Latencies(), Latencies()
    for each in some:
        first.record(each)
        both.record(each)
    for each in others:
        second.record(each)
        both.record(each)
    assert first.add(second.counts).counts == both.counts


def test_nothing_recorded_has_no_quantile() -> None:
    assert Latencies().quantiles(0.5, 0.99) == (None, None)
    assert Latencies().encode() is None

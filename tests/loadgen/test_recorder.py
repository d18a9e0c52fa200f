import asyncio
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.loadgen.loop_lag import LoopLag
from dogdriver.loadgen.recorder import Recorder
from dogdriver.loadgen.recording import (
    LONGEST_FAILURE,
    MOST_ENDPOINTS,
    MOST_FAILURES,
    OTHER_ENDPOINTS,
    OTHER_FAILURES,
    Failures,
    Recording,
    Said,
    endpoint,
    merge,
)
from dogdriver.loadgen.summary import judge, summarize
from dogdriver.model import CLIENT_METRICS, CLIENT_PREFIX, Grade, Tally


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/", "/"),
        ("", "/"),
        ("/users/17/posts", "/users/{id}/posts"),
        ("/users?page=2", "/users"),
        ("/v1/buckets/main-workspace/records", "/v1/buckets/main-workspace/records"),
        ("/records/6f1c2b1e-8e0a-4b57-9c57-0b1f3a9ce111", "/records/{id}"),
        ("/commit/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "/commit/{id}"),
        ("/token/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/token/{id}"),
        ("/a-rather-long-name-of-an-endpoint", "/a-rather-long-name-of-an-endpoint"),
    ],
)
def test_identifiers_in_paths_are_folded(path: str, folded: str) -> None:
    assert endpoint(f"GET {path}") == f"GET {folded}"


@given(st.text(max_size=400))
def test_an_endpoint_s_name_is_bounded(path: str) -> None:
    assert len(endpoint("GET /" + path)) <= 120


def test_requests_are_told_apart_by_scenario_and_endpoint() -> None:
    recorder = Recorder()
    recorder.executes("read")
    recorder.executes("idle")
    recorder.answered("read", "GET", "/a/1", 200, 0.010)
    recorder.answered("read", "GET", "/a/2", 404, 0.020)
    recorder.unanswered("write", "POST", "/a", TimeoutError())
    client = summarize([recorder.recording()], Tally(2, 1, 3, 2), 10.0, stall=1.0)
    assert [(e.name, e.count, e.errors) for e in client.endpoints] == [("GET /a/{id}", 2, 1), ("POST /a", 1, 1)]
    assert [(s.name, s.count, s.p50) for s in client.scenarios] == [
        ("idle", 0, None),
        ("read", 2, pytest.approx(10, rel=0.001)),
        ("write", 1, None),
    ]
    assert client.rps == pytest.approx(0.3)
    assert client.error_ratio == pytest.approx(1 / 3)
    assert client.statuses == {"200": 1, "404": 1}
    assert client.failures == (("POST /a: TimeoutError", 1),)


def test_endpoints_beyond_the_bound_are_counted_together() -> None:
    recorder = Recorder()
    for number in range(MOST_ENDPOINTS + 30):
        recorder.answered("s", "GET", f"/page-{number}", 200, 0.001)
    recording = recorder.recording()
    assert len(recording.stats) == MOST_ENDPOINTS + 1
    assert {c.endpoint: c.requests for c in recording.stats}[OTHER_ENDPOINTS] == 30


def test_failures_are_grouped_and_bounded() -> None:
    failures = Failures()
    for number in range(MOST_FAILURES + 20):
        failures.record(Said(f"ValueError: {'x' * number}"))
    assert len(failures.counts) == MOST_FAILURES + 1
    assert failures.counts[OTHER_FAILURES] == 20
    failures = Failures()
    for number in range(5):
        said = f"KeyError: 6f1c2b1e-8e0a-4b57-9c57-0b1f3a9ce11{number} at 0x7f00{number}abc, {10**9 + number}"
        failures.record(Said(said))
    assert failures.counts == {"KeyError: … at …, …": 5}
    failures.record(Said("y" * 10_000))
    assert max(map(len, failures.counts)) == LONGEST_FAILURE


requests = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["/x", "/y/1", "/y/2"]), st.sampled_from([200, 500]), st.floats(0, 2)
)


@given(st.lists(st.lists(requests, max_size=10), min_size=1, max_size=4))
def test_merging_recordings_is_recording_in_one(parts: list[list[tuple[str, str, int, float]]]) -> None:
    whole = Recorder()
    recordings = []
    for part in parts:
        recorder = Recorder()
        for scenario, path, status, seconds in part:
            recorder.answered(scenario, "GET", path, status, seconds)
            whole.answered(scenario, "GET", path, status, seconds)
        # As it comes from another process.
        recordings.append(msgspec.json.decode(msgspec.json.encode(recorder.recording()), type=Recording))
    together, one = merge(recordings), whole.recording()
    key = lambda each: (each.scenario, each.endpoint)  # noqa: E731 - used twice on the next line
    assert sorted(together.stats, key=key) == sorted(one.stats, key=key)
    assert together.statuses == one.statuses
    assert (together.requests, together.errors) == (whole.requests, whole.errors)


def test_the_recent_latencies_are_given_once() -> None:
    recorder = Recorder()
    recorder.answered("s", "GET", "/", 200, 0.001)
    assert recorder.take_recent() == {1000: 1}
    assert recorder.take_recent() == {}


@pytest.mark.parametrize(
    ("recording", "p50", "lag", "grade", "said"),
    [
        (Recording(wall=10, cpu=5), 20.0, 5.0, Grade.OK, None),
        (Recording(wall=10, cpu=9.6, saturated=5), 20.0, 5.0, Grade.INVALID, "for 5 of 10 s its thread used"),
        (Recording(wall=10, cpu=9.0, saturated=4.9), 20.0, 5.0, Grade.OK, None),
        (Recording(wall=10, cpu=9.1), 20.0, 5.0, Grade.DEGRADED, "used 91% of a processor"),
        (Recording(wall=10, stall=1.2), 20.0, 5.0, Grade.INVALID, "stood still for 1.2 s"),
        (Recording(wall=10, stall=0.2), 20.0, 5.0, Grade.DEGRADED, "stood still for 200 ms"),
        (Recording(wall=10), 20.0, 11.0, Grade.DEGRADED, "lagged by 11 ms"),
        (Recording(wall=10), 200.0, 19.0, Grade.OK, None),
        (Recording(wall=10), 200.0, 21.0, Grade.DEGRADED, "20 ms is harmless"),
        (Recording(), None, None, Grade.OK, None),
    ],
)
def test_the_grade_and_its_reasons(
    recording: Recording, p50: float | None, lag: float | None, grade: Grade, said: str | None
) -> None:
    found, reasons = judge(recording, p50, lag, 1.0)
    assert found is grade
    assert (said is None) == (not reasons)
    assert said is None or said in reasons[0]


def test_how_long_a_load_may_stand_still_is_the_tests_own() -> None:
    assert judge(Recording(wall=10, stall=1.2), 20.0, 5.0, 2.0)[0] is Grade.DEGRADED


def test_every_metric_of_the_load_is_measured() -> None:
    recorder = Recorder()
    recorder.answered("s", "GET", "/", 200, 0.001)
    client = summarize([recorder.recording()], Tally(ok=1, requests=1), 10, stall=1.0)
    names = [metric.name.removeprefix(CLIENT_PREFIX) for metric in CLIENT_METRICS]
    assert not [name for name in names if getattr(client, name) is None]


def test_the_busiest_loop_counts() -> None:
    idle, busy = Recording(wall=10, cpu=1, stall=0.5), Recording(wall=10, cpu=9.9, saturated=10)
    client = summarize([idle, busy], Tally(), 10, stall=1.0)
    assert (client.cpu, client.grade) == (0.99, Grade.INVALID)


async def test_a_stall_is_seen_even_when_the_load_ends_in_it() -> None:
    lag = LoopLag()
    measuring = asyncio.create_task(lag.measure())
    await asyncio.sleep(0)
    time.sleep(0.15)  # noqa: ASYNC251 - the stall
    lag.stop()
    measuring.cancel()
    assert lag.stall >= 0.1
    assert lag.wall >= 0.15
    assert lag.cpu <= lag.wall

"""Whatever happens to the connection: a typed error or a true reading, never a made-up one, and no key is shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Gaps, Standin
from dogdriver.errors import ExternalError, RateLimited, Refused, Unavailable
from dogdriver.metrics.settle import assess
from dogdriver.model import EventStep, Metric, MetricState, Run, Window
from dogdriver.model.health import Endpoint
from tests.datadog.fixtures import Clock

LATENCY = "avg:aws.elb.latency{app:kintowe}"
Shown = Callable[[object], None]


@pytest.fixture
def points(standin: Standin, window: Window) -> None:
    """100 ms, every minute, from five minutes before the run to five after it."""
    start = window.start.timestamp()
    standin.points.add(
        "aws.elb.latency", [(start + n * 60, 0.1) for n in range(-5, 15)], tags=["app:kintowe"], unit="second"
    )


async def failure(datadog: Datadog, window: Window, shown: Shown) -> ExternalError:
    """What `read` raises; `read_many` must give the same."""
    with pytest.raises(ExternalError) as caught:
        await datadog.read(LATENCY, window)
    shown(caught.value)
    shown(caught.value.__cause__)
    shown(datadog.health)
    assert datadog.health[Endpoint.QUERY].error is not None
    return caught.value


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("reset", "cannot be reached"),
        ("close", "cannot be reached"),
        ("500", "answered 500"),
        ("502", "answered 502"),
        ("503", "answered 503"),
        ("html", "not JSON (text/html"),
        ("empty", "not JSON"),
        ("truncated", "not JSON"),
        ("gzip_truncated", ""),
    ],
)
async def test_what_will_pass_is_unavailable_and_the_next_read_is_true(
    datadog: Datadog, standin: Standin, window: Window, secrets_stay_out: Shown, kind: str, words: str
) -> None:
    standin.mode(kind)
    error = await failure(datadog, window, secrets_stay_out)
    assert type(error) is Unavailable
    assert words in error.message
    standin.mode("ok")
    reading = await datadog.read(LATENCY, window)
    assert {value for _, value in reading.series[0].points} == {0.1}
    assert datadog.health[Endpoint.QUERY].ok


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize("kind", ["hang", "drip"])
async def test_a_call_ends_with_its_time(
    impatient: Datadog, datadog: Datadog, standin: Standin, window: Window, secrets_stay_out: Shown, kind: str
) -> None:
    standin.mode(kind)
    error = await failure(impatient, window, secrets_stay_out)
    assert type(error) is Unavailable
    assert error.message == "Datadog (query) did not answer within 0.1 seconds"
    standin.mode("ok")
    # Over the same session: what was late belongs to nobody.
    assert (await datadog.read(LATENCY, window)).series


@pytest.mark.usefixtures("points")
async def test_refused_connections_are_unavailable(
    datadog: Datadog, standin: Standin, window: Window, secrets_stay_out: Shown
) -> None:
    await standin.stop()
    assert "cannot be reached" in (await failure(datadog, window, secrets_stay_out)).message
    await standin.start()
    assert (await datadog.read(LATENCY, window)).series


@pytest.mark.usefixtures("points")
async def test_a_compressed_answer_is_an_answer(datadog: Datadog, standin: Standin, window: Window) -> None:
    plain = await datadog.read(LATENCY, window)
    standin.mode("gzip")
    assert await datadog.read(LATENCY, window) == plain


@pytest.mark.usefixtures("points")
async def test_the_answer_to_another_query_is_not_used(
    datadog: Datadog, standin: Standin, window: Window, secrets_stay_out: Shown
) -> None:
    await datadog.read("avg:system.cpu.idle{app:kintowe}", window)
    standin.mode("stale")
    error = await failure(datadog, window, secrets_stay_out)
    assert isinstance(error, Unavailable)
    assert "another query" in error.message


@pytest.mark.usefixtures("points")
async def test_the_answer_to_the_same_query_of_another_run_is_not_used(
    datadog: Datadog, standin: Standin, window: Window, secrets_stay_out: Shown
) -> None:
    await datadog.read(LATENCY, Window(window.start - timedelta(hours=1), window.end - timedelta(hours=1)))
    standin.mode("stale")
    error = await failure(datadog, window, secrets_stay_out)
    assert isinstance(error, Unavailable)
    assert "another time" in error.message


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize(
    ("options", "wait"),
    [
        ({"reset": 0}, 1),
        ({"reset": 3}, 4),
        ({"reset": 2462}, 2463),
        ({"reset": "1.5"}, 3),
        ({"reset": "soon"}, 3601),
        ({"reset": 1772370000}, 3601),
        ({"headers": False}, 16),
        ({"headers": False, "html": True}, 16),
        ({"html": True, "reset": 30}, 31),
    ],
)
async def test_a_429_waits_as_long_as_it_says(
    datadog: Datadog,
    standin: Standin,
    clock: Clock,
    window: Window,
    secrets_stay_out: Shown,
    options: dict[str, Any],
    wait: float,
) -> None:
    standin.mode("limited", **options, times=1)
    error = await failure(datadog, window, secrets_stay_out)
    assert isinstance(error, RateLimited)
    assert error.retry_after == pytest.approx(wait)
    asked = len(standin.requests)
    with pytest.raises(RateLimited):
        await datadog.read(LATENCY, window)
    assert len(standin.requests) == asked, "a query was sent although Datadog said to wait"
    clock.forward(seconds=max(wait, 3601.0))
    assert (await datadog.read(LATENCY, window)).series


@pytest.mark.usefixtures("points")
async def test_a_403_marks_its_own_endpoint(
    datadog: Datadog, standin: Standin, window: Window, run: Run, clock: Clock, secrets_stay_out: Shown
) -> None:
    standin.mode("forbidden", path="/api/v1/query")
    error = await failure(datadog, window, secrets_stay_out)
    assert isinstance(error, Refused)
    assert error.code == "forbidden"
    assert "DD_APP_KEY" in error.message
    await datadog.send_event(datadog.run_event(run, EventStep.START, at=clock(), link=None))
    assert datadog.health[Endpoint.QUERY].refused
    assert not datadog.health[Endpoint.EVENTS].refused
    assert datadog.health[Endpoint.EVENTS].ok


@pytest.mark.usefixtures("points")
async def test_keys_revoked_between_attempts_and_given_back(datadog: Datadog, standin: Standin, window: Window) -> None:
    assert (await datadog.read(LATENCY, window)).series
    kept, standin.app_key = standin.app_key, "another"
    with pytest.raises(Refused):
        await datadog.read(LATENCY, window)
    standin.app_key = kept
    assert (await datadog.read(LATENCY, window)).series
    assert not datadog.health[Endpoint.QUERY].refused


@pytest.mark.parametrize("status", [200, 400])
async def test_a_parse_error_is_permanent_and_in_datadogs_own_words(
    datadog: Datadog, standin: Standin, window: Window, status: int
) -> None:
    standin.parse_error_status = status
    with pytest.raises(Refused) as caught:
        await datadog.read("avg:foo@bar{*}", window)
    assert caught.value.code == "bad_query"
    assert "unable to parse avg:foo@bar{*}" in caught.value.message


@pytest.mark.usefixtures("points")
async def test_nulls_and_left_out_buckets_are_the_same_value(
    datadog: Datadog, standin: Standin, window: Window, latency: Metric, clock: Clock
) -> None:
    found = []
    for gaps in Gaps:
        standin.gaps = gaps
        reading = await datadog.read(LATENCY, window)
        found.append(assess(reading, reading, metric=latency, window=window, ramp_up=0.0, usual_gap=None, last=False))
    assert [(one.state, round(one.value or 0, 9), one.points) for one in found] == [
        (MetricState.SETTLED, 100.0, 10)
    ] * 2


async def test_an_empty_answer_is_no_value(datadog: Datadog, window: Window, latency: Metric) -> None:
    reading = await datadog.read(LATENCY, window)
    assert (reading.series, reading.interval, reading.empty) == ((), None, True)
    found = assess(reading, reading, metric=latency, window=window, ramp_up=0, usual_gap=None, last=True)
    assert (found.state, found.value) == (MetricState.NO_DATA, None)


@pytest.mark.parametrize(
    ("parts", "minutes"),
    [
        pytest.param([range(4), range(4, 7), range(7, 10)], (10, 17, 24), id="one stretch of time after the other"),
        pytest.param([range(0, 10, 3), range(1, 10, 3), range(2, 10, 3)], (14, 19, 29), id="every third point"),
    ],
)
async def test_series_that_arrive_in_three_parts_settle_once_they_are_whole(
    datadog: Datadog,
    standin: Standin,
    window: Window,
    latency: Metric,
    clock: Clock,
    parts: list[range],
    minutes: tuple[int, ...],
) -> None:
    start, end = window.start.timestamp(), window.end.timestamp()
    for part, delay in zip(parts, minutes, strict=True):
        points = [(start + n * 60, 0.1 + n * n / 100) for n in part]
        standin.points.add("aws.elb.latency", points, tags=["app:kintowe"], unit="second", visible_at=end + delay * 60)
    found, previous = [], None
    for attempt in (15, 20, 30, 45):
        clock.now = window.end + timedelta(minutes=attempt)
        reading = await datadog.read(LATENCY, window)
        found.append(assess(reading, previous, metric=latency, window=window, ramp_up=0.0, usual_gap=60.0, last=False))
        previous = reading
    assert [one.state.value for one in found] == ["waiting"] * 3 + ["settled"]
    assert found[-1].value == pytest.approx(1000 * (0.1 + sum(n * n for n in range(10)) / 1000))


@pytest.mark.usefixtures("points")
async def test_one_failing_query_does_not_hide_the_others(datadog: Datadog, standin: Standin, window: Window) -> None:
    answers = await datadog.read_many([LATENCY, "avg:foo@bar{*}", "max:aws.elb.latency{*}"], window)
    assert isinstance(answers[1], Refused)
    assert not isinstance(answers[0], ExternalError)
    assert not isinstance(answers[2], ExternalError)
    assert [answers[0].query, answers[2].query] == [LATENCY, "max:aws.elb.latency{*}"]
    assert len(standin.asked("/api/v1/query")) == 4

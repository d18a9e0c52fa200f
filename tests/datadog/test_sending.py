"""What is sent to Datadog: events that arrive once, gauges."""

import re
from datetime import timedelta

import aiohttp
import pytest
from aioresponses import aioresponses
from msgspec.structs import replace

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Standin
from dogdriver.errors import RateLimited, Refused, Unavailable
from dogdriver.model import EventStep, Run, Window
from dogdriver.model.health import Endpoint
from dogdriver.settings import Secret
from tests.datadog.fixtures import API_KEY, APP_KEY, Clock


async def test_an_event_is_kept_with_its_exact_id_and_its_link(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock
) -> None:
    told = await datadog.send_event(
        datadog.run_event(run, EventStep.START, at=clock(), link="https://dog.example.org/r/1")
    )
    [event] = standin.events
    assert told == {"id": str(event.id), "url": event.receipt()["url"]}
    assert event.id > 2**53


async def test_an_event_of_long_ago_is_refused_as_such(datadog: Datadog, run: Run, clock: Clock) -> None:
    payload = datadog.run_event(run, EventStep.STOP, at=clock() - timedelta(hours=18, minutes=1), link=None)
    with pytest.raises(Refused) as caught:
        await datadog.send_event(payload)
    assert caught.value.code == "too_old"
    assert "Event too far in the past" in caught.value.message
    assert not datadog.health[Endpoint.EVENTS].refused


@pytest.mark.parametrize("kind", ["reset", "empty", "truncated", "gzip_truncated"])
async def test_an_event_whose_answer_is_lost_is_found_again_and_not_sent_twice(
    datadog: Datadog, standin: Standin, session: aiohttp.ClientSession, run: Run, clock: Clock, kind: str
) -> None:
    payload = datadog.run_event(run, EventStep.START, at=clock(), link=None)
    other = datadog.run_event(run, EventStep.STOP, at=clock(), link=None)
    await datadog.send_event(other)
    standin.mode(kind, times=1, method="POST")
    with pytest.raises(Unavailable) as caught:
        await datadog.send_event(payload)
    assert caught.value.retry_after == 60
    clock.forward(seconds=caught.value.retry_after)
    restarted = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=standin.url)
    told = await restarted.send_event(payload)
    assert [event.fields["tags"][-1] for event in standin.events] == ["step:stop", "step:start"]
    arrived = standin.events[1]
    assert told == {"id": str(arrived.id), "url": f"https://app.datadoghq.com/event/event?event_id={arrived.id}"}


@pytest.mark.parametrize("kind", ["hang", "500", "502", "503", "close"])
async def test_an_event_that_did_not_arrive_is_sent_in_the_end(
    datadog: Datadog, impatient: Datadog, standin: Standin, run: Run, clock: Clock, kind: str
) -> None:
    payload = datadog.run_event(run, EventStep.START, at=clock(), link=None)
    standin.mode(kind, times=1)
    with pytest.raises(Unavailable):
        await (impatient if kind == "hang" else datadog).send_event(payload)
    clock.forward(minutes=2)
    await datadog.send_event(payload)
    assert len(standin.events) == 1


@pytest.mark.parametrize("kind", ["forbidden", "500", "html", "limited"])
async def test_an_event_that_cannot_be_looked_for_is_sent(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock, kind: str
) -> None:
    payload = datadog.run_event(run, EventStep.STOP, at=clock() - timedelta(hours=1), link=None)
    standin.mode(kind, method="GET")
    await datadog.send_event(payload)
    assert len(standin.events) == 1
    assert datadog.health[Endpoint.EVENTS].ok
    assert not datadog.health[Endpoint.EVENT_LIST].ok


async def test_a_limit_of_events_waits_as_told(datadog: Datadog, standin: Standin, run: Run, clock: Clock) -> None:
    standin.mode("limited", reset=17)
    with pytest.raises(RateLimited) as caught:
        await datadog.send_event(datadog.run_event(run, EventStep.START, at=clock(), link=None))
    assert caught.value.retry_after == 17


@pytest.mark.parametrize(
    "payload",
    [{}, {"title": "x"}, {"title": "x", "text": "y" * 4001}, {"title": "x", "text": "y", "date_happened": "now"}],
)
async def test_a_payload_that_is_no_event_is_refused_before_it_is_sent(
    datadog: Datadog, standin: Standin, payload: dict[str, object]
) -> None:
    with pytest.raises(Refused):
        await datadog.send_event(payload)
    assert not standin.requests


@pytest.mark.parametrize("payload", [{"series": [{}]}, {"series": [{"metric": "a", "type": 3, "points": [{"x": 1}]}]}])
async def test_a_payload_that_is_no_series_is_refused(datadog: Datadog, payload: dict[str, object]) -> None:
    with pytest.raises(Refused):
        await datadog.send_series(payload)
    assert not datadog.health[Endpoint.SERIES].refused


async def test_gauges_can_be_read_back(datadog: Datadog, standin: Standin, run: Run, clock: Clock) -> None:
    await datadog.send_series(datadog.gauges(run, at=clock()))
    clock.forward(minutes=5)
    window = Window(clock() - timedelta(minutes=10), clock())
    reading = await datadog.read("avg:dogdriver.run.duration{env:stage,service:kintowe,version:21.1.0}", window)
    assert [value for _, value in reading.series[0].points] == [600.0]


async def test_gauges_that_waited_long_are_sent_as_of_now_and_marked(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock
) -> None:
    payload = datadog.gauges(run, at=clock())
    await datadog.send_series(payload)
    clock.forward(hours=5)
    await datadog.send_series(payload)
    first, later = (seen.json["series"][0] for seen in standin.requests)
    assert later["points"][0]["timestamp"] - first["points"][0]["timestamp"] == 5 * 3600
    assert set(later["tags"]) - set(first["tags"]) == {"dogdriver_late:true"}


async def test_nothing_to_send_is_not_sent(datadog: Datadog, standin: Standin, run: Run, clock: Clock) -> None:
    await datadog.send_series(datadog.gauges(replace(run, started=None, ended=None), at=clock()))
    assert not standin.requests


@pytest.mark.parametrize("asked", ["reset", "500", "forbidden", "html"])
async def test_an_outage_that_loses_the_answers_makes_no_second_event(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock, asked: str
) -> None:
    payload = datadog.run_event(run, EventStep.START, at=clock(), link=None)
    standin.mode("reset", method="POST")
    standin.mode(asked, method="GET")
    with pytest.raises(Unavailable) as caught:
        await datadog.send_event(payload)
    assert caught.value.unsure
    for _ in range(60):
        clock.forward(minutes=10)
        with pytest.raises(Unavailable) as caught:
            await datadog.send_event_again(payload, 1)
        assert not caught.value.unsure, "nothing was sent"
    assert len(standin.events) == 1
    standin.mode()
    told = await datadog.send_event_again(payload, 1)
    assert told["id"] == str(standin.events[0].id)
    assert len(standin.events) == 1


async def test_where_it_can_never_be_asked_one_more_is_sent_and_no_third(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock
) -> None:
    payload = datadog.run_event(run, EventStep.START, at=clock(), link=None)
    standin.mode("forbidden", method="GET")
    clock.forward(hours=13)
    with pytest.raises(Unavailable):
        await datadog.send_event_again(payload, 2)
    assert not standin.events
    await datadog.send_event_again(payload, 1)
    assert len(standin.events) == 1


async def test_an_event_for_which_there_was_no_connection_was_not_sent(
    datadog: Datadog, run: Run, clock: Clock
) -> None:
    async with aiohttp.ClientSession() as session:
        away = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=None, address="http://127.0.0.1:1")
        with pytest.raises(Unavailable) as caught:
            await away.send_event(datadog.run_event(run, EventStep.START, at=clock(), link=None))
    assert not caught.value.unsure


@pytest.mark.parametrize(("status", "body"), [(404, "<html>"), (400, "<html>"), (302, ""), (405, "")])
async def test_what_a_proxy_answers_gives_no_event_up(
    datadog: Datadog, run: Run, clock: Clock, status: int, body: str
) -> None:
    with aioresponses() as mocked:
        mocked.post(re.compile(".*"), status=status, body=body, headers={"Location": "https://login.example"})
        with pytest.raises(Unavailable) as caught:
            await datadog.send_event(datadog.run_event(run, EventStep.START, at=clock(), link=None))
    assert not caught.value.unsure

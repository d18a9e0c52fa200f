"""What the rest of dogDriver uses of Datadog, against the stand-in."""

from datetime import timedelta

import aiohttp
import pytest

from dogdriver.datadog import Datadog, padded
from dogdriver.demo.standin import Standin
from dogdriver.errors import ExternalError, KeysRefused, RateLimited, Refused, Unavailable
from dogdriver.metrics.query import metric_query, run_query
from dogdriver.model import CLIENT_METRICS, EventStep, Metric, Reading, Run, Window
from dogdriver.model.health import Endpoint
from dogdriver.pipeline.ports import Datadog as Port
from dogdriver.settings import Secret, load
from tests.datadog.fixtures import API_KEY, APP_KEY, START, Clock


def test_it_is_what_the_pipeline_asks_for(datadog: Datadog) -> None:
    port: Port = datadog
    assert port.configured


# Keys


@pytest.mark.parametrize(
    ("api_key", "app_key", "configured", "sends"),
    [
        (None, None, False, False),
        (Secret(API_KEY), None, False, True),
        (None, Secret(APP_KEY), False, False),
        (Secret(API_KEY), Secret(APP_KEY), True, True),
    ],
)
async def test_without_keys_nothing_leaves_and_that_is_said(
    session: aiohttp.ClientSession,
    clock: Clock,
    standin: Standin,
    window: Window,
    run: Run,
    api_key: Secret | None,
    app_key: Secret | None,
    configured: bool,
    sends: bool,
) -> None:
    client = Datadog(session, clock=clock, api_key=api_key, app_key=app_key, address=standin.url)
    assert (client.configured, client.sends) == (configured, sends)
    if not configured:
        with pytest.raises(Refused, match="set DD_API_KEY and DD_APP_KEY") as caught:
            await client.read("avg:a.b{*}", window)
        assert caught.value.code == "not_configured"
        assert not standin.asked("/api/v1/query")
    if not sends:
        with pytest.raises(Refused, match="set DD_API_KEY"):
            await client.send_event(client.run_event(run, EventStep.START, at=clock(), link=None))
        with pytest.raises(Refused, match="set DD_API_KEY"):
            await client.send_series(client.gauges(run, at=clock()))
        assert not await client.check_keys()
        assert not standin.requests


async def test_good_keys_are_found_good(datadog: Datadog, standin: Standin) -> None:
    assert datadog.health[Endpoint.VALIDATE].ok is None
    assert await datadog.check_keys()
    assert [seen.path for seen in standin.requests] == ["/api/v1/validate", "/api/v1/query"]
    assert datadog.health[Endpoint.VALIDATE].ok
    assert datadog.health[Endpoint.QUERY].ok
    assert (datadog.budget.limit, datadog.budget.remaining) == (600, 599)
    assert datadog.budget.resets is not None


async def test_a_bad_api_key_and_a_bad_application_key_are_told_apart(datadog: Datadog, standin: Standin) -> None:
    standin.app_key = "another"
    assert not await datadog.check_keys()
    assert datadog.health[Endpoint.VALIDATE].ok
    assert datadog.health[Endpoint.QUERY].refused
    standin.api_key = "another"
    assert not await datadog.check_keys()
    assert datadog.health[Endpoint.VALIDATE].refused


async def test_a_check_during_an_outage_says_so_and_raises_nothing(datadog: Datadog, standin: Standin) -> None:
    standin.mode("502")
    assert not await datadog.check_keys()
    health = datadog.health[Endpoint.VALIDATE]
    assert (health.ok, health.refused) == (False, False)
    assert health.error == "Datadog (validate) answered 502"


async def test_a_limit_that_is_reached_says_nothing_against_the_keys(datadog: Datadog, standin: Standin) -> None:
    standin.mode("limited", path="/api/v1/query")
    assert await datadog.check_keys()
    assert await datadog.check_keys()  # now turned away by our own budget
    assert len(standin.asked("/api/v1/query")) == 1


async def test_a_success_ends_an_error_and_both_times_are_kept(
    datadog: Datadog, standin: Standin, clock: Clock
) -> None:
    standin.mode("500", times=1, path="/api/v1/validate")
    failed = clock()
    await datadog.check_keys()
    clock.forward(minutes=1)
    await datadog.check_keys()
    health = datadog.health[Endpoint.VALIDATE]
    assert (health.last_error, health.last_success, health.error) == (failed, clock(), None)


# Reading


@pytest.mark.parametrize(("seconds", "room"), [(0, 60), (20, 60), (200, 100), (600, 300), (7200, 300), (0.4, 60)])
def test_a_window_is_asked_for_with_room_around_it_in_whole_seconds(seconds: float, room: float) -> None:
    start, end = padded(Window(START, START + timedelta(seconds=seconds)))
    assert start == int(START.timestamp() - room)
    assert 0 <= end - (START.timestamp() + seconds + room) < 1


async def test_queries_go_together_ten_at_a_time_and_come_back_in_order(
    datadog: Datadog, standin: Standin, window: Window
) -> None:
    for n in range(25):
        standin.points.add(f"m.n{n}", [(window.start.timestamp(), float(n))])
    queries = [f"avg:m.n{n}{{*}}" for n in range(25)]
    answers = await datadog.read_many([*queries, queries[3]], window)
    assert len(standin.asked("/api/v1/query")) == 3
    assert [one.series[0].points[0][1] for one in answers if isinstance(one, Reading)] == [*map(float, range(25)), 3.0]
    assert await datadog.read_many([], window) == []


async def test_a_long_line_is_cut_and_a_list_of_queries_goes_alone(
    datadog: Datadog, standin: Standin, window: Window
) -> None:
    long = "avg:m.x{" + ",".join(f"tag{n}:{'v' * 100}" for n in range(55)) + "}"
    listed = "avg:m.a{*},avg:m.b{*}"
    answers = await datadog.read_many(["avg:m.c{*}", listed, "avg:m.d{*}", long], window)
    assert not any(isinstance(one, ExternalError) for one in answers)
    asked = [seen.query["query"] for seen in standin.asked("/api/v1/query")]
    assert asked == ["avg:m.c{*}", listed, "avg:m.d{*}", long]


async def test_what_concerns_all_queries_is_not_asked_again_for_each(
    datadog: Datadog, standin: Standin, window: Window
) -> None:
    queries = ["avg:m.a{*}", "avg:m.b{*}", "avg:m.c{*}"]
    for kind, error in (("forbidden", KeysRefused), ("500", Unavailable), ("limited", RateLimited)):
        standin.requests.clear()
        standin.mode(kind, times=1)
        answers = await datadog.read_many(queries, window)
        assert [type(one) for one in answers] == [error] * 3
        assert len(standin.requests) == 1


async def test_an_answer_that_mixes_several_queries_is_asked_for_one_by_one(
    datadog: Datadog, standin: Standin, window: Window
) -> None:
    standin.points.add("m.a", [(window.start.timestamp(), 1.0)])
    await datadog.read("avg:m.b{*}", window)
    standin.mode("stale", times=1)
    first, second = await datadog.read_many(["avg:m.a{*}", "avg:m.b{*}"], window)
    assert isinstance(first, Reading)
    assert first.series[0].points[0][1] == 1.0
    assert isinstance(second, Reading)
    assert second.empty
    assert len(standin.asked("/api/v1/query")) == 4


def test_a_metric_of_the_load_generator_has_no_query(datadog: Datadog, run: Run) -> None:
    with pytest.raises(ValueError, match=r"client\.rps is measured by the load generator"):
        metric_query(CLIENT_METRICS[0], run)


def test_other_templates_take_the_same_tokens(datadog: Datadog, run: Run, latency: Metric) -> None:
    assert metric_query(latency, run) == "avg:aws.elb.latency{app:kintowe}"
    assert run_query("avg:a.b{app:{project}} by {host}", run) == "avg:a.b{app:kintowe} by {host}"


async def test_the_settings_say_which_keys_which_site_and_which_links(
    session: aiohttp.ClientSession, run: Run, clock: Clock, standin: Standin, window: Window
) -> None:
    settings = load(
        {
            "DD_API_KEY": API_KEY,
            "DD_APP_KEY": APP_KEY,
            "DOGDRIVER_DATADOG_URL": standin.url,
            "DOGDRIVER_LINK_EVENTS": "https://x.example/{project}",
        }
    )
    client = Datadog.from_settings(settings, session, clock)
    assert (client.configured, client.sends) == (True, True)
    assert (await client.read("avg:a.b{*}", window)).empty
    assert client.links(run) == {"datadog.events": "https://x.example/kintowe"}
    assert not Datadog.from_settings(load({}), session, clock).sends


async def test_the_links_of_a_run_are_those_that_were_set(
    session: aiohttp.ClientSession, run: Run, clock: Clock
) -> None:
    def linked(**templates: str | None) -> set[str]:
        return set(
            Datadog(session, clock=clock, api_key=None, app_key=None, link_templates=templates).links(run).values()
        )

    [usual] = linked(events=None, metric=None)
    assert usual.startswith("https://app.datadoghq.com/event/explorer?query=run_id%3A")
    assert linked(events="https://x.example/{project}/{deployment}") == {"https://x.example/kintowe/stage"}
    assert linked(events="") == set()

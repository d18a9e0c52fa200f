"""One call at a time: what goes out, what comes back, and what is never shown."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Standin
from dogdriver.errors import ExternalError, Refused, SettingsError, Unavailable
from dogdriver.model import EventStep, Run, Window
from dogdriver.model.health import Endpoint
from dogdriver.settings import Secret
from tests.datadog.fixtures import API_KEY, APP_KEY, Clock

HOST = "https://api.datadoghq.eu"
ANYWHERE = re.compile(re.escape(HOST) + "/.*")
REQUEST = aiohttp.RequestInfo(URL(HOST), "GET", CIMultiDictProxy(CIMultiDict({"DD-API-KEY": API_KEY})), URL(HOST))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that answers everything with *handler*."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def europe(session: aiohttp.ClientSession, clock: Clock) -> Datadog:
    """At the real address; nothing leaves, for aioresponses answers."""
    return Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), site="datadoghq.eu")


LIGHT = """
import sys, resource
import aiohttp.web
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import dogdriver.datadog
heavy = [name for name in sys.modules if name.split(".")[0] in {"aiosonic", "h2", "onecache"} or name in {
    "datadog_api_client.v1.models", "datadog_api_client.v2.models",
    "datadog_api_client.v1.apis", "datadog_api_client.v2.apis"}]
models = sum(name.startswith("datadog_api_client.v2.model.") for name in sys.modules)
print(heavy, models < 200, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 40)
"""


def test_the_import_is_light(starts_processes: None) -> None:
    told = subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "[] True True"


async def test_the_request_is_the_one_of_the_client(datadog: Datadog, standin: Standin, window: Window) -> None:
    """The contract with the overridden method of datadog-api-client."""
    await datadog.read("avg:a.b{app:x} by {host}", window)
    [seen] = standin.requests
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    assert seen.query == {"from": str(start - 300), "to": str(end + 300), "query": "avg:a.b{app:x} by {host}"}
    assert seen.headers["DD-API-KEY"] == API_KEY
    assert seen.headers["DD-APPLICATION-KEY"] == APP_KEY
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["User-Agent"].startswith("datadog-api-client-python/2.")


async def test_the_application_key_goes_only_where_it_is_needed(
    datadog: Datadog, standin: Standin, run: Run, clock: Clock
) -> None:
    await datadog.send_event(datadog.run_event(run, EventStep.START, at=clock(), link=None))
    await datadog.send_series(datadog.gauges(run, at=clock()))
    assert len(standin.requests) == 2
    for seen in standin.requests:
        assert seen.headers["Content-Type"] == "application/json"
        assert "DD-APPLICATION-KEY" not in seen.headers


async def test_every_call_goes_to_the_site_of_the_keys(
    europe: Datadog, run: Run, clock: Clock, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DD_SITE", "us3.datadoghq.com")
    with aioresponses() as mocked:
        mocked.get(f"{HOST}/api/v1/validate", payload={"valid": True})
        mocked.post(f"{HOST}/api/v1/events", status=202, payload={"status": "ok", "event": {"id_str": "7", "url": "u"}})
        mocked.post(f"{HOST}/api/v2/series", status=202, payload={"errors": []})
        await europe.check_keys()
        assert await europe.send_event(europe.run_event(run, EventStep.STOP, at=clock(), link=None)) == {
            "id": "7",
            "url": "u",
        }
        await europe.send_series(europe.gauges(run, at=clock()))
    health = europe.health
    assert all(health[endpoint].ok for endpoint in (Endpoint.VALIDATE, Endpoint.EVENTS, Endpoint.SERIES))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.ClientConnectionError("no route"), "no route"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (aiohttp.ClientPayloadError("half"), "half"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
        (TimeoutError(), "did not answer within 10 seconds"),
        (aiohttp.ServerTimeoutError(), "did not answer within 10 seconds"),
        (aiohttp.ClientResponseError(REQUEST, (), status=400, message="bad header"), "bad header"),
        (aiohttp.ClientError(), "ClientError"),
        (OSError(f"proxy said {API_KEY} {APP_KEY}"), "proxy said *** ***"),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_every_failure_of_the_connection_is_unavailable(
    europe: Datadog, window: Window, secrets_stay_out: Callable[[object], None], error: Exception, words: str
) -> None:
    with aioresponses() as mocked:
        mocked.get(ANYWHERE, exception=error)
        with pytest.raises(Unavailable) as caught:
            await europe.read("avg:a.b{*}", window)
    assert type(caught.value) is Unavailable
    assert words in caught.value.message
    assert caught.value.__cause__ is None
    secrets_stay_out(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "words"),
    [
        (400, '{"errors": ["bad from"]}', Refused, "bad_query", "bad from"),
        (401, "", Refused, "forbidden", "401"),
        (403, '{"status":"error","code":403,"errors":["Forbidden"]}', Refused, "forbidden", "Forbidden"),
        (403, "<html>WAF</html>", Refused, "forbidden", "403"),
        (404, '{"errors":["Not found"]}', Refused, "refused", "Not found"),
        (408, "", Unavailable, "unavailable", "408"),
        (413, '{"errors": ["Payload too big"]}', Refused, "too_large", "Payload too big"),
        (422, '{"errors": [{"status":"422","title":"No","detail":"metric"}]}', Refused, "refused", "No metric"),
        (400, "<html>Request Header Or Cookie Too Large</html>", Refused, "refused", "answered 400"),
        (500, "", Unavailable, "unavailable", "500"),
        (504, "<html>", Unavailable, "unavailable", "504"),
        (599, '{"error": "odd"}', Unavailable, "unavailable", "odd"),
        (301, "", Refused, "refused", "redirect"),
        (200, '{"status": "error", "error": "Rule did not match"}', Refused, "bad_query", "Rule did not match"),
        (200, '{"status": "error", "error": "Error parsing query: avg:a.timeout{"}', Refused, "bad_query", "a.timeout"),
        (200, '{"status": "error", "error": "Query timed out"}', Unavailable, "unavailable", "timed out"),
        (200, "[]", Unavailable, "unavailable", "not JSON"),
        (200, "null", Unavailable, "unavailable", "not JSON"),
        (200, '{"status": "ok"', Unavailable, "unavailable", "not JSON"),
        (200, b"\xff\xfe", Unavailable, "unavailable", "not JSON"),
        (200, "[" * 100_000, Unavailable, "unavailable", "not JSON"),
        (200, '{"status": "ok"}', Unavailable, "mismatch", "another query"),
        (204, "", Unavailable, "unavailable", "not JSON"),
        (400, f'{{"errors": ["key {API_KEY} is bad"]}}', Refused, "bad_query", "key *** is bad"),
        (400, '{"errors": ["' + "x" * 5000 + '"]}', Refused, "bad_query", "xxx"),
    ],
)
async def test_every_status_has_its_error(
    europe: Datadog,
    window: Window,
    secrets_stay_out: Callable[[object], None],
    status: int,
    body: str,
    kind: type[ExternalError],
    code: str,
    words: str,
) -> None:
    with aioresponses() as mocked:
        mocked.get(ANYWHERE, status=status, body=body, headers={"Location": "https://elsewhere.example"})
        with pytest.raises(ExternalError) as caught:
            await europe.read("avg:a.b{*}", window)
    assert isinstance(caught.value, kind)
    assert caught.value.code == code
    assert words in caught.value.message
    assert len(caught.value.message) < 700
    assert "\n" not in caught.value.message
    secrets_stay_out(caught.value)


async def test_retry_after_is_passed_on(europe: Datadog, window: Window) -> None:
    with aioresponses() as mocked:
        mocked.get(ANYWHERE, status=503, headers={"Retry-After": "120"})
        with pytest.raises(Unavailable) as caught:
            await europe.read("avg:a.b{*}", window)
    assert caught.value.retry_after == 120


async def test_keys_do_not_follow_a_redirect(
    session: aiohttp.ClientSession, standin: Standin, clock: Clock, window: Window
) -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound(f"{standin.url}/api/v1/query?from=1&to=2&query=x")

    async with served(away) as address:
        client = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=address)
        with pytest.raises(Refused, match="redirect"):
            await client.read("avg:a.b{*}", window)
    assert not standin.requests


async def test_an_endless_answer_is_cut(
    session: aiohttp.ClientSession, clock: Clock, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogdriver.datadog_api.http.LONGEST_RESPONSE", 10_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" " * 1000)
        return response

    async with served(endless) as address:
        client = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=address)
        with pytest.raises(Unavailable, match="more than 10000 bytes"):
            await client.read("avg:a.b{*}", window)


async def test_after_a_cancelled_call_the_next_gets_its_own_answer(
    datadog: Datadog, standin: Standin, window: Window
) -> None:
    start = window.start.timestamp()
    for name, value in (("slow.a", 1.0), ("fast.b", 2.0)):
        standin.points.add(name, [(start, value)])
    await datadog.read("avg:fast.b{*}", window)  # a warm connection
    standin.mode("hang", times=1)
    task = asyncio.create_task(datadog.read("avg:slow.a{*}", window))
    while len(standin.requests) < 2:  # noqa: ASYNC110 - the stand-in has no event for a request that came
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [series] = (await datadog.read("avg:fast.b{*}", window)).series
    assert [value for _, value in series.points] == [2.0]


async def test_a_closed_session_is_unavailable(
    datadog: Datadog, session: aiohttp.ClientSession, window: Window
) -> None:
    await session.close()
    with pytest.raises(Unavailable, match="closed"):
        await datadog.read("avg:a.b{*}", window)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ключ"])
async def test_a_key_that_cannot_be_one_is_refused_at_start_without_being_shown(
    session: aiohttp.ClientSession, clock: Clock, key: str
) -> None:
    with pytest.raises(SettingsError, match="DD_APP_KEY holds a character that is in no key") as caught:
        Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(key))
    assert key not in str(caught.value)


async def test_the_environment_gives_no_keys(
    session: aiohttp.ClientSession, standin: Standin, clock: Clock, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DD_API_KEY", "of the environment")
    monkeypatch.setenv("DD_APP_KEY", "of the environment")
    client = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=None, address=standin.url)
    await client.send_event(client.run_event(run, EventStep.START, at=clock(), link=None))
    assert "of the environment" not in str(standin.requests)

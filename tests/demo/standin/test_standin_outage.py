"""Every way in which an answer can fail to arrive, as a client sees it."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dogdriver.demo.standin import Standin
from dogdriver.demo.standin.outage import Kind
from tests.demo.standin.conftest import BOTH, Client

EVENT = {"title": "t", "text": "x"}
VALID = b'{"valid": true}'


async def _raw(client: Client, standin: Standin, **options: Any) -> tuple[int, str, bytes]:
    """(status, content type, body as it came)."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{standin.url}/api/v1/validate", headers=BOTH, **options) as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.read()


async def _post(client: Client) -> int:
    return (await client.send("POST", "/api/v1/events", json=EVENT))[0]


@pytest.mark.parametrize(
    ("kind", "status", "content", "start"),
    [
        ("500", 500, "application/json", b""),
        ("502", 502, "text/html", b"<html>"),
        ("503", 503, "text/html", b"<html>"),
        ("html", 200, "text/html", b"<html>"),
        ("empty", 200, "application/json", b""),
        ("truncated", 200, "application/json", VALID[: len(VALID) // 2]),
        ("forbidden", 403, "application/json", b'{"status": "error", "code": 403, "errors": ["Forbidden"]'),
        ("limited", 429, "application/json", b'{"errors": ["Rate limit of 600 requests in 3600 seconds reached.'),
    ],
)
async def test_answers_of_a_broken_server(
    standin: Standin, client: Client, kind: str, status: int, content: str, start: bytes
) -> None:
    standin.mode(kind)
    told, kept, body = await _raw(client, standin)
    assert (told, kept, body[: len(start)]) == (status, content, start)
    assert bool(start) == bool(body)


async def test_a_500_is_the_recorded_one(standin: Standin, client: Client) -> None:
    (record,) = json.loads((Path(__file__).parents[2] / "data" / "datadog" / "outage.json").read_text())
    standin.mode("500")
    recorded = record["response"]
    told = await _raw(client, standin)
    assert told == (recorded["status"], recorded["headers"]["content-type"], recorded["body"]["__raw__"].encode())


async def test_gzip_whole_and_cut(standin: Standin, client: Client) -> None:
    standin.mode("gzip", "gzip_truncated")
    whole = (await _raw(client, standin))[2]
    assert gzip.decompress(whole) == VALID
    cut = (await _raw(client, standin))[2]
    assert cut == whole[: len(whole) // 2]


async def test_gzip_is_read_by_an_ordinary_client(standin: Standin, client: Client) -> None:
    standin.mode("gzip", times=1)
    assert (await client.send("GET", "/api/v1/validate"))[:2] == (200, {"valid": True})


@pytest.mark.parametrize("reset", [0, 3, 2462, "1.5"])
async def test_429_says_when_to_come_back(standin: Standin, client: Client, reset: int | str) -> None:
    standin.mode("limited", reset=reset, times=1)
    status, _, answer = await client.send("GET", "/api/v1/validate")
    assert (status, answer.headers["X-RateLimit-Reset"]) == (429, str(reset))


async def test_429_without_headers_and_as_a_page(standin: Standin, client: Client) -> None:
    standin.mode("limited", headers=False, html=True, times=1)
    status, body, answer = await client.send("GET", "/api/v1/validate")
    assert (status, body[:6], answer.headers["Content-Type"]) == (429, "<html>", "text/html")
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


async def test_hanging_lasts_until_the_outage_ends(standin: Standin, client: Client) -> None:
    standin.mode("hang")
    asking = asyncio.create_task(_post(client))
    await standin.arrival()
    assert not asking.done()
    standin.mode("ok")
    with pytest.raises(aiohttp.ClientError):
        await asking
    assert len(standin.events) == 0
    assert await _post(client) == 202


async def _give_up(standin: Standin, client: Client) -> None:
    """Wait no longer for the answer once the request has arrived."""
    asking = asyncio.create_task(_post(client))
    await standin.arrival()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_client_that_gives_up_leaves_nothing_hanging(standin: Standin, client: Client) -> None:
    standin.mode("hang", times=1, processed=True)
    await _give_up(standin, client)
    assert await _post(client) == 202
    assert len(standin.events) == 2, "the first one was kept though nobody heard of it"


async def test_a_reset_comes_in_the_middle_of_the_answer(standin: Standin, client: Client) -> None:
    standin.mode("reset", times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await _post(client)
    assert len(standin.events) == 1
    assert [seen.status for seen in standin.requests] == [202]


async def test_a_connection_that_closes_without_an_answer(standin: Standin, client: Client) -> None:
    standin.mode("close", times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await _post(client)
    assert len(standin.events) == 0


async def test_dripping_gives_the_whole_answer_a_byte_at_a_time(standin: Standin, client: Client) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    standin.outages.sleep = wait
    standin.mode("drip", times=1, pause=5)
    assert (await client.send("GET", "/api/v1/validate"))[:2] == (200, {"valid": True})
    assert waits == [5] * len(VALID)


async def test_a_stale_answer_is_the_one_to_the_request_before(standin: Standin, client: Client) -> None:
    await client.query("a{*}")
    standin.mode("stale", times=1)
    assert (await client.query("b{*}"))["query"] == "a{*}"
    assert (await client.query("b{*}"))["query"] == "b{*}"


async def test_a_script_is_followed_request_by_request(standin: Standin, client: Client) -> None:
    standin.mode("500", "502", "503")
    told = [(await _raw(client, standin))[0] for _ in range(4)]
    assert told == [500, 502, 503, 200]


async def test_an_outage_lasts_for_some_requests_or_until_it_is_ended(standin: Standin, client: Client) -> None:
    standin.mode("502", times=2)
    assert [(await _raw(client, standin))[0] for _ in range(3)] == [502, 502, 200]
    standin.mode("503")
    assert [(await _raw(client, standin))[0] for _ in range(3)] == [503, 503, 503]
    standin.mode()
    assert (await _raw(client, standin))[0] == 200


async def test_an_outage_of_one_path_or_method_leaves_the_others_alone(standin: Standin, client: Client) -> None:
    standin.mode("503", path="/api/v1/q*", times=1)
    standin.mode("500", path="/api/v1/events", method="POST")
    assert (await _raw(client, standin))[0] == 200
    assert await _post(client) == 500
    assert (await client.send("GET", "/api/v1/events", params={"start": 1, "end": 2}))[0] == 200
    assert (await client.send("GET", "/api/v1/query", params={"from": 1, "to": 2, "query": "a{*}"}))[0] == 503


@pytest.mark.parametrize("kind", list(Kind))
async def test_the_stand_in_goes_on_after_every_kind(standin: Standin, client: Client, kind: Kind) -> None:
    standin.outages.sleep = lambda _seconds: asyncio.sleep(0)
    standin.mode(kind, times=1)
    try:
        if kind is Kind.HANG:
            await _give_up(standin, client)
        else:
            await _post(client)
    except (aiohttp.ClientError, ValueError):
        assert kind in {Kind.RESET, Kind.CLOSE, Kind.TRUNCATED, Kind.GZIP_TRUNCATED}
    assert await _post(client) == 202
    assert len(standin.requests) == 2


def test_an_unknown_outage_is_refused() -> None:
    standin = Standin(clock=lambda: pytest.fail("no time passes"), api_key="", app_key="")
    with pytest.raises(ValueError, match="sulk"):
        standin.mode("sulk")
    with pytest.raises(TypeError):
        standin.mode("500", often=3)


async def test_it_stops_listening_and_starts_again_where_it_was(standin: Standin, client: Client) -> None:
    url = standin.url
    assert (await client.send("GET", "/api/v1/validate"))[0] == 200
    await standin.stop()
    await standin.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.send("GET", "/api/v1/validate")
    await standin.start()
    await standin.start()
    assert standin.url == url
    assert (await client.send("GET", "/api/v1/validate"))[0] == 200
    assert len(standin.requests) == 2


def test_one_that_is_not_served_has_no_address() -> None:
    standin = Standin(clock=lambda: pytest.fail("no time passes"), api_key="", app_key="")
    with pytest.raises(RuntimeError, match="use serve_standin"):
        _ = standin.url

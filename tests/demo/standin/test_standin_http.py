"""The stand-in from outside: keys, events and submission."""

import io
import json
import zlib
from typing import Any

import pytest

from dogdriver.demo.standin import Standin
from dogdriver.demo.standin.routes import ROUTES
from tests.demo.standin.conftest import API_KEY, API_ONLY, APP_KEY, BOTH, EVENT, START, Client, Clock

FORBIDDEN = ["Forbidden"]


@pytest.mark.parametrize(
    ("method", "path", "both"),
    [
        ("GET", "/api/v1/validate", False),
        ("POST", "/api/v1/events", False),
        ("POST", "/api/v2/events", False),
        ("POST", "/api/v1/series", False),
        ("POST", "/api/v2/series", False),
        ("POST", "/api/v1/check_run", False),
        ("GET", "/api/v1/query", True),
        ("GET", "/api/v1/events", True),
        ("GET", "/api/v1/events/1", True),
        ("POST", "/api/v2/query/scalar", True),
        ("POST", "/api/v2/query/timeseries", True),
        ("POST", "/api/v1/monitor", True),
        ("POST", "/api/v1/monitor/validate", True),
    ],
)
async def test_each_endpoint_asks_for_its_keys(client: Client, method: str, path: str, both: bool) -> None:
    async def said(headers: dict[str, str]) -> tuple[int, Any]:
        status, body, answer = await client.send(method, path, headers=headers)
        assert status != 403 or not any(name.lower().startswith("x-ratelimit") for name in answer.headers)
        return status, body["errors"] if status == 403 else None

    assert await said({}) == (403, ["API key required"])
    assert await said({"DD-API-KEY": "wrong", "DD-APPLICATION-KEY": APP_KEY}) == (403, FORBIDDEN)
    wrong_app = await said({"DD-API-KEY": API_KEY, "DD-APPLICATION-KEY": "wrong"})
    alone = await said(API_ONLY)
    assert (wrong_app == alone == (403, FORBIDDEN)) is both
    assert (await said(BOTH))[0] != 403


def test_each_endpoint_is_in_the_table_of_keys() -> None:
    marks = test_each_endpoint_asks_for_its_keys.pytestmark  # type: ignore[attr-defined]  # pytest puts it there
    listed = {(method, path.replace("/events/1", "/events/{event}")) for method, path, _ in marks[0].args[1]}
    assert listed == {(route.method, route.path) for route in ROUTES}


async def test_keys_can_be_revoked_between_two_requests(standin: Standin, client: Client) -> None:
    assert (await client.send("GET", "/api/v1/validate"))[0] == 200
    standin.api_key = "another"
    assert (await client.send("GET", "/api/v1/validate"))[0] == 403


async def test_a_key_in_the_address_opens_nothing_and_is_told_on(standin: Standin, client: Client) -> None:
    status, _, _ = await client.send("GET", f"/api/v1/validate?api_key={API_KEY}", headers={})
    assert status == 403
    assert standin.leaks == ["GET /api/v1/validate: api_key in the address"]


async def test_an_address_that_is_not_datadogs_is_404(client: Client) -> None:
    assert (await client.send("GET", "/api/v1/logs"))[:2] == (404, {"errors": ["Not Found"]})


async def test_an_event_can_be_read_24_seconds_after_it_was_posted(client: Client, clock: Clock) -> None:
    status, posted, _ = await client.send("POST", "/api/v1/events", json=EVENT, headers=API_ONLY)
    assert (status, posted["status"]) == (202, "ok")
    address = f"/api/v1/events/{posted['event']['id_str']}"
    span = {"start": START - 10, "end": START + 10, "tags": "project:shop,step:start"}
    clock.move(23.5)
    assert (await client.send("GET", address))[:2] == (404, {"errors": ["No event matches that event_id."]})
    assert (await client.send("GET", "/api/v1/events", params=span))[1] == {"events": []}
    clock.move(0.5)
    status, read, _ = await client.send("GET", address)
    assert (status, read["event"]["title"]) == (200, EVENT["title"])
    assert read["event"]["tags"] == ["project:shop", "source:my_apps", "step:start"]
    listed = (await client.send("GET", "/api/v1/events", params=span))[1]["events"]
    assert [event["id_str"] for event in listed] == [posted["event"]["id_str"]]
    other = await client.send("GET", "/api/v1/events", params=span | {"tags": "step:stop"})
    assert other[1] == {"events": []}


async def test_the_id_of_an_event_is_rounded_and_its_text_is_not(client: Client) -> None:
    _, body, _ = await client.send("POST", "/api/v1/events", json=EVENT)
    event = body["event"]
    assert (event["id"], event["id_str"]) == (6327818702635911000, "6327818702635911562")
    assert event["url"].endswith("=6327818702635911562")


async def test_an_event_posted_twice_is_there_twice(standin: Standin, client: Client) -> None:
    for _ in range(2):
        await client.send("POST", "/api/v1/events", json=EVENT | {"aggregation_key": "run-1"})
    assert [event.aggregation_key for event in standin.events] == ["run-1", "run-1"]
    assert len({event.id for event in standin.events}) == 2


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"date_happened": START - 18 * 3600}, None),
        ({"date_happened": START - 18 * 3600 - 1}, "Event too far in the past"),
        ({"date_happened": START + 2 * 3600}, None),
        ({"date_happened": START + 2 * 3600 + 1}, "Event too far in the future"),
        ({"date_happened": 1.5}, "Parameter date_happened must be an integer"),
        ({"text": "x" * 4000}, None),
        ({"text": "x" * 4001}, "Parameter text must be a string of at most 4000 characters"),
        ({"text": ""}, "Parameter text is required"),
        ({"title": None}, "Parameter title is required"),
        ({"aggregation_key": "x" * 100}, None),
        ({"aggregation_key": "x" * 101}, "Parameter aggregation_key must be a string of at most 100 characters"),
        ({"priority": "high"}, "Parameter priority must be one of normal, low"),
        ({"tags": "a:b"}, "Parameter tags must be a list of strings"),
    ],
)
async def test_the_limits_of_an_event(
    standin: Standin, client: Client, change: dict[str, Any], refused: str | None
) -> None:
    status, body, answer = await client.send("POST", "/api/v1/events", json=EVENT | change)
    if refused is None:
        assert status == 202
    else:
        assert (status, json.loads(body)) == (400, {"errors": [refused]})
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert len(standin.events) == (refused is None)


def _v2(metric: str, *points: tuple[float, float], **more: Any) -> dict[str, Any]:
    listed = [{"timestamp": at, "value": value} for at, value in points]
    return {"series": [{"metric": metric, "points": listed, **more}]}


async def test_what_is_submitted_can_be_queried_after_its_delay(client: Client, clock: Clock) -> None:
    body = _v2(
        "demo.latency",
        (START - 60, 2.0),
        type=3,
        tags=["Env:Stage 1"],
        resources=[{"type": "host", "name": "H1"}],
        unit="second",
    )
    assert (await client.send("POST", "/api/v2/series", json=body, headers=API_ONLY))[:2] == (202, {"errors": []})
    text = "avg:demo.latency{env:stage_1} by {host}"
    clock.move(9.9)
    assert (await client.query(text))["series"] == []
    clock.move(0.1)
    answer = await client.query(text)
    (series,) = answer["series"]
    assert (answer["query"], answer["group_by"]) == (text, ["host"])
    assert (series["pointlist"], series["interval"]) == ([[(START - 60) * 1000, 2.0]], 5)
    assert (series["scope"], series["tag_set"]) == ("env:stage_1,host:h1", ["host:h1"])
    assert series["expression"] == "avg:demo.latency{env:stage_1,host:h1}"
    assert series["unit"][0]["family"] == "time"
    assert series["unit"][1] is None


async def test_metrics_of_v1_land_in_the_same_place_packed_or_not(client: Client, clock: Clock) -> None:
    body = {
        "series": [{"metric": "demo.rps", "points": [[START - 30, 3]], "type": "count", "host": "h", "tags": ["a:b"]}]
    }
    for at, headers in ((START - 30, {}), (START - 25, {"Content-Encoding": "deflate"})):
        body["series"][0]["points"] = [[at, 3]]
        raw = json.dumps(body).encode()
        sent = zlib.compress(raw) if headers else raw
        status, said, answer = await client.send("POST", "/api/v1/series", data=sent, headers=API_ONLY | headers)
        assert (status, said, answer.headers["Content-Type"]) == (202, {"status": "ok"}, "text/json")
    clock.move(10)
    (series,) = (await client.query("sum:demo.rps{a:b,host:h}.as_rate()"))["series"]
    assert [value for _, value in series["pointlist"]] == [3 / 5, 3 / 5]


async def test_points_too_old_or_too_new_are_accepted_and_dropped(client: Client, clock: Clock) -> None:
    points = ((START - 3601, 1.0), (START - 3600, 2.0), (START + 600, 3.0), (START + 601, 4.0))
    assert (await client.send("POST", "/api/v2/series", json=_v2("demo.x", *points)))[0] == 202
    clock.move(3600)
    answer = await client.query("demo.x{*}.rollup(avg, 1)", START - 3700, START - 3500)
    assert [value for series in answer["series"] for _, value in series["pointlist"]] == [2.0]
    answer = await client.query("demo.x{*}.rollup(avg, 1)", START + 500, START + 700)
    assert [value for series in answer["series"] for _, value in series["pointlist"]] == [3.0]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"series": {}},
        {"series": [1]},
        {"series": [{"metric": "a"}]},
        {"series": [{"metric": "", "points": []}]},
        {"series": [{"metric": "a", "points": [[1, 2]]}]},
        {"series": [{"metric": "a", "points": [{"timestamp": START}]}]},
        {"series": [{"metric": "a", "points": [{"timestamp": START, "value": "1"}]}]},
        {"series": [{"metric": "a", "points": [{"timestamp": START, "value": float("nan")}]}]},
        {"series": [{"metric": "a", "points": [{"timestamp": START, "value": 10**400}]}]},
        {"series": [{"metric": "a", "points": [], "type": 4}]},
        {"series": [{"metric": "a", "points": [], "type": "gauge"}]},
        {"series": [{"metric": "a", "points": [], "tags": "a:b"}]},
    ],
)
async def test_bad_points_are_refused(client: Client, body: Any) -> None:
    status, said, _ = await client.send("POST", "/api/v2/series", data=json.dumps(body))
    assert status == 400
    assert isinstance(said["errors"][0], str)


@pytest.mark.parametrize(("path", "limit"), [("/api/v1/series", 3_200_000), ("/api/v2/series", 512_000)])
async def test_a_payload_has_a_greatest_size(client: Client, path: str, limit: int) -> None:
    body = b'{"series": []}'
    assert (await client.send("POST", path, data=io.BytesIO(body + b" " * (limit - len(body)))))[0] == 202
    too_much = await client.send("POST", path, data=io.BytesIO(body + b" " * (limit - len(body) + 1)))
    assert too_much[:2] == (413, {"errors": ["Payload too big"]})


async def test_a_packed_payload_has_a_greatest_size_unpacked(client: Client) -> None:
    packed = zlib.compress(b'{"series": []}' + b" " * 6_000_000)
    status, _, _ = await client.send(
        "POST", "/api/v2/series", data=packed, headers=BOTH | {"Content-Encoding": "deflate"}
    )
    assert status == 413


async def test_a_check_run_is_kept(standin: Standin, client: Client) -> None:
    check = {"check": "app.ok", "host_name": "h", "status": 0}
    assert (await client.send("POST", "/api/v1/check_run", json=[check], headers=API_ONLY))[0] == 202
    assert list(standin.checks) == [check]
    assert (await client.send("POST", "/api/v1/check_run", json=check | {"status": 4}))[0] == 400

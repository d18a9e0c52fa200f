"""The stand-in from outside: queries, budgets, and what it remembers of requests."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dogdriver.demo.standin import Delay, Gaps, Limit, Standin, serve_standin
from dogdriver.demo.standin.routes import ROUTES
from tests.demo.standin.conftest import API_KEY, API_ONLY, EVENT, START, Client, Clock


async def test_queries_in_one_request_are_told_by_their_index(standin: Standin, client: Client) -> None:
    for host in ("a", "b"):
        standin.points.add("cpu", [(START - 100, 1.0)], host=host, visible_at=0)
    standin.points.add("rps", [(START - 100, 5.0)], visible_at=0)
    answer = await client.query("avg:none{*},avg:cpu{*} by {host},sum:rps{*}")
    told = [(one["query_index"], one["metric"], one["scope"]) for one in answer["series"]]
    assert told == [(1, "cpu", "host:a"), (1, "cpu", "host:b"), (2, "rps", "*")]


async def test_arithmetic_is_answered_group_by_group(standin: Standin, client: Client) -> None:
    for host, value in (("a", 1.0), ("b", 2.0)):
        standin.points.add("used", [(START - 100, value)], host=host, visible_at=0, unit="percent")
    answer = await client.query("100 - avg:used{env:x} by {host}")
    assert answer["series"] == []
    answer = await client.query("100 - avg:used{*} by {host}")
    assert [(one["scope"], one["pointlist"][0][1]) for one in answer["series"]] == [("host:a", 99.0), ("host:b", 98.0)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from": "1.5"}, "Parameter from must be a whole number of seconds"),
        ({"to": "²"}, "Parameter to must be a whole number of seconds"),
        ({"to": "9" * 30}, "Parameter to must be a whole number of seconds"),
        ({"from": START}, "Parameter from must be less than parameter to"),
        ({"query": ""}, "Parameter query is required"),
        ({"to": None}, "Parameter to is required"),
    ],
)
async def test_bad_parameters_of_a_query(client: Client, change: dict[str, Any], said: str) -> None:
    wanted: dict[str, Any] = {"from": START - 10, "to": START, "query": "a{*}"} | change
    params = {name: value for name, value in wanted.items() if value is not None}
    assert (await client.send("GET", "/api/v1/query", params=params))[:2] == (400, {"errors": [said]})


async def test_a_parse_error_comes_as_200_or_as_400(standin: Standin, client: Client) -> None:
    answer = await client.query("p95:a{*}")
    assert (answer["status"], answer["series"]) == ("error", [])
    assert answer["error"].startswith("Error parsing query: \n unable to parse p95:a{*}: ")
    standin.parse_error_status = 400
    params = {"from": START - 10, "to": START, "query": "p95:a{*}"}
    assert (await client.send("GET", "/api/v1/query", params=params))[:2] == (400, {"errors": [answer["error"]]})


async def test_buckets_without_data_are_left_out_or_null(standin: Standin, client: Client) -> None:
    standin.points.add("a", [(START - 10, 1.0), (START - 6, 2.0)], visible_at=0)
    text, start = "a{*}.rollup(avg, 2)", START - 12
    (series,) = (await client.query(text, start))["series"]
    assert [(at / 1000 - START, value) for at, value in series["pointlist"]] == [(-10, 1.0), (-6, 2.0)]
    standin.gaps = Gaps.NULL
    (series,) = (await client.query(text, start))["series"]
    assert [value for _, value in series["pointlist"]] == [None, 1.0, None, 2.0, None, None]
    assert series["length"] == 6


async def test_the_budget_is_spent_by_queries_and_starts_anew(standin: Standin, client: Client, clock: Clock) -> None:
    standin.budget.limits["query"] = Limit(3, 3600, named=False)
    until = 3600 - START % 3600
    for left in (2, 1, 0):
        _, _, answer = await client.send("GET", "/api/v1/query", params={"from": 1, "to": 2, "query": "a{*}"})
        told = {name: value for name, value in answer.headers.items() if name.lower().startswith("x-ratelimit")}
        assert told == {
            "X-RateLimit-Limit": "3",
            "X-RateLimit-Period": "3600",
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(until),
        }
    clock.move(until - 1)
    status, body, answer = await client.send("GET", "/api/v1/query", params={"from": 1, "to": 2, "query": "a{*}"})
    assert (status, answer.headers["X-RateLimit-Reset"]) == (429, "1")
    assert body == {"errors": ["Rate limit of 3 requests in 3600 seconds reached. Please try again later."]}
    clock.move(1)
    assert (await client.query("a{*}", 1, 2))["status"] == "ok"


async def test_events_have_budgets_of_their_own_with_names(client: Client) -> None:
    _, _, listed = await client.send("GET", "/api/v1/events", params={"start": 1, "end": 2})
    _, _, one = await client.send("GET", "/api/v1/events/1")
    names = [answer.headers["X-RateLimit-Name"] for answer in (listed, one)]
    assert names == ["event_stream_api", "global_org"]
    assert (listed.headers["X-RateLimit-Remaining"], one.headers["X-RateLimit-Remaining"]) == ("599", "11999")


async def test_other_tools_spend_the_same_budget(standin: Standin, client: Client, clock: Clock) -> None:
    standin.budget.spend("query", clock.seconds, 10_000)
    params = {"from": 1, "to": 2, "query": "a{*}"}
    assert (await client.send("GET", "/api/v1/query", params=params))[0] == 429


async def test_posting_is_not_limited_and_says_nothing_of_limits(client: Client) -> None:
    _, _, answer = await client.send("POST", "/api/v1/events", json=EVENT)
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


async def test_every_request_is_remembered(standin: Standin, client: Client) -> None:
    await client.send("POST", "/api/v1/events", json=EVENT, headers=API_ONLY)
    await client.send("GET", "/api/v1/query", params={"from": 1, "to": 2, "query": "a{*}"}, headers={})
    posted, asked = standin.requests
    assert (posted.method, posted.path, posted.json, posted.status) == ("POST", "/api/v1/events", EVENT, 202)
    assert posted.headers["dd-api-key"] == API_KEY
    assert posted.at == START
    assert (asked.query["query"], asked.status) == ("a{*}", 403)
    assert standin.asked("/api/v1/events", "POST") == [posted]


async def test_as_many_requests_are_remembered_as_asked_for(clock: Clock) -> None:
    async with serve_standin(clock, kept_requests=2) as standin, aiohttp.ClientSession() as session:
        for path in ("/a", "/b", "/c"):
            async with session.get(standin.url + path):
                pass
        assert [seen.path for seen in standin.requests] == ["/b", "/c"]


async def test_the_date_of_an_answer_is_by_the_stand_ins_clock(client: Client, clock: Clock) -> None:
    for _ in range(2):
        _, _, answer = await client.send("GET", "/api/v1/validate")
        assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == clock.seconds
        clock.move(90)


async def test_the_control_routes_do_the_same_from_outside(standin: Standin, client: Client) -> None:
    point = {"metric": "a", "points": [[START - 10, 1]], "tags": ["env:x"], "visible_at": 0}
    assert (await client.send("POST", "/_fake/points", json={"points": [point]}, headers={}))[0] == 200
    assert len((await client.query("a{env:x}"))["series"]) == 1
    script = [
        {"mode": "500", "times": 1},
        {"delays": {"slow.": [5, 2], "": 1}, "gaps": "null", "parse_error_status": 400},
    ]
    assert (await client.send("POST", "/_fake/mode", json=script, headers={}))[0] == 200
    assert (await client.send("GET", "/api/v1/validate"))[0] == 500
    assert (await client.send("GET", "/api/v1/validate"))[0] == 200
    assert (standin.gaps, standin.parse_error_status) == ("null", 400)
    assert (standin.points.delays["slow."], standin.points.delays[""]) == (Delay(5, 2), Delay(1))
    await client.send("POST", "/api/v1/events", json=EVENT)
    assert (await client.send("GET", "/_fake/events", headers={}))[1]["events"][0]["title"] == EVENT["title"]
    shown = await client.send("GET", "/_fake/requests", headers={})
    assert [one["status"] for one in shown[1]["requests"]] == [200, 500, 200, 202]
    assert API_KEY not in json.dumps(shown[1])
    assert shown[1]["requests"][-1]["headers"]["DD-API-KEY"] == "right"
    await client.send("DELETE", "/_fake/requests", headers={})
    assert not standin.requests


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("mode", {"mode": "sulk"}),
        ("mode", {"mode": "500", "often": 3}),
        ("mode", {"colour": "red"}),
        ("mode", 3),
        ("points", {"points": [{"metric": "a"}]}),
        ("points", {}),
    ],
)
async def test_the_control_routes_refuse_what_they_do_not_know(client: Client, path: str, body: Any) -> None:
    assert (await client.send("POST", f"/_fake/{path}", json=body, headers={}))[0] == 400


NAMES = [
    *("series", "metric", "points", "type", "tags", "resources", "interval", "title", "text", "date_happened"),
    *("data", "attributes", "queries", "formulas", "query", "from", "to", "options", "thresholds", "check", "status"),
]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["metrics", "a{*}"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=15,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(body=st.one_of(JSON.map(json.dumps), st.text(max_size=20), st.just("[" * 100_000)))
async def test_no_body_breaks_it(client: Client, body: str) -> None:
    for route in ROUTES:
        if route.method == "POST":
            status, _, _ = await client.send("POST", route.path, data=body.encode(errors="replace"))
            assert status in {200, 202, 400}, route.path

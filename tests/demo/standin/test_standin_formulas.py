"""API v2: named queries and formulas over them; and events and monitors as far as they are served."""

from typing import Any

import pytest

from dogdriver.demo.standin import Standin
from tests.demo.standin.conftest import START, Client

MS = 1000


def _asked(kind: str, queries: dict[str, str], *formulas: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    attributes = {
        "from": (START - 1200) * MS,
        "to": START * MS,
        "queries": [{"data_source": "metrics", "name": name, "query": query} for name, query in queries.items()],
        "formulas": [{"formula": one} if isinstance(one, str) else one for one in formulas],
        **more,
    }
    return {"data": {"type": f"{kind}_request", "attributes": attributes}}


@pytest.fixture(name="filled")
def _filled(standin: Standin) -> Standin:
    for host, values in (("a", (1.0, 3.0)), ("b", (10.0, 20.0))):
        points = [(START - 100 + 10 * at, value) for at, value in enumerate(values)]
        standin.points.add("hits", points, host=host, visible_at=0, unit="request")
    standin.points.add("misses", [(START - 100, 4.0)], host="a", visible_at=0)
    return standin


async def _columns(client: Client, body: dict[str, Any]) -> Any:
    status, told, _ = await client.send("POST", "/api/v2/query/scalar", json=body)
    assert status == 200, told
    return [(one["name"], one["type"], one["values"]) for one in told["data"]["attributes"]["columns"]]


async def test_a_scalar_is_one_number_a_group(filled: Standin, client: Client) -> None:
    body = _asked(
        "scalar", {"h": "sum:hits{*} by {host}", "m": "sum:misses{*} by {host}"}, "h", "h / m", "h - default_zero(m)"
    )
    assert await _columns(client, body) == [
        ("host", "group", [["a"], ["b"]]),
        ("h", "number", [2.0, 15.0]),
        ("h / m", "number", [0.5, None]),
        ("h - default_zero(m)", "number", [-2.0, 15.0]),
    ]


@pytest.mark.parametrize(
    ("aggregator", "value"), [("avg", 2.0), ("min", 1.0), ("max", 3.0), ("sum", 4.0), ("last", 3.0)]
)
async def test_a_scalar_is_aggregated_as_asked(filled: Standin, client: Client, aggregator: str, value: float) -> None:
    body = _asked("scalar", {"h": "sum:hits{host:a}"})
    body["data"]["attributes"]["queries"][0]["aggregator"] = aggregator
    assert await _columns(client, body) == [("h", "number", [value])]


async def test_a_limit_takes_the_first_of_an_order(filled: Standin, client: Client) -> None:
    for order, host, value in (("desc", "b", 15.0), ("asc", "a", 2.0)):
        limited = {"formula": "h", "limit": {"count": 1, "order": order}}
        columns = await _columns(client, _asked("scalar", {"h": "sum:hits{*} by {host}"}, limited))
        assert columns == [("host", "group", [[host]]), ("h", "number", [value])]


async def test_a_scalar_without_data_has_no_values(client: Client) -> None:
    assert await _columns(client, _asked("scalar", {"h": "sum:hits{*}"})) == [("h", "number", [])]


async def test_a_timeseries_has_one_line_a_group_over_common_times(filled: Standin, client: Client) -> None:
    body = _asked("timeseries", {"h": "sum:hits{*} by {host}", "m": "sum:misses{*} by {host}"}, "h", "m", interval=5000)
    status, told, answer = await client.send("POST", "/api/v2/query/timeseries", json=body)
    attributes = told["data"]["attributes"]
    assert (status, answer.headers["Content-Type"]) == (200, "application/vnd.api+json")
    assert [(one["group_tags"], one["query_index"]) for one in attributes["series"]] == [
        (["host:a"], 0),
        (["host:b"], 0),
        (["host:a"], 1),
    ]
    assert attributes["times"] == [(START - 100) * MS, (START - 90) * MS]
    assert attributes["values"] == [[1.0, 3.0], [10.0, 20.0], [4.0, None]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from": START}, None),
        ({"from": (START + 1) * MS}, "from must be less than to"),
        ({"from": 1.5}, "must be milliseconds"),
        ({"to": 10**400}, "must be milliseconds"),
        ({"from": 1, "to": (START - 500 * 86400) * MS}, "outside the retention date"),
        ({"queries": []}, "at least one query"),
        ({"queries": [{"data_source": "logs", "query": "a{*}"}]}, "data_source metrics"),
        ({"queries": [{"data_source": "metrics", "query": "a{*}+b{*}"}]}, "must be one metric"),
        ({"queries": [{"data_source": "metrics", "query": "p95:a{*}"}]}, "Error parsing query"),
        ({"queries": [{"data_source": "metrics", "query": "a{*}", "aggregator": "l2norm"}]}, "aggregator must be"),
        ({"formulas": [{"formula": "x"}]}, "Error parsing query"),
        ({"formulas": [{"formula": "h", "limit": {"count": -1}}]}, "limit must have"),
        ({"formulas": [{"limit": {}}]}, "objects with a formula"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said(client: Client, change: dict[str, Any], said: str | None) -> None:
    body = _asked("scalar", {"h": "sum:hits{*}"})
    body["data"]["attributes"] |= {"formulas": []} | change
    status, told, _ = await client.send("POST", "/api/v2/query/scalar", json=body)
    assert status == (200 if said is None else 400)
    assert said is None or said in told["errors"][0]


async def test_an_event_of_v2_is_an_event_too(standin: Standin, client: Client) -> None:
    attributes = {
        "category": "change",
        "title": "t",
        "tags": ["env:x"],
        "timestamp": "2023-11-14T22:13:20Z",
        "attributes": {"changed_resource": {"name": "n", "type": "configuration"}},
    }
    body = {"data": {"type": "event", "attributes": attributes}}
    status, told, _ = await client.send("POST", "/api/v2/events", json=body)
    assert status == 202
    (event,) = standin.events
    assert (event.title, event.tags, event.happened) == ("t", ("env:x",), START)
    assert told["data"]["attributes"]["attributes"]["evt"] == {"id": str(event.id), "uid": event.uid}
    assert len(event.uid) == 24


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": "load_test"}, "$.data.attributes.category"),
        ({"title": None}, "$.data.attributes.title"),
        ({"message": "x" * 4001}, "$.data.attributes.message"),
        ({"timestamp": "yesterday"}, "$.data.attributes.timestamp"),
        ({"timestamp": "2023-11-13T22:13:20Z"}, "Event too far in the past"),
        ({"attributes": None}, "$.data.attributes.attributes"),
    ],
)
async def test_a_bad_event_of_v2_is_refused(client: Client, change: dict[str, Any], said: str) -> None:
    attributes = {"category": "alert", "title": "t", "attributes": {"status": "ok"}} | change
    body = {"data": {"type": "event", "attributes": attributes}}
    status, told, _ = await client.send("POST", "/api/v2/events", json=body)
    assert (status, told["errors"][0]["title"]) == (400, "Bad Request")
    assert said in told["errors"][0]["detail"]


MONITOR = {
    "type": "metric alert",
    "name": "latency",
    "query": "avg(last_1d):avg:dogdriver.run.latency.avg{service:x} by {env} > 0.5",
    "options": {"thresholds": {"critical": 0.5}},
}


async def test_a_whole_monitor_is_valid_and_can_be_made(standin: Standin, client: Client) -> None:
    assert (await client.send("POST", "/api/v1/monitor/validate", json=MONITOR))[:2] == (200, {})
    assert standin.monitors == []
    status, made, _ = await client.send("POST", "/api/v1/monitor", json=MONITOR)
    assert (status, made["query"], made["multi"]) == (200, MONITOR["query"], True)
    assert standin.monitors == [made]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": "avg:a{*} > 1"}, "'query' is invalid: invalid operator specified: "),
        ({"query": "avg(last_5m):avg:a{*}"}, "invalid operator specified: "),
        ({"query": "avg(last_5m):p95:a{*} > 0.5"}, "'query' is invalid: Error parsing query"),
        (
            {"query": "avg(last_5m):avg:a{*} > 0.4"},
            "Alert threshold (0.5) does not match that used in the query (0.4).",
        ),
        ({"type": "log alert"}, "'type' is invalid"),
        ({"query": None}, "required"),
        ({"options": {"thresholds": 3}}, "'options' is invalid"),
    ],
)
async def test_a_bad_monitor_is_refused(standin: Standin, client: Client, change: dict[str, Any], said: str) -> None:
    for path in ("/api/v1/monitor/validate", "/api/v1/monitor"):
        status, told, _ = await client.send("POST", path, json=MONITOR | change)
        assert status == 400
        assert said in told["errors"][0]
    assert standin.monitors == []

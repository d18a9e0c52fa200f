"""The API's description is true: every operation is asked, and every answer is of a status and shape that it names."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dogdriver.model import MetricState, MetricValue, Status
from dogdriver.web.api.openapi import document
from dogdriver.web.api.operations import OPERATIONS
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite, ended_run
from tests.web.test_web_api import delivery

DESCRIBED: Mapping[str, Any] = document()
OPERATIONS_DESCRIBED = [
    (method, path, operation) for path, methods in DESCRIBED["paths"].items() for method, operation in methods.items()
]
EXISTING = "e" * 32


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": DESCRIBED["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


async def hold_to(operation: Mapping[str, Any], answer: Any) -> None:
    """The answer is one of those that the operation names, of the shape that it gives it."""
    named = operation["responses"]
    assert str(answer.status) in named, f"{answer.method} {answer.url} gave {answer.status}: {await answer.text()}"
    content = named[str(answer.status)].get("content")
    if content is None:
        assert await answer.read() == b""
        return
    assert answer.content_type in content
    if answer.content_type == "application/json":
        validator(content[answer.content_type]["schema"]).validate(await answer.json())


@pytest.fixture
async def busy(seeded: SeededSite) -> AsyncIterator[Client]:
    """A daemon that has a bit of everything, and somebody with the token."""
    bad = ended_run("b" * 32, "kintowe", seeded.clock.now, "1.2.0", status=Status.INVALID, reason="too many errors")
    nothing = MetricValue(MetricState.NO_DATA, note="Datadog has no points", expected=5, points=0)
    await seeded.keep(bad, {"cpu": nothing})
    await seeded.keep(ended_run(EXISTING, "kintowe", seeded.clock.now, "1.2.0", client=None, load=None, tally=None))
    await seeded.pipeline.exclude(EXISTING, "a test")
    await seeded.pipeline.trigger("kintowe")
    async with TestClient(TestServer(seeded.app()), headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def test_it_is_a_valid_openapi_document() -> None:
    assert DESCRIBED["openapi"].startswith("3.1")
    for _, path, operation in OPERATIONS_DESCRIBED:
        declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
    for schema in DESCRIBED["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for _, _, operation in OPERATIONS_DESCRIBED]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def test_it_has_every_route_under_its_root_and_no_other(site: SeededSite) -> None:
    routed = {
        (route.method.lower(), route.resource.canonical)
        for route in site.app().router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/v1/") and route.method != "HEAD"
    }
    described = {(method, path) for method, path, _ in OPERATIONS_DESCRIBED}
    assert routed == described | {("get", "/api/v1/openapi.json")}


async def test_it_is_served(client: Client) -> None:
    assert await (await client.get("/api/v1/openapi.json")).json() == DESCRIBED


GOOD = [
    ("get", "/api/v1/projects", "/api/v1/projects", None),
    ("get", "/api/v1/projects/{project}", "/api/v1/projects/kintowe", None),
    ("get", "/api/v1/projects/{project}/test", "/api/v1/projects/kintowe/test", None),
    ("post", "/api/v1/runs", "/api/v1/runs", {"project": "kintowe"}),
    ("get", "/api/v1/runs", "/api/v1/runs?limit=3", None),
    ("get", "/api/v1/runs/{id}", f"/api/v1/runs/{EXISTING}", None),
    ("put", "/api/v1/runs/{id}", "/api/v1/runs/fresh", delivery()),
    ("get", "/api/v1/runs/{id}/live", f"/api/v1/runs/{EXISTING}/live", None),
    ("post", "/api/v1/runs/{id}/exclude", f"/api/v1/runs/{EXISTING}/exclude", {"reason": "again"}),
    ("post", "/api/v1/runs/{id}/include", f"/api/v1/runs/{EXISTING}/include", None),
    ("get", "/api/v1/series/{project}/{metric}", "/api/v1/series/kintowe/art", None),
    ("get", "/api/v1/verdicts/{project}", "/api/v1/verdicts/kintowe", None),
    ("get", "/api/v1/verdicts/{project}", "/api/v1/verdicts/kintowe?baseline=1.0.0", None),
    ("get", "/api/v1/releases/{project}", "/api/v1/releases/kintowe", None),
    ("get", "/api/v1/status", "/api/v1/status", None),
]


@pytest.mark.parametrize(("method", "path", "address", "body"), GOOD)
async def test_a_good_answer_has_the_shape_that_is_described(
    busy: Client, method: str, path: str, address: str, body: Any
) -> None:
    answer = await busy.request(method, address, json=body)
    assert answer.status < 300, await answer.text()
    await hold_to(DESCRIBED["paths"][path][method], answer)
    if etag := answer.headers.get("ETag"):
        again = await busy.request(method, address, headers={"If-None-Match": etag})
        assert again.status == 304
        await hold_to(DESCRIBED["paths"][path][method], again)


async def test_cancelling_has_the_shape_that_is_described(seeded: SeededSite, busy: Client) -> None:
    (queued,) = await seeded.store.runs.queue()
    answer = await busy.post(f"/api/v1/runs/{queued.id}/cancel")
    assert answer.status == 200
    await hold_to(DESCRIBED["paths"]["/api/v1/runs/{id}/cancel"]["post"], answer)


TEXT = st.text(max_size=20) | st.sampled_from(
    ["kintowe", "stage", "paris", "cpu", "1.0.0", "1", "2026-01-31", "../", "%"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BODY = JSON | st.fixed_dictionaries(
    {}, optional={"project": JSON, "deployment": JSON, "test": JSON, "reason": JSON, "release": JSON, "source": JSON,
                  "started": JSON, "load": JSON, "tally": JSON, "metrics": JSON, "client": JSON, "status": JSON}
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS_DESCRIBED)
async def test_whatever_is_sent_the_answer_is_one_that_is_described(
    busy: Client, method: str, path: str, operation: Mapping[str, Any], data: st.DataObject
) -> None:
    address = path
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            value = data.draw(
                st.sampled_from(["kintowe", "cpu", EXISTING, "unknown"]) | st.text(min_size=1, max_size=12)
            )
            segment = quote(value.encode("utf-8", "replace").decode(), safe="")
            address = address.replace(f"{{{parameter['name']}}}", segment if set(value) - {"."} else "dots")
    names = [p["name"] for p in operation["parameters"] if p["in"] == "query"] + ["other"]
    query = data.draw(st.dictionaries(st.sampled_from(names), TEXT, max_size=2))
    sent: dict[str, Any] = {"params": {k: v.encode("utf-8", "replace").decode() for k, v in query.items()}}
    if "requestBody" in operation:
        sent["data"] = data.draw(st.binary(max_size=20)) if data.draw(st.booleans()) else None
        if sent["data"] is None:
            del sent["data"]
            sent["json"] = data.draw(BODY)
        else:
            sent["headers"] = {"Content-Type": data.draw(st.sampled_from(["application/json", "text/plain"]))}
    answer = await busy.request(method, address, **sent)
    await hold_to(operation, answer)


async def test_a_stranger_gets_what_is_described(site: SeededSite) -> None:
    """All operations without the token, on an open and on a private daemon."""
    for private in (False, True):
        async with TestClient(TestServer(site.app(private=private))) as stranger:
            for method, path, operation in OPERATIONS_DESCRIBED:
                answer = await stranger.request(method, re.sub(r"{\w+}", "unknown", path))
                await hold_to(operation, answer)
                assert answer.status == 401 or not (private or operation.get("security"))

"""The built-in test becomes a folder like any other, and is loaded as any other: in a thread and in a process."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.checkout import TestCheckouts
from dogdriver.model import Isolation, Job, Measured, Test
from dogdriver.model.built_in import ENDPOINT, BuiltInTest, HttpRequest
from dogdriver.runner import MolotovRunner

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BOTH = pytest.mark.parametrize("isolation", ["thread", pytest.param("process", marks=pytest.mark.processes)])
Seen = list[tuple[str, str, str | None, str]]


@pytest.fixture(name="seen")
def _seen() -> Seen:
    return []


@pytest.fixture(name="service")
async def _service(seen: Seen) -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.headers.get("X-Key"), await request.text()))
        headers = {"Location": "https://elsewhere.example.org/"} if request.path == "/302" else {}
        return web.Response(status=int(request.path[1:]) if request.path[1:].isdecimal() else 200, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    async with server:
        yield server


async def smoke(tmp_path: Path, service: TestServer, test: Test, isolation: str) -> Measured:
    prepared = await TestCheckouts(tmp_path / "checkouts", environ={}).prepare(test)
    runner = MolotovRunner(tmp_path, lambda: NOW)
    assert runner.describe(prepared).workers == 5
    env = {**test.env, ENDPOINT: str(service.make_url("/")).rstrip("/")}
    job = Job(run="r1", prepared=prepared, env=env, guard=1.0, isolation=Isolation(isolation))
    return await runner.smoke(job, cancelled=asyncio.Event())


@BOTH
async def test_each_request_is_made_once_by_a_smoke_run(
    tmp_path: Path, service: TestServer, seen: Seen, isolation: str
) -> None:
    requests = (
        HttpRequest("/items?x=1"),
        HttpRequest("/items", "POST", {"X-Key": "a {KEY} {PATH}"}, '{"k": "{KEY}"}', expect=(200, 201)),
        HttpRequest("/404", expect=(404,)),
    )
    test = Test("", env={"KEY": "secret"}, built_in=BuiltInTest(requests))
    measured = await smoke(tmp_path, service, test, isolation)
    assert (measured.tally.ok, measured.tally.failed) == (3, 0), measured.client.failures
    assert sorted(seen) == [
        ("GET", "/404", None, ""),
        ("GET", "/items?x=1", None, ""),
        ("POST", "/items", "a secret {PATH}", '{"k": "secret"}'),  # PATH is no variable of the test
    ]
    assert sorted(one.name for one in measured.client.scenarios) == ["GET /404", "GET /items", "POST /items"]


@BOTH
async def test_what_answers_otherwise_than_expected_is_named(
    tmp_path: Path, service: TestServer, isolation: str
) -> None:
    requests = (HttpRequest("/404"), HttpRequest("/302"), HttpRequest("/fine"), HttpRequest("/500", expect=(200, 404)))
    measured = await smoke(tmp_path, service, Test("", built_in=BuiltInTest(requests)), isolation)
    assert (measured.tally.ok, measured.tally.failed) == (1, 3)
    said = " | ".join(message for message, _ in measured.client.failures)
    assert "GET /404 answered 404, where 2xx is expected" in said
    assert "GET /302 answered 302, a redirect to https://elsewhere.example.org/" in said
    assert "GET /500 answered 500, where 200 or 404 is expected" in said


async def test_what_is_compared_are_the_requests(tmp_path: Path) -> None:
    checkouts = TestCheckouts(tmp_path / "checkouts", environ={})
    built_in = BuiltInTest((HttpRequest("/"), HttpRequest("/items")))
    first = await checkouts.prepare(Test("", built_in=built_in))
    again = await checkouts.prepare(Test("", name="other", built_in=built_in, env={"A": "b"}))
    assert first.content == again.content == built_in.content
    assert first.directory != again.directory
    assert (first.name, again.name, first.commit, first.site) == ("dogdriver", "other", None, None)

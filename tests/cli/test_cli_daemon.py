"""A daemon at the other end, and what may answer in its place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.cli.catalog import DaemonCatalog
from dogdriver.cli.destinations import DaemonClient
from dogdriver.errors import CatalogError, DogdriverError, NotFound, Refused, Unauthenticated, Unavailable
from dogdriver.model import Deployment, Test
from dogdriver.settings import Secret

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RUN = {"id": "r1", "project": "thing"}


@asynccontextmanager
async def answering(handler: Handler, *, patience: float = 60.0) -> AsyncIterator[DaemonClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/")).rstrip("/")
        yield DaemonClient(session, url, Secret("a-token"), timeout=patience, pause=0.0)


def error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_request", Refused), (409, "conflict", Refused), (422, "invalid", Refused),
        (413, "too_large", Refused),
        (401, "unauthenticated", Unavailable), (403, "forbidden", Unavailable), (404, "not_found", Unavailable),
        (429, "too_many_attempts", Unavailable), (500, "internal", Unavailable), (503, "store", Unavailable),
    ],
)  # fmt: skip
async def test_a_delivery_is_kept_unless_it_can_never_be_taken(
    status: int, code: str, kind: type[DogdriverError]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return error(status, code, "it says why")

    async with answering(answer) as daemon:
        with pytest.raises(kind):
            await daemon.deliver(RUN)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>please sign in</html>"), (200, ""), (201, "{}"), (200, '{"run": {"id": "another"}}'),
        (200, '{"run": null}'), (404, "<html>"), (409, "<html>"), (422, ""), (413, "<html>"), (302, ""),
    ],
)  # fmt: skip
async def test_what_is_no_dogdriver_neither_takes_a_run_nor_refuses_it(status: int, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="text/html", headers={"Location": "/login"})

    async with answering(answer) as daemon:
        with pytest.raises(Unavailable):
            await daemon.deliver(RUN)


async def test_a_run_is_delivered_when_it_comes_back() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"run": RUN}, status=201)

    async with answering(answer) as daemon:
        await daemon.deliver(RUN)


async def test_a_redirect_is_not_followed_with_the_token() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path != "/elsewhere"
        raise web.HTTPFound("/elsewhere")

    async with answering(answer) as daemon:
        with pytest.raises(Refused, match="redirects to another address"):
            await daemon.run("r1")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}", b"\xff"])
async def test_what_is_no_dogdriver_is_said_to_be_none(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with answering(answer) as daemon:
        with pytest.raises(Refused, match="does not answer as a dogDriver does"):
            await daemon.run("r1")


async def test_reading_is_tried_three_times() -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            assert request.transport is not None
            request.transport.abort()
        if asked == 2:
            return error(503, "store", "busy")
        return web.json_response({"run": RUN})

    async with answering(answer) as daemon:
        assert await daemon.run("r1") == RUN
        assert asked == 3


async def test_a_silent_one_is_not_waited_for_for_ever() -> None:
    over = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    async with answering(answer, patience=0.05) as daemon:
        with pytest.raises(Unavailable, match="did not answer within"):
            await daemon.deliver(RUN)
        over.set()


async def test_nobody_is_there() -> None:
    async with aiohttp.ClientSession() as session:
        daemon = DaemonClient(session, "http://127.0.0.1:1", Secret("a-token"), pause=0.0)
        with pytest.raises(Unavailable, match="cannot be reached"):
            await daemon.run("r1")


async def test_without_a_token_nothing_is_tried() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unauthenticated, match="set DOGDRIVER_TOKEN"):
            await DaemonClient(session, "http://127.0.0.1:1", None).preflight("ci")


def project(**test: Any) -> Any:
    return {
        "name": "thing",
        "deployments": [{"name": "stage", "endpoint": "http://stage"}],
        "test": {"url": "https://tests", **test},
    }


async def test_projects_as_a_daemon_knows_them() -> None:
    async def answer(request: web.Request) -> web.Response:
        match request.path.removeprefix("/api/v1/projects"):
            case "":
                return web.json_response({"projects": [{"name": "thing"}, {"name": "none"}, {"name": "bent"}]})
            case "/thing/test":
                return web.json_response({"project": project(env={"A": "{endpoint}"}, guard=0.1)})
            case "/bent/test":
                return web.json_response({"project": project(guard="much")})
            case "/none/test":
                return error(409, "conflict", "none has no test")
        return error(404, "not_found", "there is no such project")

    async with answering(answer) as daemon:
        one = await DaemonCatalog(daemon, "thing").refresh()
        assert one.projects["thing"].deployments == (Deployment("stage", "http://stage"),)
        assert one.projects["thing"].test == Test("https://tests", env={"A": "{endpoint}"}, guard=0.1)
        everything = await DaemonCatalog(daemon, None).refresh()
        assert everything.projects.keys() == {"thing"}
        assert [(p.subject, "none has no test" in p.message) for p in everything.problems] == [
            ("none", True), ("bent", False),
        ]  # fmt: skip
        with pytest.raises(NotFound, match="no such project"):
            await DaemonCatalog(daemon, "other").refresh()
        with pytest.raises(Refused, match="none has no test"):
            await DaemonCatalog(daemon, "none").refresh()
        with pytest.raises(CatalogError, match="cannot be used"):
            await DaemonCatalog(daemon, "bent").refresh()

"""The target, against real servers on loopback that behave as services do."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.errors import NOT_NOW, TargetError
from dogdriver.model import Deployment
from dogdriver.model.release_source import ReleaseSource
from dogdriver.network import http_client
from dogdriver.target import LARGEST, DockerflowTarget

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[..., Awaitable[Deployment]]


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def target() -> AsyncIterator[DockerflowTarget]:
    async with http_client() as session:
        yield DockerflowTarget(session, seconds=60, sleep=no_sleep)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a service whose pages are handlers, or (status, body) with JSON for what is no text."""
    servers: list[TestServer] = []

    async def start(prefix: str = "", **pages: Any) -> Deployment:
        app = web.Application()
        for name, page in pages.items():
            app.router.add_get(f"{prefix}/__{name}__", page if callable(page) else answering(*page))
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return Deployment("stage", str(server.make_url(prefix or "/")).rstrip("/"))

    yield start
    for server in servers:
        await server.close()


def answering(status: int, body: Any, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers)

    return handler


@pytest.mark.parametrize(
    ("document", "release"),
    [
        ({"source": "x", "version": "1.2.3", "commit": "abc", "build": "y"}, ("1.2.3", "abc")),
        ({"version": " 1.2.3 ", "commit": ""}, ("1.2.3", None)),
        ({"version": "", "commit": "abc"}, (None, "abc")),
        ({"version": 2.5, "commit": None}, ("2.5", None)),
        ({"version": True, "commit": ["a"]}, (None, None)),
        ({"version": "a\nb", "commit": "x" * 300}, (None, None)),
        ({"source": "x"}, (None, None)),
        (None, (None, None)),
        (["1.2"], (None, None)),
        ("<html>1.2.3</html>", (None, None)),
        ("", (None, None)),
        ("[" * 100_000, (None, None)),
    ],
)
async def test_version_is_what_the_document_says(
    target: DockerflowTarget, serve: Serve, document: Any, release: Any
) -> None:
    assert await target.version(await serve(version=(200, document))) == release


@pytest.mark.parametrize("status", [201, 404, 500, 503])
async def test_an_error_page_is_not_a_version(target: DockerflowTarget, serve: Serve, status: int) -> None:
    assert await target.version(await serve(version=(status, {"version": "1", "commit": "2"}))) == (None, None)


async def test_a_redirect_is_not_a_version(target: DockerflowTarget, serve: Serve) -> None:
    elsewhere = await serve(version=(200, {"version": "1", "commit": "2"}))
    moved = answering(302, "", Location=f"{elsewhere.endpoint}/__version__")
    assert await target.version(await serve(version=moved)) == (None, None)


async def test_the_endpoint_may_have_a_path(target: DockerflowTarget, serve: Serve) -> None:
    assert await target.version(await serve("/v1", version=(200, {"version": "21", "commit": "c"}))) == ("21", "c")


async def test_an_endless_body_is_cut(target: DockerflowTarget, serve: Serve) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
                sent += 65536
        except ConnectionResetError:
            return response

    assert await target.version(await serve(version=endless)) == (None, None)
    assert LARGEST <= sent < 100 * LARGEST


async def test_nothing_listening_names_the_deployment_and_the_remedy(target: DockerflowTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(TargetError) as caught:
        await target.version(Deployment("stage", endpoint))
    assert caught.value.message == (
        f"Deployment stage at {endpoint} cannot be reached: the connection is refused; "
        "start the service or correct the endpoint."
    )


async def test_a_service_that_never_answers_is_left(serve: Serve) -> None:
    gone = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await gone.wait()
        return web.Response()

    deployment = await serve(version=hang)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TargetError, match=r"no answer within 0\.05 s"):
            await DockerflowTarget(session, seconds=0.05, sleep=no_sleep).version(deployment)
    gone.set()


async def test_one_lost_connection_is_tried_again(target: DockerflowTarget, serve: Serve) -> None:
    seen = 0

    async def flaky(request: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        if seen < 3:
            assert request.transport
            request.transport.abort()
        return web.json_response({"version": "1", "commit": "c"})

    assert await target.version(await serve(version=flaky)) == ("1", "c")
    assert seen == 3


async def test_what_is_not_http_is_unreachable(target: DockerflowTarget) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TargetError, match="not HTTP"):
        await target.version(Deployment("stage", f"http://127.0.0.1:{port}"))
    server.close()
    await server.wait_closed()


async def test_an_endpoint_that_is_no_address(target: DockerflowTarget) -> None:
    with pytest.raises(TargetError, match="correct it"):
        await target.version(Deployment("stage", "nonsense"))


@pytest.mark.parametrize(
    "page",
    [
        (200, {"status": "ok", "checks": {"db": "ok"}}),
        (200, {"status": "warning", "checks": {"db": "warning", "cache": "error"}}),
        (200, {"database": True}),
        (200, {"storage": True, "cache": True}),
        (200, ""),
        (200, "OK"),
        (200, "<html>"),
        (200, None),
        (404, ""),
        (401, {"status": "error"}),
        (302, ""),
    ],
)
async def test_well(target: DockerflowTarget, serve: Serve, page: Any) -> None:
    await target.check(await serve(heartbeat=page))


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ((200, {"database": False, "cache": True}), "answers 200 and names database"),
        ((200, {"status": "error", "checks": {"db": "error", "cache": "ok"}}), "names status error, db"),
        ((200, {"checks": {"db": "critical"}}), "names db"),
        ((500, "<html>"), "answers 500;"),
        ((503, {"storage": False}), "answers 503 and names storage"),
        ((500, {"status": "ok"}), "answers 500;"),
    ],
)
async def test_unhealthy(target: DockerflowTarget, serve: Serve, page: Any, named: str) -> None:
    deployment = await serve(heartbeat=page, lbheartbeat=(200, ""))
    with pytest.raises(TargetError) as caught:
        await target.check(deployment)
    assert named in caught.value.message
    assert deployment.endpoint in caught.value.message
    assert "fix the service" in caught.value.message


async def test_without_a_heartbeat_the_load_balancers_decides(target: DockerflowTarget, serve: Serve) -> None:
    await target.check(await serve(lbheartbeat=(200, "")))
    with pytest.raises(TargetError, match="__lbheartbeat__ answers 503"):
        await target.check(await serve(lbheartbeat=(503, "")))


async def test_an_unreachable_service_is_not_well(target: DockerflowTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TargetError, match="cannot be reached"):
        await target.check(Deployment("stage", f"http://127.0.0.1:{port}"))


class NoResolver(aiohttp.abc.AbstractResolver):
    """A DNS that answers with an error of *number*."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        raise socket.gaierror(self.number, "it said no")

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (socket.EAI_AGAIN, "own_trouble", "cannot be asked by this machine: the host's name was not found: it said no"),
        (socket.EAI_NONAME, "bad_target", "its host name is not known"),
    ],
)
async def test_a_dns_that_does_not_answer_is_not_the_services_fault(number: int, code: str, words: str) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=NoResolver(number))) as session:
        target = DockerflowTarget(session, seconds=60, sleep=no_sleep)
        with pytest.raises(TargetError, match=words) as raised:
            await target.version(Deployment("stage", "http://service.example.org"))
    assert raised.value.code == code


async def test_cookies_of_a_service_are_not_sent_back(target: DockerflowTarget) -> None:
    sent: list[dict[str, str]] = []

    async def sticky(request: web.Request) -> web.Response:
        sent.append(dict(request.cookies))
        answer = web.json_response({"version": "1.0", "status": "ok"})
        answer.set_cookie("AWSALB", "host-a")
        return answer

    app = web.Application()
    app.router.add_get("/{page}", sticky)
    async with TestServer(app) as server:
        # By name: for bare addresses aiohttp keeps no cookies anyhow.
        deployment = Deployment("stage", f"http://localhost:{server.port}")
        await target.version(deployment)
        await target.check(deployment)
        await target.version(deployment)
    assert sent == [{}, {}, {}]


BUILD = {"build": {"version": "2.5.1", "number": 17, "tags": ["a"], "a/b": {"~": "odd"}}}


@pytest.mark.parametrize(
    ("source", "version"),
    [
        (ReleaseSource("/__build__", "/build/version"), ("2.5.1", None)),
        (ReleaseSource("/__build__", "/build/number"), ("17", None)),
        (ReleaseSource("/__build__", "/build/tags/0"), ("a", None)),
        (ReleaseSource("/__build__", "/build/a~1b/~0"), ("odd", None)),
        (ReleaseSource("/__build__", header="x-version"), ("3.0", None)),
        (ReleaseSource("/__info__"), ("4.0", "abc")),
        (ReleaseSource("/__error__", header="X-Version"), ("5.0", None)),
    ],
)
async def test_a_release_is_found_where_the_projects_file_says(
    target: DockerflowTarget, serve: Serve, source: ReleaseSource, version: tuple[str, str | None]
) -> None:
    place = await serve(
        build=answering(200, BUILD, **{"X-Version": "3.0"}),
        info=(200, {"version": "4.0", "commit": "abc"}),
        error=answering(404, "", **{"X-Version": "5.0"}),
    )
    assert await target.version(replace(place, release=source)) == version


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (ReleaseSource("/__build__", "/build/tags"), "/build/tags in /__build__ answers 200 and has a list there"),
        (ReleaseSource("/__build__", "/build"), "has an object there"),
        (ReleaseSource("/__build__", "/build/tags/7"), "has nothing there"),
        (ReleaseSource("/__build__", "/build/version/more"), "has nothing there"),
        (ReleaseSource("/__none__", "/build"), "/build in /__none__ answers 404 and has nothing there"),
        (ReleaseSource("/__build__", header="X-Version"), "header X-Version of /__build__ answers 200 and has nothing"),
        (ReleaseSource("/__build__"), r"/__build__ answers 200 and has nothing there; correct \[project.release\]"),
    ],
)
async def test_a_place_that_says_no_release_is_named(
    target: DockerflowTarget, serve: Serve, source: ReleaseSource, why: str
) -> None:
    place = await serve(build=(200, BUILD))
    with pytest.raises(TargetError, match=why):
        await target.version(replace(place, release=source))


@pytest.mark.parametrize(
    ("body", "headers"),
    [({"load_test": False}, {}), ({"status": "ok", "load_test": False}, {}), ({}, {"X-Load-Test": "No"})],
)
async def test_a_service_may_ask_not_to_be_loaded(
    target: DockerflowTarget, serve: Serve, body: Any, headers: dict[str, str]
) -> None:
    place = await serve(heartbeat=answering(200, body, **headers))
    with pytest.raises(TargetError, match="asks by its __heartbeat__ not to be loaded now") as refused:
        await target.check(place)
    assert refused.value.code == NOT_NOW


async def test_a_service_that_may_be_loaded_is_well(target: DockerflowTarget, serve: Serve) -> None:
    await target.check(await serve(heartbeat=answering(200, {"load_test": True}, **{"X-Load-Test": "yes"})))

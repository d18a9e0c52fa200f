"""What clients do that is no use to anybody: each gets a 4xx in the one shape, and none of it is an error of ours."""

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from dogdriver.connections import Connections, answer
from dogdriver.server import _listening
from dogdriver.web import requests as reading
from tests.web.seeded import TOKEN, SeededSite

Serve = Callable[..., Awaitable[tuple[int, Connections]]]
OWNER = f"Authorization: Bearer {TOKEN}\r\n"
JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
async def serve(site: SeededSite) -> AsyncIterator[Serve]:
    """The daemon's own connections around the site: gives the port, and the connections."""
    ends: list[tuple[asyncio.Server, web.AppRunner]] = []

    async def start(connections: Connections) -> tuple[int, Connections]:
        runner = web.AppRunner(site.app(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        sock = _listening("127.0.0.1", 0)
        ends.append((await answer(runner, connections, sock), runner))
        return sock.getsockname()[1], connections

    yield start
    for listener, runner in ends:
        listener.close()
        await runner.cleanup()


async def said(port: int, request: bytes, *, hang_up: bool = False) -> bytes:
    """All that comes back on *request*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if hang_up:
        writer.transport.abort()
        return b""
    async with asyncio.timeout(30):
        answered = await reader.read()
    writer.close()
    return answered


def post(path: str, headers: str, body: bytes = b"", *, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def get(path: str, headers: str = "", host: str = "x") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode("latin-1")


OURS = "Origin: http://x\r\n"
RUNS = "/api/v1/runs"
BODY = json.dumps({"project": "kintowe"}).encode()
MALFORMED = {
    "an origin that is none": (post(RUNS, OWNER + JSON + "Origin: http://[::1\r\n", BODY), 403),
    "an origin with a port that is none": (post(RUNS, OWNER + JSON + "Origin: http://x:y:z\r\n", BODY), 403),
    "an origin that is not UTF-8": (post(RUNS, OWNER + JSON + "Origin: http://\xff\r\n", BODY), 403),
    "a cookie that is not UTF-8": (post(RUNS, JSON + "Cookie: dogdriver_session=\xff\xfe.x.y\r\n", BODY), 401),
    "a token that is not UTF-8": (post(RUNS, JSON + "Authorization: Bearer \xff\xfe\r\n", BODY), 401),
    "multipart without a boundary": (post(RUNS, OWNER + "Content-Type: multipart/form-data\r\n", b"x"), 415),
    "broken gzip": (post(RUNS, OWNER + JSON + "Content-Encoding: gzip\r\n", b"nonsense"), 400),
    "gzip that is cut": (post(RUNS, OWNER + JSON + "Content-Encoding: gzip\r\n", gzip.compress(BODY)[:20]), 400),
    "broken deflate": (post(RUNS, OWNER + JSON + "Content-Encoding: deflate\r\n", b"nonsense"), 400),
    "an encoding that is none": (post(RUNS, OWNER + JSON + "Content-Encoding: x\r\n", BODY), 202),
    "a charset that is none": (post(RUNS, OWNER + "Content-Type: application/json; charset=x\r\n", BODY), 202),
    "a body that is not UTF-8": (post(RUNS, OWNER + JSON, b'{"project": "\xff"}'), 400),
    "a length that is none": (post(RUNS, OWNER + JSON).replace(b"Content-Length: 0", b"Content-Length: x"), 400),
    "a negative length": (post(RUNS, OWNER + JSON).replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
    "two lengths": (post(RUNS, OWNER + JSON + "Content-Length: 7\r\n", BODY), 400),
    "a length beside chunks": (post(RUNS, OWNER + JSON + "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
    "a chunk that is none": (
        post(RUNS, OWNER + JSON, b"zz\r\n\r\n").replace(b"Content-Length: 6", b"Transfer-Encoding: chunked"),
        400,
    ),
    "no request": (b"nonsense\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a header that is none": (get("/api/v1/status", "nonsense\r\n"), 400),
    "a header without end": (get("/api/v1/status", f"X: {'x' * 20_000}\r\n"), 400),
    "a path without end": (get("/api/v1/" + "x" * 20_000), 400),
    "a percent sign alone": (get("/api/v1/projects/%"), 404),
    "a percent sign and no number": (get("/api/v1/projects/%zz"), 404),
    "a name that is not UTF-8": (get("/api/v1/projects/%ff%fe"), 404),
    "a parameter that is not UTF-8": (get("/api/v1/runs?project=%ff"), 200),
    "a zero in a name": (get("/api/v1/projects/%00"), 404),
    "a host that is none": (get("/api/v1/projects/x", host="[::1"), 404),
    "a host with a port that is none": (get("/api/v1/projects/x", host="x:y"), 404),
    "no host": (b"GET /api/v1/projects/x HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "another address as the path": (get("http://[::1/api/v1/projects/x"), 400),
    "a key that is not UTF-8": (post(RUNS, OWNER + JSON + "Idempotency-Key: \xff\r\n", BODY), 400),
    "an ETag that is none": (get("/api/v1/projects/x", 'If-None-Match: \xff"\r\n'), 404),
    "a date that is none": (get("/api/v1/projects/x", "If-Modified-Since: \xff\r\n"), 404),
    "a method that is none": (b"\xff\xfe / HTTP/1.1\r\n\r\n", 400),
}  # fmt: skip
FORMS = {
    "multipart without a boundary": (post("/login", OURS + "Content-Type: multipart/form-data\r\n", b"x"), 415),
    "a charset that is none": (
        post("/login", OURS + FORM.replace("\r", "; charset=x\r"), b"token=%ff"),
        400,
    ),
    "a form that is not UTF-8": (post("/login", OURS + FORM, b"token=\xff"), 400),
    "a token that is not UTF-8": (post("/login", OURS + FORM, b"token=%ff"), 400),
    "broken gzip": (post("/login", OURS + "Content-Encoding: gzip\r\n" + FORM, b"nonsense"), 400),
    "an origin that is none": (post("/login", "Origin: http://[::1\r\n" + FORM, b"token=x"), 403),
    "a cookie that is not UTF-8": (get("/", "Cookie: dogdriver_session=\xff\xfe\r\n"), 200),
    "a range that is none": (get("/static/app.css", "Range: bytes=\xff\r\n"), 404),
    "a next that is not UTF-8": (get("/login?next=%ff"), 200),
}  # fmt: skip


async def counted(port: int) -> list[str]:
    """The lines of /metrics that count an error of ours."""
    lines = (await said(port, get("/metrics"))).decode().splitlines()
    return [line for line in lines if line.startswith("dogdriver_http_requests_total") and 'status="5' in line]


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_malformed_is_refused_in_the_one_shape_and_is_no_error_of_ours(
    serve: Serve, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    request, status = MALFORMED[what]
    port, _ = await serve(Connections(100))
    head, _, body = (await said(port, request)).partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode(), body
    if status >= 400:
        error = json.loads(body)["error"]
        assert error["code"]
        assert error["message"].isprintable()
    assert await counted(port) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING or one.exc_info] == []


@pytest.mark.parametrize("what", FORMS)
async def test_a_page_refuses_it_too(serve: Serve, caplog: pytest.LogCaptureFixture, what: str) -> None:
    request, status = FORMS[what]
    port, _ = await serve(Connections(100))
    assert (await said(port, request)).split()[1] == str(status).encode()
    assert await counted(port) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING or one.exc_info] == []


async def test_a_client_that_hangs_up_is_no_error_of_ours(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    port, connections = await serve(Connections(100))
    for request in (
        post(RUNS, OWNER + JSON, b"{", length=500), post("/login", OURS + FORM, b"t", length=500),
        get("/"), get("/static/app.js"), get("/api/v1/projects"), b"GET / HT",
    ):  # fmt: skip
        await said(port, request, hang_up=True)
    while len(connections):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)
    assert await counted(port) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING or one.exc_info] == []


async def test_headers_and_bodies_that_do_not_come_are_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BODY", 0.05)
    port, _ = await serve(Connections(100, headers=0.05, idle=0.05))
    assert await said(port, b"") == b"", "silence"
    half = await said(port, b"GET / HTTP/1.1\r\nHost")
    assert half.startswith(b"HTTP/1.1 408 ")
    assert json.loads(half.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
    body = await said(port, post(RUNS, OWNER + JSON, b"{", length=500))
    assert body.startswith(b"HTTP/1.1 408 ")
    assert b"request_timeout" in body
    kept = await said(port, get("/__lbheartbeat__").replace(b"Connection: close\r\n", b""))
    assert kept.startswith(b"HTTP/1.1 200 "), "and then it is closed, for it asks for nothing"


async def test_idle_connections_keep_nobody_out(serve: Serve) -> None:
    """More than there may be: the oldest that ask for nothing go, and whoever asks is answered."""
    port, connections = await serve(Connections(20))
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    try:
        for one in idle[:30]:
            one.send(b"GET / HTTP/1.1\r\nHost: ")
        for _ in range(20):
            assert (await said(port, get("/__lbheartbeat__"))).startswith(b"HTTP/1.1 200 ")
        assert len(connections) <= 20
    finally:
        for one in idle:
            one.close()


async def test_strangers_shut_out_neither_a_health_check_nor_who_has_the_token(serve: Serve, site: SeededSite) -> None:
    """Requests that last: those without a token get 429 from some number on, the others are answered."""
    port, connections = await serve(Connections(1000))
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
    try:
        for _, writer in waiting:
            writer.write(post("/login", OURS + FORM, b"t", length=500))
        while sum(one.busy for one in connections) < 250:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        refused = await said(port, get("/api/v1/projects"))
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b"too_many_requests" in refused
        assert b"Retry-After" in refused
        assert (await said(port, get("/api/v1/projects", OWNER))).startswith(b"HTTP/1.1 200 ")
        for path in ("/__lbheartbeat__", "/__heartbeat__", "/metrics"):
            assert (await said(port, get(path))).startswith(b"HTTP/1.1 200 ")
    finally:
        for _, writer in waiting:
            writer.close()

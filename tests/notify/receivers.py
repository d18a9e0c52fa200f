"""Receivers as real servers on loopback, which keep what they get and answer as they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True, slots=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """*answers* are taken first to last: a status, or a response; then 200."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(Got(request.path, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else 200
        return web.Response(status=answer) if isinstance(answer, int) else answer


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    there = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", there.take)
    async with TestServer(app, host="127.0.0.1") as server:
        there.url = str(server.make_url("/")).rstrip("/")
        yield there

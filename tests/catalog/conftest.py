"""A ServiceBook on loopback that behaves as the real one does, and a memory for its last good answer."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.catalog import Defaults, ProjectCatalog
from dogdriver.model import Better, Metric

REAL = Path(__file__).parent.parent / "data" / "servicebook" / "projects.json"
NOW = datetime(2017, 6, 7, 12, 0, tzinfo=UTC)
FINGERPRINT = "count_nonzero(avg:system.cpu.idle{app:{project}} by {host})"
DEFAULT = Metric("CPU", "CPU", "%", Better.LOWER, query="avg:system.cpu.user{app:{project}}")


class Book:
    """The server: JSON:API pages of at most 100 flat items, 406 for the wrong Accept, its own filter syntax."""

    def __init__(self) -> None:
        self.projects: list[Any] = json.loads(REAL.read_text())["data"]
        self.asked: list[web.Request] = []
        self.faults: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = []
        self.down = False
        self.total = True
        app = web.Application()
        app.router.add_get("/api/project", self.answer)
        self.server = TestServer(app)

    @property
    def base(self) -> str:
        return str(self.server.make_url("/api/"))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.down:
            return web.Response(status=502, text="<html>bad gateway</html>")
        if self.faults:
            return await self.faults.pop(0)(request)
        if request.headers.get("Accept", "*/*") == "application/json":
            return web.Response(status=406)
        size, number = int(request.query.get("page[size]", "50")), int(request.query.get("page[number]", "1"))
        if size > 100:
            return web.json_response({"errors": [{"detail": "too many"}]}, status=400)
        chosen = [p for p in self.projects if matches(p, request.query.get("filter[objects]"))]
        page = chosen[(number - 1) * size : number * size]
        more = number * size < len(chosen)
        document: dict[str, Any] = {
            "data": page,
            "links": {"next": "http://broken/?filter=filter=" if more else None},
            "included": [{"type": "user", "email": "somebody@example.com"}],
            "jsonapi": {"version": "1.0"},
        }
        if self.total:
            document["meta"] = {"total": len(chosen)}
        return web.json_response(document, content_type="application/vnd.api+json")

    def find(self, name: str) -> dict[str, Any]:
        return next(p for p in self.projects if p["name"] == name)

    def add(self, name: Any, **more: Any) -> None:
        project = {"id": 1000 + len(self.projects), "name": name, "deployments": [], "tests": [], **more}
        self.projects.append(copy.deepcopy(project))


def matches(project: Any, objects: str | None) -> bool:
    if objects is None:
        return True
    (rule,) = json.loads(objects)
    assert (rule["name"], rule["op"], rule["val"]["name"], rule["val"]["op"]) == ("tests", "any", "name", "eq")
    return any(test["name"] == rule["val"]["val"] for test in project["tests"])


@dataclass
class Memory:
    """What the store's part for this does."""

    kept: dict[str, str] = field(default_factory=dict)
    writes: int = 0

    async def set(self, name: str, value: Any) -> None:
        self.writes += 1
        self.kept[name] = json.dumps(value)

    async def get(self, name: str) -> Any:
        return json.loads(self.kept.get(name, "null"))


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def book() -> AsyncIterator[Book]:
    book = Book()
    await book.server.start_server()
    yield book
    await book.server.close()


@pytest.fixture
def memory() -> Memory:
    return Memory()


Make = Callable[..., ProjectCatalog]


@pytest.fixture
async def make(book: Book, memory: Memory, tmp_path: Path) -> AsyncIterator[Make]:
    """Makes a catalog of the book and, if a text is given, a projects file."""
    async with aiohttp.ClientSession() as session:

        def make(toml: str | None = None, *, servicebook: bool = True, seconds: float = 60) -> ProjectCatalog:
            path = None
            if toml is not None:
                path = tmp_path / "projects.toml"
                path.write_text(toml)
            return ProjectCatalog(
                path,
                book.base if servicebook else None,
                session,
                clock=lambda: NOW,
                defaults=Defaults(metrics=(DEFAULT,), fingerprint=FINGERPRINT),
                state=memory,
                seconds=seconds,
                sleep=no_sleep,
            )

        yield make

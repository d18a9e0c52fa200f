"""A small service that keeps records (parcels, letters, …) and moves to its next release by itself."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web

from dogdriver.demo.meter import Meter
from dogdriver.demo.releases import Cost, Release, release
from dogdriver.demo.rollout import Rollout
from dogdriver.model import Clock

SOURCE = "dogdriver demo"
KEPT = 1000  # records; a service that only grew would get slower by itself
LISTED = 20
PREFIX = "/records"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """The records, and the release that serves them.

    *shipped* is the file that remembers how many releases came before, across restarts.
    """

    def __init__(self, train: tuple[Cost, ...], rollout: Rollout, shipped: Path) -> None:
        self._train = train
        self._rollout = rollout
        self._shipped = shipped
        self._count = int(shipped.read_text(encoding="ascii")) if shipped.exists() else 0
        self._records: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._next = 1
        self.release: Release = release(train, self._count)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/__version__", self.version),
            web.get("/__heartbeat__", self.heartbeat),
            web.get("/__lbheartbeat__", self.lbheartbeat),
            web.get(PREFIX, self.list),
            web.post(PREFIX, self.create),
            web.get(PREFIX + r"/{number:\d+}", self.read),
        ]

    async def version(self, _: web.Request) -> web.Response:
        now = self.release
        return web.json_response({"source": SOURCE, "version": now.version, "commit": now.commit, "build": SOURCE})

    async def heartbeat(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "checks": {"records": "ok"}, "details": {}})

    async def lbheartbeat(self, _: web.Request) -> web.Response:
        return web.Response()

    async def list(self, _: web.Request) -> web.Response:
        newest = [record for _, record in islice(reversed(self._records.items()), LISTED)]
        return await self._answer({"records": newest, "total": len(self._records)})

    async def create(self, request: web.Request) -> web.Response:
        try:
            given = await request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict) or not isinstance(given.get("to"), str):
            return web.json_response({"error": 'a record is an object with a text "to"'}, status=400)
        record = {"number": self._next, "to": given["to"][:100], "state": "accepted"}
        self._records[self._next] = record
        self._next += 1
        if len(self._records) > KEPT:
            self._records.popitem(last=False)
        return await self._answer(record, status=201)

    async def read(self, request: web.Request) -> web.Response:
        record = self._records.get(int(request.match_info["number"]))
        if record is None:
            return web.json_response({"error": "there is no such record"}, status=404)
        return await self._answer(record)

    async def _answer(self, document: dict[str, Any], status: int = 200) -> web.Response:
        """Fetch, then seal what is sent: the wait and the hashing are what a release really costs."""
        cost = self.release.cost
        await asyncio.sleep(cost.wait)
        seal = hashlib.pbkdf2_hmac("sha256", repr(document).encode(), b"dogdriver", cost.rounds).hex()
        return web.json_response(document, status=status, headers={"X-Seal": seal})

    def count_request(self, path: str, at: float) -> None:
        self._rollout.request(at, load=path.startswith(PREFIX))

    def release_if_due(self, at: float) -> None:
        """Move on to the next release if it is time."""
        if self._rollout.due(at):
            self._count += 1
            self._shipped.write_text(str(self._count), encoding="ascii")
            self.release = release(self._train, self._count)

    async def release_when_due(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            self.release_if_due(time.monotonic())


def make_app(service: Service, meter: Meter, clock: Clock) -> web.Application:
    """The service over HTTP; *meter* counts what it answers."""

    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        service.count_request(request.path, time.monotonic())
        started = time.perf_counter()
        try:
            return await handler(request)
        finally:
            meter.answered(clock().timestamp(), time.perf_counter() - started)

    app = web.Application(middlewares=[measured])
    app.add_routes(service.routes())
    return app

"""What operators ask: Dockerflow's three addresses, and Prometheus'."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from dogdriver.errors import StoreError
from dogdriver.model import Filter, Run
from dogdriver.web.cache import json_response
from dogdriver.web.keys import ABOUT, CLOCK, METRICS, STATUS, STORE
from dogdriver.web.ports import Store

PAGE = 200
MOST_RUNS = 5000


def routes() -> list[web.RouteDef]:
    return [
        web.get("/__version__", version),
        web.get("/__heartbeat__", heartbeat),
        web.get("/__lbheartbeat__", lbheartbeat),
        web.get("/metrics", metrics),
    ]


async def version(request: web.Request) -> web.StreamResponse:
    """`{"source", "version", "commit", "build"}`."""
    return json_response(dict(request.app[ABOUT].version))


async def lbheartbeat(request: web.Request) -> web.StreamResponse:
    """200 as long as the process answers."""
    del request
    return json_response({"status": "ok"})


async def heartbeat(request: web.Request) -> web.StreamResponse:
    """`{"status", "checks", "details"}`: 500 where the daemon cannot work; a neighbour that is down is a warning."""
    details: dict[str, Any] = {}
    if message := await _database_trouble(request.app[STORE]):
        details["database"] = {"level": "error", "message": message}
    for name, part in (await request.app[STATUS]()).items():
        if isinstance(part, Mapping) and (message := _trouble(part)):
            details[name] = {"level": "error" if name == "scheduler" else "warning", "message": message}
    levels = {detail["level"] for detail in details.values()}
    status = next((level for level in ("error", "warning") if level in levels), "ok")
    checks = {"database": "ok", **{name: detail["level"] for name, detail in details.items()}}
    document = {"status": status, "checks": checks, "details": details}
    return json_response(document, status=500 if status == "error" else 200)


async def _database_trouble(store: Store) -> str | None:
    try:
        await store.ping()
    except StoreError as error:
        return error.message
    return None


def _trouble(part: Mapping[str, Any]) -> str | None:
    """The last error of a neighbour, unless it answered well after it."""
    error = part.get("last_error")
    if not error:
        return None
    at, success = part.get("last_error_at"), part.get("last_success")
    if isinstance(error, Mapping):
        at, error = error.get("at", at), error.get("message", error)
    if at and success and str(success) > str(at):
        return None
    return str(error)


async def metrics(request: web.Request) -> web.StreamResponse:
    """Prometheus' text format."""
    app = request.app
    since = app[CLOCK]() - timedelta(days=1)
    queue, newest = await app[STORE].runs.queue(), await _runs_since(app[STORE], since)
    body = app[METRICS].exposition(queue, newest, await app[STATUS]())
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})


async def _runs_since(store: Store, since: datetime) -> list[Run]:
    found: list[Run] = []
    cursor: str | None = None
    while True:
        page = await store.runs.list(Filter(since=since), limit=PAGE, cursor=cursor)
        found += page.runs
        cursor = page.next
        if cursor is None or len(found) >= MOST_RUNS:
            return found

"""A run as it goes, by Server-Sent Events: `state` when its status changes, `progress` each second, `end` at last."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from dogdriver.errors import Unavailable
from dogdriver.model import Run, Snapshot, Status
from dogdriver.web.api.runs import find_run
from dogdriver.web.cache import encode
from dogdriver.web.keys import Site, site_of
from dogdriver.web.requests import read_query

MOST_STREAMS = 100
LINES_LIMIT = 2000


async def live(request: web.Request) -> web.StreamResponse:
    """Waits for a queued run, follows a running one, and ends at once for any other. Log lines need the token."""
    read_query(request, ())
    site = site_of(request)
    run = await find_run(site, request.match_info["id"])
    if len(site.streams) >= MOST_STREAMS:
        raise Unavailable("too many pages follow runs just now; look at the run itself instead", retry_after=30)
    trusted = site.access.signed_in(request)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store",
                 "X-Accel-Buffering": "no"}
    )  # fmt: skip
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a handler runs in a task
    site.streams.add(task)
    try:
        await response.prepare(request)
        if request.method != "HEAD":
            await _send_all(site, run, response, trusted=trusted)
    except ConnectionError:
        pass  # nobody listens any more
    finally:
        site.streams.discard(task)
    return response


async def end_streams(app: web.Application) -> None:
    """At shutdown: an open stream would hold the server back."""
    from dogdriver.web.keys import SITE  # noqa: PLC0415

    for task in tuple(app[SITE].streams):
        task.cancel()


async def _send_all(site: Site, run: Run, response: web.StreamResponse, *, trusted: bool) -> None:
    events = _events(site, run, trusted=trusted)
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=site.beat)
            if not done:
                await response.write(b": still here\n\n")
                continue
            if (event := coming.result()) is None:
                return
            await response.write(event)
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await events.aclose()  # type: ignore[attr-defined]  # an async generator, typed by what it gives


async def _events(site: Site, run: Run, *, trusted: bool) -> AsyncIterator[bytes]:
    told: Status | None = None
    while True:
        if run.status is not told:
            told = run.status
            yield _event("state", _state(run))
        if run.status is Status.RUNNING:
            async for snapshot in site.commands.follow(run.id):
                yield _event("progress", _progress(site, snapshot, trusted=trusted))
        elif run.status is not Status.QUEUED:
            yield _event("end", _state(run))
            return
        seen = site.store.commits.number
        run = await site.store.runs.get(run.id) or run
        if run.status is told:
            await site.store.commits.after(seen)


def _event(name: str, document: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(document))


def _state(run: Run) -> dict[str, Any]:
    return {"status": run.status.value, "reason": run.reason}


def _progress(site: Site, snapshot: Snapshot, *, trusted: bool) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(snapshot)
    del document["lines"]
    if trusted:
        document["lines"] = [site.mask(line[:LINES_LIMIT]) for line in snapshot.lines]
    return document

"""A run as it goes, by Server-Sent Events: `state` when its status changes, `progress` each second, `end` at last."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from dogdriver.errors import Unavailable
from dogdriver.model import Run, Snapshot, Status
from dogdriver.model.text import shortened
from dogdriver.pipeline.ports import Commands
from dogdriver.web.api.runs import find_run
from dogdriver.web.cache import encode
from dogdriver.web.client import client_address
from dogdriver.web.keys import ACCESS, STORE
from dogdriver.web.ports import Store
from dogdriver.web.requests import read_query

MOST_STREAMS, MOST_OF_ONE = 100, 10  # of those without a token: in all, and from one address
RESERVED = 50  # more than these, for who has one
LINES_LIMIT = 2000


@dataclass(eq=False, slots=True)
class LiveStreams:
    """The live streams that are open: their *tasks* are ended at shutdown, for they would hold the server back.

    *mask* takes known secrets out of a line of log. *heartbeat*: the longest silence of a stream, in seconds.
    """

    store: Store
    commands: Commands
    mask: Callable[[str], str]
    heartbeat: float = 15.0
    tasks: dict[asyncio.Task[Any], str | None] = field(default_factory=dict)  # with the address of who is unknown

    @contextmanager
    def opened(self, stranger: str | None) -> Iterator[None]:
        """The present task is a stream meanwhile; it may end because nobody listens any more.

        *stranger*: the address of who has no token, None for who has one. Raises Unavailable where there are too many.
        """
        unknown = [one for one in self.tasks.values() if one is not None]
        full = len(self.tasks) >= MOST_STREAMS + RESERVED
        if stranger is not None:
            full = full or len(unknown) >= MOST_STREAMS or unknown.count(stranger) >= MOST_OF_ONE
        if full:
            raise Unavailable("too many pages follow runs just now; look at the run itself instead", retry_after=30)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler runs in a task
        self.tasks[task] = stranger
        try:
            with suppress(ConnectionError):
                yield
        finally:
            self.tasks.pop(task, None)

    async def send(self, run: Run, response: web.StreamResponse, *, with_lines: bool) -> None:
        """All events of *run* to the end of its load, and a comment whenever there was none for a heartbeat."""
        events = self._events(run, with_lines=with_lines)
        coming = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=self.heartbeat)
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

    async def _events(self, run: Run, *, with_lines: bool) -> AsyncIterator[bytes]:
        sent: Status | None = None
        while True:
            if run.status is not sent:
                sent = run.status
                yield _event("state", _state(run))
            if run.status is Status.RUNNING:
                async for snapshot in self.commands.follow(run.id):
                    yield _event("progress", self._progress(snapshot, with_lines=with_lines))
            elif run.status is not Status.QUEUED:
                yield _event("end", _state(run))
                return
            commit = self.store.commits.number
            run = await self.store.runs.get(run.id) or run
            if run.status is sent:
                await self.store.commits.after(commit)

    def _progress(self, snapshot: Snapshot, *, with_lines: bool) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.to_builtins(snapshot)
        del document["lines"]
        if with_lines:
            document["lines"] = [shortened(self.mask(line), LINES_LIMIT) for line in snapshot.lines]
        return document


STREAMS = web.AppKey("streams", LiveStreams)


async def live(request: web.Request) -> web.StreamResponse:
    """Waits for a queued run, follows a running one, and ends at once for any other. Log lines need the token."""
    read_query(request, ())
    streams = request.app[STREAMS]
    run = await find_run(request.app[STORE].runs, request.match_info["id"])
    with_lines = request.app[ACCESS].signed_in(request)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store",
                 "X-Accel-Buffering": "no"}
    )  # fmt: skip
    with streams.opened(None if with_lines else client_address(request)):
        await response.prepare(request)
        if request.method != "HEAD":
            await streams.send(run, response, with_lines=with_lines)
    return response


async def end_streams(app: web.Application) -> None:
    """At shutdown."""
    for task in tuple(app[STREAMS].tasks):
        task.cancel()


def _event(name: str, document: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(document))


def _state(run: Run) -> dict[str, Any]:
    return {"status": run.status.value, "reason": run.reason}

"""What one stand-in knows and keeps; tests hold this object, handlers find it in their application."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from dogdriver.demo.standin.budget import Budget, Limit
from dogdriver.demo.standin.events import FIRST_ID, READABLE_AFTER, EventLog
from dogdriver.demo.standin.listener import Listener
from dogdriver.demo.standin.outage import Outages
from dogdriver.demo.standin.points import Delay, PointStore
from dogdriver.model import Clock

KEPT_REQUESTS = 10_000


class Gaps(StrEnum):
    """What stands in an answer for a bucket without data."""

    OMIT = "omit"  # no point, as recorded
    NULL = "null"  # a point without a value: never recorded, but the description of the API allows it


@dataclass(slots=True)
class ReceivedRequest:
    """One request as it came in. *at* in unix seconds; *status* of the answer, None while there is none."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Standin:
    """A Datadog organisation. Everything here may be changed while it runs.

    *parse_error_status*: 200 or 400, as nobody has recorded which. *gaps*: what a bucket without data is.
    *leaks* names requests that carried a key in their address: a test should find it empty.
    """

    clock: Clock
    api_key: str
    app_key: str
    points: PointStore = field(default_factory=PointStore)
    events: EventLog = field(default_factory=EventLog)
    budget: Budget = field(default_factory=Budget)
    outages: Outages = field(default_factory=Outages)
    parse_error_status: int = 200
    gaps: Gaps = Gaps.OMIT
    requests: deque[ReceivedRequest] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))
    checks: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))
    monitors: list[Mapping[str, Any]] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    listener: Listener | None = None
    _arrivals: list[asyncio.Future[ReceivedRequest]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is served, without a trailing slash. Raises RuntimeError where it is not (serve_standin does)."""
        return self._listener.url

    async def start(self) -> None:
        """Listen again after stop, on the same port."""
        await self._listener.start()

    async def stop(self) -> None:
        """Refuse connections from now on, and drop those that are open."""
        await self._listener.stop()

    @property
    def _listener(self) -> Listener:
        if self.listener is None:
            raise RuntimeError("this stand-in is not served: use serve_standin")
        return self.listener

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.clock().timestamp()

    def mode(self, *kinds: str, **options: Any) -> None:
        """Plan outages: `mode("hang")` until further notice, `mode("500", "reset")` for one request each,
        `mode("502", times=3, path="/api/v1/query")`, `mode("limited", reset=2462)`; `mode()` or `mode("ok")` ends them.
        Raises ValueError for an unknown kind, TypeError for an unknown option."""
        if kinds in {(), ("ok",)}:
            self.outages.clear()
            return
        if len(kinds) > 1:
            options.setdefault("times", 1)
        for kind in kinds:
            self.outages.plan(kind, **options)

    def record(self, received: ReceivedRequest) -> None:
        self.requests.append(received)
        waiting, self._arrivals = self._arrivals, []
        for one in waiting:
            if not one.done():
                one.set_result(received)

    async def arrival(self) -> ReceivedRequest:
        """Wait for the next request to come in; it has no status yet."""
        waiting: asyncio.Future[ReceivedRequest] = asyncio.get_running_loop().create_future()
        self._arrivals.append(waiting)
        return await waiting

    def asked(self, path: str, method: str | None = None) -> list[ReceivedRequest]:
        """The requests for *path*, oldest first."""
        return [one for one in self.requests if one.path == path and method in {None, one.method}]


STANDIN: web.AppKey[Standin] = web.AppKey("standin", Standin)


def make_standin(
    clock: Clock,
    *,
    api_key: str,
    app_key: str,
    delays: Mapping[str, Delay] | None = None,
    limits: Mapping[str, Limit] | None = None,
    readable_after: float = READABLE_AFTER,
    parse_error_status: int = 200,
    gaps: Gaps = Gaps.OMIT,
    first_event_id: int = FIRST_ID,
    keep: float | None = None,
    kept_requests: int | None = KEPT_REQUESTS,
) -> Standin:
    """A new organisation. *delays* by metric prefix (points.DELAYS when not given), *limits* by name (over
    budget.LIMITS), *readable_after*: seconds until an event can be read back; event ids count from *first_event_id*;
    *keep*: seconds for which points are kept (None: for ever); *kept_requests*: how many requests are."""
    return Standin(
        clock,
        api_key,
        app_key,
        points=PointStore(delays, keep=keep),
        events=EventLog(readable_after=readable_after, first_id=first_event_id),
        budget=Budget(limits),
        parse_error_status=parse_error_status,
        gaps=gaps,
        requests=deque(maxlen=kept_requests),
    )

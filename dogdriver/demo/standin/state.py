"""What one stand-in knows and remembers; tests hold this object, handlers find it in their application."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dogdriver.demo.standin.budget import Budget, Limit
from dogdriver.demo.standin.events import FIRST_ID, READABLE_AFTER, EventLog
from dogdriver.demo.standin.listener import Listener
from dogdriver.demo.standin.outage import Outages
from dogdriver.demo.standin.points import Delay, PointStore
from dogdriver.model import Clock

REMEMBERED = 10_000


@dataclass(slots=True)
class Seen:
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

    *parse_error_status*: 200 or 400, as nobody has recorded which. *gaps*: `omit` or `null` for buckets without data.
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
    gaps: str = "omit"
    requests: deque[Seen] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    checks: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    monitors: list[Mapping[str, Any]] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    listener: Listener | None = None
    _waiting: list[asyncio.Future[Seen]] = field(default_factory=list)

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

    def remember(self, seen: Seen) -> None:
        self.requests.append(seen)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(seen)

    async def arrival(self) -> Seen:
        """Wait for the next request to come in; it has no status yet."""
        waiting: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    def asked(self, path: str, method: str | None = None) -> list[Seen]:
        """The requests for *path*, oldest first."""
        return [seen for seen in self.requests if seen.path == path and method in {None, seen.method}]


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
    gaps: str = "omit",
    first_event_id: int = FIRST_ID,
    keep: float | None = None,
    remembered: int | None = REMEMBERED,
) -> Standin:
    """A new organisation. *delays* by metric prefix (points.DELAYS when not given), *limits* by name (over
    budget.LIMITS), *readable_after*: seconds until an event can be read back; event ids count from *first_event_id*;
    *keep*: seconds for which points are kept (None: for ever); *remembered*: how many requests are."""
    return Standin(
        clock,
        api_key,
        app_key,
        points=PointStore(delays, keep=keep),
        events=EventLog(readable_after=readable_after, first_id=first_event_id),
        budget=Budget(limits),
        parse_error_status=parse_error_status,
        gaps=gaps,
        requests=deque(maxlen=remembered),
    )

"""Responses as bytes, kept for as long as nothing was written: reading and encoding again is what costs."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from aiohttp import hdrs, web

from dogdriver.pipeline.ports import CatalogSource
from dogdriver.web.encoding import Body
from dogdriver.web.ports import Store

MOST_BYTES = 32 * 1024 * 1024
JSON = "application/json"


def encode(document: Any) -> bytes:
    """As JSON; what is not finite becomes null."""
    return msgspec.json.encode(document)


def json_response(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer that is not kept."""
    return web.Response(
        body=encode(document),
        status=status,
        content_type=JSON,
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "no-store", **(headers or {})},
    )


@dataclass(frozen=True, slots=True)
class Content:
    """A *body*, and for how many seconds at most it may be kept (*max_age*); the next write ends it anyway."""

    body: bytes
    max_age: float = math.inf


@dataclass(frozen=True, slots=True)
class _Entry:
    body: Body
    expires: float

    @property
    def size(self) -> int:
        """In bytes; its compressed form is not counted, which is a fraction of it."""
        return len(self.body.content)


class ResponseCache:
    """Bodies by address, for one state of the store and the catalog; the least recently used go first."""

    def __init__(
        self,
        store: Store,
        catalog: CatalogSource,
        *,
        most_bytes: int = MOST_BYTES,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._now = now
        self._store = store
        self._catalog = catalog
        self._most = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._state: tuple[int, object] | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def respond(
        self,
        request: web.Request,
        build: Callable[[], Awaitable[Content]],
        *,
        kind: str = JSON,
        variant: str = "",
    ) -> web.Response:
        """The kept answer to *request*, or what *build* gives; 304 where the client has it already.

        *variant* tells apart answers at one address (a page for somebody who is signed in).
        """
        key = f"{variant}{request.rel_url.raw_path_qs}"
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:  # many who ask at once wait for one answer
            kept = self._find(key) or await self._build(key, build, kind)
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: "private, no-cache", hdrs.VARY: "Cookie, Authorization"}
        return await kept.body.respond(request, headers)

    def _find(self, key: str) -> _Entry | None:
        state = (self._store.commits.number, self._catalog.current)
        if self._state is None or self._state[0] != state[0] or self._state[1] is not state[1]:
            self._entries.clear()
            self._bytes = 0
            self._state = state
        kept = self._entries.get(key)
        if kept and kept.expires <= self._now():
            self._drop(key)
            return None
        if kept:
            self._entries.move_to_end(key)
        return kept

    def _drop(self, key: str) -> None:
        self._bytes -= self._entries.pop(key).size

    async def _build(self, key: str, build: Callable[[], Awaitable[Content]], kind: str) -> _Entry:
        state = self._state
        built = await build()
        expires = self._now() + built.max_age
        kept = _Entry(Body(built.body, kind), expires)
        # What was built while somebody wrote may be of either state, so it is not kept.
        if built.max_age > 0 and self._state is state and kept.size <= self._most and key not in self._entries:
            self._entries[key] = kept
            self._bytes += kept.size
            while self._bytes > self._most:
                self._drop(next(iter(self._entries)))
        return kept

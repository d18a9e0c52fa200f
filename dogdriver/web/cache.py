"""Answers as bytes, kept for as long as nothing was written: encoding and reading again is what costs."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from aiohttp import hdrs, web

from dogdriver.pipeline.ports import CatalogSource
from dogdriver.web.ports import Store

MOST_BYTES = 32 * 1024 * 1024
BRIEF = 1.0  # seconds: a page that shows a running load, which says something new once a second and streams it
JSON = "application/json"


def encode(document: Any) -> bytes:
    """As JSON; what is not finite becomes null."""
    return msgspec.json.encode(document)


def json_response(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer that is made anew each time."""
    return web.Response(
        body=encode(document),
        status=status,
        content_type=JSON,
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "no-store", **(headers or {})},
    )


@dataclass(frozen=True, slots=True)
class Made:
    """What a builder gives: the *body*, and for how many seconds it *holds* at most; the next write ends it anyway."""

    body: bytes
    holds: float = math.inf


@dataclass(frozen=True, slots=True)
class _Kept:
    body: bytes
    etag: str
    until: float


class Answers:
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
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._state: tuple[int, object] | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def respond(
        self,
        request: web.Request,
        make: Callable[[], Awaitable[Made]],
        *,
        kind: str = JSON,
        variant: str = "",
    ) -> web.Response:
        """The kept answer to *request*, or the one that *make* gives; 304 where the asker has it already.

        *variant* tells apart answers at one address (a page for somebody who is signed in).
        """
        key = f"{variant}{request.rel_url.raw_path_qs}"
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:  # a crowd asks once
            kept = self._find(key) or await self._make(key, make)
        headers = {hdrs.ETAG: kept.etag, hdrs.CACHE_CONTROL: "private, no-cache", hdrs.VARY: "Cookie, Authorization"}
        if _matches(request.headers.get(hdrs.IF_NONE_MATCH, ""), kept.etag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=kept.body, content_type=kind, charset="utf-8", headers=headers)

    def _find(self, key: str) -> _Kept | None:
        state = (self._store.commits.number, self._catalog.current)
        if self._state is None or self._state[0] != state[0] or self._state[1] is not state[1]:
            self._kept.clear()
            self._bytes = 0
            self._state = state
        kept = self._kept.get(key)
        if kept and kept.until <= self._now():
            self._drop(key)
            return None
        if kept:
            self._kept.move_to_end(key)
        return kept

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._kept.pop(key).body)

    async def _make(self, key: str, make: Callable[[], Awaitable[Made]]) -> _Kept:
        state = self._state
        made = await make()
        until = self._now() + made.holds
        kept = _Kept(made.body, f'"{blake2b(made.body, digest_size=12).hexdigest()}"', until)
        # What was made while somebody wrote may be of either state, so it is not kept.
        if made.holds > 0 and self._state is state and len(made.body) <= self._most and key not in self._kept:
            self._kept[key] = kept
            self._bytes += len(made.body)
            while self._bytes > self._most:
                self._drop(next(iter(self._kept)))
        return kept


def _matches(wanted: str, etag: str) -> bool:
    return wanted.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in wanted.split(","))

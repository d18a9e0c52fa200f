"""Everything that can go wrong between a request and a whole, true answer.

Kinds that lose the answer on its way do the work first (an event is kept though nobody hears of it); kinds that stand
for a broken server do nothing. `processed` says otherwise where a test wants it.
"""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web


class Kind(StrEnum):
    """What happens to a request."""

    HANG = "hang"  # nothing comes, until the client gives up
    RESET = "reset"  # half of the answer, then a TCP reset
    DRIP = "drip"  # a byte at a time
    CLOSE = "close"  # the connection ends without an answer
    ERROR_500 = "500"  # JSON content type and no body, as recorded
    ERROR_502 = "502"  # HTML of a proxy
    ERROR_503 = "503"  # HTML of a proxy
    HTML = "html"  # 200, and a page
    EMPTY = "empty"  # 200, and nothing
    TRUNCATED = "truncated"  # 200, and half of the JSON
    GZIP = "gzip"  # the whole answer, compressed whether it was asked for or not
    GZIP_TRUNCATED = "gzip_truncated"  # half of the compressed answer
    STALE = "stale"  # the answer to the request before, as a client sees it that mixes up its connections
    LIMITED = "limited"  # 429
    FORBIDDEN = "forbidden"  # 403


LOSES_THE_ANSWER = frozenset(
    {Kind.RESET, Kind.DRIP, Kind.TRUNCATED, Kind.GZIP, Kind.GZIP_TRUNCATED, Kind.STALE, Kind.EMPTY}
)
PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
FORBIDDEN = {
    "status": "error",
    "code": 403,
    "errors": ["Forbidden"],
    "statuspage": "http://status.datadoghq.com",
    "twitter": "http://twitter.com/datadogops",
    "email": "support@datadoghq.com",
}

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(slots=True)
class Outage:
    """*kind* for the next *times* requests (None: until cleared) whose path matches *path* (a glob) and *method*.

    *reset*, *headers* and *html* belong to `limited`: the seconds in X-RateLimit-Reset, whether there are such headers
    at all, a page in place of JSON. *pause*: seconds between two bytes of `drip`.
    """

    kind: Kind
    times: int | None = None
    path: str = "*"
    method: str | None = None
    processed: bool | None = None
    reset: str = "3"
    headers: bool = True
    html: bool = False
    pause: float = 0.01

    def concerns(self, request: web.Request) -> bool:
        return (
            (self.times is None or self.times > 0)
            and fnmatchcase(request.path, self.path)
            and self.method in {None, request.method}
        )

    @property
    def works(self) -> bool:
        """Whether the request is done before its answer is lost."""
        return self.kind in LOSES_THE_ANSWER if self.processed is None else self.processed


@dataclass(slots=True)
class Outages:
    """The script: the first outage that concerns a request is taken. *sleep* is what `drip` waits with."""

    script: list[Outage] = field(default_factory=list)
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _last: web.Response | None = None

    def plan(self, kind: str, **options: Any) -> None:
        """Add an outage at the end. Raises ValueError for an unknown kind, TypeError for an unknown option."""
        if "reset" in options:
            options["reset"] = str(options["reset"])
        self.script.append(Outage(Kind(kind), **options))

    def clear(self) -> None:
        """No outage any more; what hangs is let go (its connection is closed)."""
        self.script.clear()
        self.over.set()
        self.over = asyncio.Event()

    async def serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to *request*, or what becomes of it."""
        outage = next((one for one in self.script if one.concerns(request)), None)
        if outage is None:
            self._last = await handler(request)
            return self._last
        if outage.times is not None:
            outage.times -= 1
        answer = await handler(request) if outage.works else web.Response()
        return await self._spoil(outage, request, answer)

    async def _spoil(self, outage: Outage, request: web.Request, answer: web.Response) -> web.StreamResponse:
        match outage.kind:
            case Kind.HANG | Kind.CLOSE:
                if outage.kind is Kind.HANG:
                    await self.over.wait()
                spoiled: web.StreamResponse = _abort(request, answer)
            case Kind.RESET:
                spoiled = await _reset(request, answer)
            case Kind.DRIP:
                spoiled = await self._drip(request, answer, outage.pause)
            case Kind.STALE:
                spoiled = _copy(self._last or answer)
            case Kind.LIMITED:
                spoiled = _limited(outage)
            case Kind.FORBIDDEN:
                spoiled = forbidden()
            case Kind.TRUNCATED | Kind.GZIP | Kind.GZIP_TRUNCATED:
                spoiled = _maimed(outage.kind, answer)
            case _:
                spoiled = _broken(outage.kind)
        return spoiled

    async def _drip(self, request: web.Request, answer: web.Response, pause: float) -> web.StreamResponse:
        body = _bytes(answer)
        slow = web.StreamResponse(status=answer.status, headers=_headers(answer))
        slow.content_length = len(body)
        await slow.prepare(request)
        for at in range(len(body)):
            await slow.write(body[at : at + 1])
            await self.sleep(pause)
        return slow


def as_json(
    body: Any, status: int = 200, *, headers: Mapping[str, str] | None = None, content: str = "application/json"
) -> web.Response:
    """An answer with exactly this content type (aiohttp's own would add a charset that Datadog's has not)."""
    text = json.dumps(body, allow_nan=False).encode()
    return web.Response(status=status, body=text, headers={**(headers or {}), "Content-Type": content})


def forbidden() -> web.Response:
    return as_json(FORBIDDEN, 403)


def _maimed(kind: Kind, answer: web.Response) -> web.Response:
    body, headers = _bytes(answer), _headers(answer)
    if kind is not Kind.TRUNCATED:
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    if kind is not Kind.GZIP:
        body = body[: len(body) // 2]
    return web.Response(status=answer.status, body=body, headers=headers)


_PAGES = {
    Kind.ERROR_502: (502, "502 Bad Gateway"),
    Kind.ERROR_503: (503, "503 Service Temporarily Unavailable"),
    Kind.HTML: (200, "Datadog is down for maintenance"),
}


def _broken(kind: Kind) -> web.Response:
    if kind in _PAGES:
        return _page(*_PAGES[kind])
    status = 500 if kind is Kind.ERROR_500 else 200
    return web.Response(status=status, headers={"Content-Type": "application/json"})


def _limited(outage: Outage) -> web.Response:
    headers = {
        "X-RateLimit-Limit": "600",
        "X-RateLimit-Period": "3600",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": outage.reset,
    }
    shown = headers if outage.headers else {}
    if outage.html:
        return _page(429, "429 Too Many Requests", shown)
    sentence = "Rate limit of 600 requests in 3600 seconds reached. Please try again later."
    return as_json({"errors": [sentence]}, 429, headers=shown)


def _page(status: int, title: str, headers: Mapping[str, str] | None = None) -> web.Response:
    named = {**(headers or {}), "Content-Type": "text/html"}
    return web.Response(status=status, body=PAGE.format(title).encode(), headers=named)


def _bytes(answer: web.Response) -> bytes:
    body = answer.body
    return body if isinstance(body, bytes) else b""


def _headers(answer: web.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}


def _copy(answer: web.Response) -> web.Response:
    return web.Response(status=answer.status, body=_bytes(answer), headers=_headers(answer))


def _abort(request: web.Request, answer: web.Response) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return answer


async def _reset(request: web.Request, answer: web.Response) -> web.StreamResponse:
    body = _bytes(answer)
    half = web.StreamResponse(status=answer.status, headers=_headers(answer))
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        peer = request.transport.get_extra_info("socket")
        # Lingering for no time makes the kernel answer with RST in place of FIN.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return half

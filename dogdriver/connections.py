"""The connections of the server: how many there may be, and how long one may take to say what it wants."""

import asyncio
import json
import logging
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)

MOST = 1000
SHARE = 2  # every second descriptor may be a connection; the others are for files, targets and neighbours
HEADERS = 15.0  # seconds from the beginning of a request to the end of its headers
IDLE = 75.0  # seconds between two requests
LONGEST_REASON = 200
UNREADABLE = (web.RequestPayloadError, HttpProcessingError, ConnectionError)
"""What reading a body raises where it breaks off, or cannot be decoded."""
TOO_SLOW = json.dumps(
    {"error": {"code": "request_timeout", "message": "the request did not come within 15 seconds; send it whole"}}
)


def most_connections() -> int:
    """As many as this process has room for beside its own work."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, soft // SHARE))


class Connections:
    """Those that are open, *most* at a time.

    Where one comes too many, the oldest that asks for nothing is closed, of the address that has the most of them: who
    holds many open closes his own, and who asks for something is answered.
    """

    def __init__(self, most: int, *, headers: float = HEADERS, idle: float = IDLE) -> None:
        self.most = most
        self.headers, self.idle = headers, idle
        self._open: dict[Connection, None] = {}  # the oldest first

    def add(self, connection: "Connection") -> None:
        idle = [one for one in self._open if not one.busy] if len(self._open) >= self.most else []
        self._open[connection] = None
        if len(self._open) <= self.most:
            return
        if not idle:
            connection.abort()
            return
        [(address, _)] = Counter(one.address for one in idle).most_common(1)
        next(one for one in idle if one.address == address).abort()

    def remove(self, connection: "Connection") -> None:
        self._open.pop(connection, None)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator["Connection"]:
        return iter(tuple(self._open))


class Connection(web.RequestHandler):
    """aiohttp's own, with deadlines; what cannot be read is answered in the one shape, and is no error of ours."""

    __slots__ = ("_busy", "_connections", "_deadline", "_heard", "address")

    def __init__(self, manager: web.Server, connections: Connections, **others: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **others)
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._heard = False
        self._busy = 0
        self.address = ""

    @property
    def busy(self) -> bool:
        """A request of it is in hand."""
        return self._busy > 0

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        self._busy += 1
        self._until(None)
        try:
            yield
        finally:
            self._busy -= 1
            self._heard = False
            if self.transport is not None and not self._busy:
                self._until(self._connections.idle)

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()
        self._connections.remove(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._until(self._connections.headers)
        self._connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._until(None)
        self._connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._busy and not self._heard:
            self._heard = True
            self._until(self._connections.headers)
        super().data_received(data)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that cannot be read to its end is no error of ours."""
        if not isinstance(kw.get("exc_info"), UNREADABLE):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What could not be read as a request."""
        if status != 400 or request.writer.output_size > 0:  # noqa: PLR2004 - what aiohttp's parser gives
            return super().handle_error(request, status, exc, message)
        reason = " ".join(line for line in (message or "").split() if line.isprintable())[:LONGEST_REASON]
        log.debug("not a request, from %s: %s", self.address, reason)
        document = {
            "error": {"code": "bad_request", "message": f"this is no HTTP request ({reason}); fix it and send it again"}
        }
        response = web.json_response(document, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})
        response.force_close()
        return response

    def _until(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._out_of_time)

    def _out_of_time(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            if self._heard:
                head = (
                    f"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nContent-Length: {len(TOO_SLOW)}"
                )
                self.transport.write(f"{head}\r\nConnection: close\r\n\r\n{TOO_SLOW}".encode())
            self.transport.close()
        self._connections.remove(self)


async def answer(runner: web.AppRunner, connections: Connections, sock: Any) -> asyncio.Server:
    """Serve what *runner* has set up on *sock*."""
    server = runner.server
    assert server is not None  # noqa: S101 - it was set up
    handle = server.request_handler

    async def in_hand(request: web.BaseRequest) -> web.StreamResponse:
        with request.protocol.in_hand():  # type: ignore[attr-defined]  # each of its connections is one of ours
            return await handle(request)

    server.request_handler = in_hand
    loop = asyncio.get_running_loop()
    # A few at a time, so that those that are accepted in one go need no more descriptors than there are; the others
    # wait in the kernel's queue.
    listener = await loop.create_server(lambda: Connection(server, connections, access_log=None), sock=sock, backlog=16)
    sock.listen(1024)
    return listener

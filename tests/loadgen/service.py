"""A real service on loopback."""

import asyncio
import threading
from typing import Self

from aiohttp import web


class Service:
    """A real server in a thread of its own, so that a blocked test loop is not a blocked service."""

    def __init__(self) -> None:
        self.hits: dict[str, int] = {}
        self._server: web.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def connected(self) -> bool:
        """Whether anybody is still connected; where nobody is, all that was sent has been counted."""
        return self._server is not None and bool(self._server.connections)

    @property
    def total(self) -> int:
        return sum(self.hits.values())

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        self._server = runner.server
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]  # asyncio's
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path
        self.hits[path] = self.hits.get(path, 0) + 1
        if path.startswith("/status/"):
            return web.Response(status=int(path.rsplit("/", 1)[1]))
        if path == "/hang":
            await asyncio.sleep(60)
        if path == "/drop":
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"path": path})

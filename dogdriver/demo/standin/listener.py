"""A loopback port that can stop and start listening."""

from aiohttp import web

HOST = "127.0.0.1"


class Listener:
    """Serves *runner*'s application on *port* (0: a free one, then always the same)."""

    def __init__(self, runner: web.AppRunner, port: int = 0) -> None:
        self._runner = runner
        self._port = port
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """Without a trailing slash; known after the first start."""
        return f"http://{HOST}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        if self._site is not None:
            return
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._site = site
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections, and drop the ones that there are."""
        if self._site is None:
            return
        site, self._site = self._site, None
        await site.stop()
        if self._runner.server is not None:
            # 0 would mean: wait for ever.
            await self._runner.server.shutdown(0.01)

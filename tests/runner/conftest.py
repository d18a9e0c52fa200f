import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web

from dogdriver.model import Clock, Job, Prepared
from dogdriver.runner import MolotovRunner


class Service:
    """A real server in a thread of its own, so that a blocked test loop is not a blocked service."""

    def __init__(self) -> None:
        self.hits: dict[str, int] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def total(self) -> int:
        return sum(self.hits.values())

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
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


@pytest.fixture(scope="session", name="service_running")
def _service_running() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture(name="service")
def _service(service_running: Service) -> Service:
    service_running.hits.clear()
    return service_running


HEADER = "import asyncio, os, sys, time\nimport molotov\nfrom molotov import scenario\nURL = os.environ['URL']\n"

MakeJob = Callable[..., Job]


@pytest.fixture(name="job")
def _job(tmp_path: Path, service: Service) -> MakeJob:
    """job(code, isolation=…, guard=…, env=…, files={name: text}, **entry)"""

    def make(
        code: str,
        *,
        isolation: str = "thread",
        guard: float = 1.0,
        env: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        **entry: Any,
    ) -> Job:
        folder = tmp_path / "checkout"
        folder.mkdir(exist_ok=True)
        (folder / "loadtest.py").write_text(HEADER + code)
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        prepared = Prepared(
            directory=str(folder), site=None, entry=entry, name="dogdriver", content="0" * 40, commit=None
        )
        return Job(
            run="r1", prepared=prepared, env={"URL": service.url, **(env or {})}, guard=guard, isolation=isolation
        )

    return make


@pytest.fixture(name="clock")
def _clock() -> Clock:
    """The real one: what is measured here are real loads."""
    return lambda: datetime.now(UTC)  # noqa: TID251 - see above


@pytest.fixture(name="runner")
def _runner(tmp_path: Path, clock: Clock) -> MolotovRunner:
    return MolotovRunner(tmp_path / "data", clock, grace=2.0)

"""The other ends of the main job, all of them real: a Kinto server, a balancer before it that reports what it saw, a
ServiceBook with one real answer, a local git repository, and the daemon as a process of its own."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uv
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.demo.standin import Standin
from tests.ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BOOK = HERE.parent / "data" / "servicebook" / "projects.json"
TICKS = os.sysconf("SC_CLK_TCK")


def kinto_home() -> Path:
    """A virtual environment with Kinto, made once and kept in .cache."""
    constraints = HERE / "kinto-constraints.txt"
    name = hashlib.sha256(constraints.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = ROOT / ".cache" / f"kinto-{name}"
    if not home.exists():
        fresh = home.with_name(f"{home.name}.{os.getpid()}")
        tool = uv.find_uv_bin()
        subprocess.run([tool, "venv", "-q", "--relocatable", "--python", sys.executable, fresh], check=True)
        install = [tool, "pip", "install", "-q", "--python", str(fresh / "bin" / "python"), "-r", str(constraints)]
        subprocess.run(install, check=True)
        with contextlib.suppress(OSError):
            fresh.rename(home)
        shutil.rmtree(fresh, ignore_errors=True)
    return home


CONFIG = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 4
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = a-test
kinto.bucket_create_principals = system.Everyone
kinto.bucket_write_principals = system.Everyone
kinto.version_json_path = {version}
"""


@dataclass
class Kinto:
    """A Kinto server on memory backends; `deploy` is what an operator does: a new version.json, a restart."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    prefix: tuple[str, ...] = ()  # a command that it is started by

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def deploy(self, version: str, commit: str) -> None:
        await self.stop()
        document = {"source": "https://github.com/Kinto/kinto", "version": version, "commit": commit, "build": ""}
        (self.folder / "version.json").write_text(json.dumps(document))
        config = self.folder / "kinto.ini"
        config.write_text(CONFIG.format(port=self.port, version=self.folder / "version.json"))
        self.process = await asyncio.create_subprocess_exec(
            kinto_home() / "bin" / "kinto", "start", "--ini", config,
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await answers(f"{self.url}/v1/__lbheartbeat__", self.process)

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    def cpu_seconds(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Balancer:
    """Passes every request on, and each second tells Datadog how many there were and how long they took."""

    def __init__(self, kinto: Kinto, standin: Standin) -> None:
        self._kinto, self._standin = kinto, standin
        self._taken: list[float] = []
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> str:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        await self._server.start_server()
        self._task = asyncio.create_task(self._report())
        return str(self._server.make_url("/v1")).rstrip("/")

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        assert self._session is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._server.close()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        began = time.perf_counter()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in {"host", "transfer-encoding"}}
        try:
            async with self._session.request(
                request.method, self._kinto.url + request.path_qs, headers=headers, data=await request.read()
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")
        self._taken.append(time.perf_counter() - began)
        kept = {k: v for k, v in answer.headers.items() if k.lower() in {"content-type", "etag", "location"}}
        return web.Response(status=answer.status, body=body, headers=kept)

    async def _report(self) -> None:
        """An agent: sleeps, for it reports once a second of real time."""
        tags, used = ("app:kintowe", "env:stage"), 0.0
        while True:
            await asyncio.sleep(1)
            at, taken, self._taken = float(int(time.time())), self._taken, []  # noqa: TID251 - a real agent's clock
            add = self._standin.points.add
            add("aws.elb.request_count", [(at, float(len(taken)))], tags=tags, kind="count", interval=1)
            if taken:
                add("aws.elb.latency", [(at, sum(taken) / len(taken))], tags=tags, unit="second")
            with contextlib.suppress(OSError):
                before, used = used, self._kinto.cpu_seconds()
                share = min(max(used - before, 0.0), 1.0) * 100
                add("system.cpu.idle", [(at, 100.0 - share)], tags=tags, host="kinto-1", unit="percent")


@contextlib.asynccontextmanager
async def servicebook() -> AsyncIterator[str]:
    """The real answer, in pages and with the filter ignored, as an old ServiceBook would do."""
    projects = json.loads(BOOK.read_text())["data"]

    async def answer(request: web.Request) -> web.Response:
        size, number = int(request.query.get("page[size]", "50")), int(request.query.get("page[number]", "1"))
        page = projects[(number - 1) * size : number * size]
        document = {"data": page, "links": {"next": None}, "meta": {"total": len(projects)}}
        return web.json_response(document, content_type="application/vnd.api+json")

    app = web.Application()
    app.router.add_get("/api/project", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield str(server.make_url("/api/"))
    await server.close()


def repository(folder: Path) -> str:
    """A git repository with the sample Kinto load test; gives its address."""
    shutil.copytree(HERE / "kinto_loadtest", folder)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "A load test of Kinto"]):
        subprocess.run([*git, *command], check=True)
    return str(folder)


@dataclass
class Daemon:
    """`python -m dogdriver` with its own data directory; killed or ended as the test wants."""

    data: Path
    environ: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    prefix: tuple[str, ...] = ()  # a command that it is started by

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data / "log").read_text()

    async def start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("DOGDRIVER_", "DD_"))}  # noqa: TID251
        environ |= {**self.environ, "DOGDRIVER_DATA": str(self.data), "DOGDRIVER_PORT": str(self.port)}
        with (self.data / "log").open("a") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.prefix, sys.executable, "-m", "dogdriver", env=environ, stdout=log, stderr=log
            )
        await answers(f"{self.url}/__lbheartbeat__", self.process)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def end(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(180):
            return await self.process.wait()

    async def get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        token = (self.data / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.url + path, json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def runs(self, project: str) -> list[Any]:
        found: list[Any] = (await self.get(f"/api/v1/runs?project={project}&limit=200"))["runs"]
        return found


async def answers(url: str, process: asyncio.subprocess.Process, seconds: float = 180.0) -> None:
    """Wait until *process* answers at *url* with 200: one that starts takes real time."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
        while True:
            assert process.returncode is None, f"what should answer at {url} has ended with {process.returncode}"
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)

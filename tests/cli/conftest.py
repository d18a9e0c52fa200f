"""Real processes: a daemon, a client, and between them what is needed; a small service and a Datadog to load."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dogdriver.demo.standin import Standin, serve_standin
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import Service

TOKEN = "the-token-of-the-daemon"


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real processes, real time


@dataclass(frozen=True, slots=True)
class Said:
    """What a client's process left: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    def event(self, name: str) -> Any:
        """The only one called *name*."""
        (found,) = [line for line in self.lines if line["event"] == name]
        return found

    @property
    def run(self) -> Any:
        return self.event("ended")["run"]


@dataclass
class Cli:
    """`python -m dogdriver` with one data directory."""

    data: Path
    environ: Mapping[str, str]
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, *words: str, **more: str) -> asyncio.subprocess.Process:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOGDRIVER_", "DD_"))}  # noqa: TID251
        environ = {**kept, **self.environ, "DOGDRIVER_DATA": str(self.data), **more}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dogdriver", *words, env={k: v for k, v in environ.items() if v},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.processes.append(process)
        return process

    async def __call__(self, *words: str, **more: str) -> Said:
        """Run it to its end."""
        return await said(await self.start(*words, **more))

    async def close(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def said(process: asyncio.subprocess.Process) -> Said:
    async with asyncio.timeout(300):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


@pytest.fixture(name="service")
async def _service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


@pytest.fixture(name="standin")
async def _standin() -> AsyncIterator[Standin]:
    async with serve_standin(now, delays={}) as standin:
        at = int(time.time())  # noqa: TID251 - real processes, real time
        points = [(float(at + n), 0.2) for n in range(-60, 900)]
        standin.points.add("aws.elb.latency", points, tags=["app:thing"], unit="second", visible_at=0)
        yield standin


@pytest.fixture(name="environ")
def _environ(tmp_path: Path, service: Service, standin: Standin) -> dict[str, str]:
    return {
        "DOGDRIVER_PROJECTS": service.projects(tmp_path, "short"),
        "DOGDRIVER_DATADOG_URL": standin.url,
        "DOGDRIVER_SETTLE": "1",
        "DD_API_KEY": "api-key",
        "DD_APP_KEY": "app-key",
        "DOGDRIVER_TOKEN": TOKEN,
    }


@pytest.fixture(name="daemon")
async def _daemon(starts_processes: None, tmp_path: Path, environ: dict[str, str]) -> AsyncIterator[Daemon]:
    """Not started."""
    daemon = Daemon(tmp_path / "daemon", {**environ, "DOGDRIVER_SOURCE": "the-daemon"})
    yield daemon
    if daemon.process:
        await daemon.end()


@pytest.fixture(name="cli")
async def _cli(starts_processes: None, tmp_path: Path, environ: dict[str, str]) -> AsyncIterator[Cli]:
    cli = Cli(tmp_path / "client", {**environ, "DOGDRIVER_SOURCE": "ci"})
    yield cli
    await cli.close()


def steps(standin: Standin, run: str) -> list[str]:
    """The events of a run that Datadog has, by their `step:` tag."""
    return sorted(
        tag
        for request in standin.requests
        if request.path == "/api/v1/events" and request.status == 202 and request.json["aggregation_key"] == run
        for tag in request.json["tags"]
        if tag.startswith("step:")
    )


def sources(standin: Standin) -> set[str]:
    """Who has sent gauges."""
    return {
        tag.partition(":")[2]
        for request in standin.requests
        if request.path == "/api/v2/series" and request.status == 202
        for one in request.json["series"]
        for tag in one["tags"]
        if tag.startswith("dogdriver_source:")
    }

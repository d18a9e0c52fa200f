"""kill -9 at every stage of a run: after the restart nothing is lost, nothing is twice, nothing goes on loading."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dogdriver.demo.standin import Standin, serve_standin
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import LOADTEST, Service


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real processes, real time


@pytest.fixture(name="service")
async def _service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


@pytest.fixture(name="standin")
async def _standin(service: Service) -> AsyncIterator[Standin]:
    async with serve_standin(now, delays={}) as standin:
        at = int(time.time())  # noqa: TID251 - real processes, real time
        points = [(float(at + n), 0.2) for n in range(-60, 600)]
        standin.points.add("aws.elb.latency", points, tags=["app:thing"], unit="second", visible_at=0)
        yield standin


@pytest.fixture(name="daemon")
async def _daemon(tmp_path: Path, service: Service, standin: Standin) -> AsyncIterator[Daemon]:
    environ = {
        "DOGDRIVER_PROJECTS": service.projects(tmp_path, "job", url=job(tmp_path, "short"), tests=str(tmp_path)),
        "DOGDRIVER_DATADOG_URL": standin.url,
        "DOGDRIVER_SETTLE": "1",
        "DOGDRIVER_SOURCE": "test",
        "DD_API_KEY": "api-key",
        "DD_APP_KEY": "app-key",
    }
    daemon = Daemon(tmp_path / "data", environ)
    yield daemon
    await daemon.end()


async def run_is(daemon: Daemon, run: str, *statuses: str) -> Any:
    """Wait until the run is in one of *statuses*: real loads take real time."""
    async with asyncio.timeout(180):
        while (found := (await daemon.get(f"/api/v1/runs/{run}"))["run"])["status"] not in statuses:
            await asyncio.sleep(0.05)
    return found


def job(folder: Path, like: str) -> str:
    """A load test of ours whose entry `job` is what *like* is now; gives its address."""
    home = folder / "load"
    if not home.exists():
        shutil.copytree(LOADTEST, home)
    entries = json.loads((LOADTEST / "molotov.json").read_text())["molotov"]["tests"]
    (home / "molotov.json").write_text(json.dumps({"molotov": {"tests": {"job": entries[like]}}}))
    return str(home)


async def trigger(daemon: Daemon) -> str:
    status, answer = await daemon.post("/api/v1/runs", {"project": "thing"})
    assert status == 202, answer
    return str(answer["run"]["id"])


async def steps(standin: Standin, run: str, *, wanted: int) -> list[str]:
    """The events of a run, once there are as many as wanted; the outbox' lease brings a cut-off one back late."""
    async with asyncio.timeout(180):
        while len(found := _steps(standin, run)) < wanted:
            await asyncio.sleep(0.05)
    return found


def _steps(standin: Standin, run: str) -> list[str]:
    return sorted(
        tag
        for request in standin.requests
        if request.path == "/api/v1/events" and request.status == 202 and request.json["aggregation_key"] == run
        for tag in request.json["tags"]
        if tag.startswith("step:")
    )


@pytest.mark.parametrize("entry", ["long", "three"], ids=["thread", "processes"])
async def test_killed_while_running_and_while_queued(
    daemon: Daemon, service: Service, standin: Standin, tmp_path: Path, entry: str
) -> None:
    job(tmp_path, entry)
    await daemon.start()
    running = await trigger(daemon)
    await run_is(daemon, running, "running")
    async with asyncio.timeout(180):
        while service.count < 50:
            await asyncio.sleep(0.05)
    await steps(standin, running, wanted=1)
    queued = await trigger(daemon)
    assert queued != running
    await daemon.kill()
    async with asyncio.timeout(180):
        while service.connections:  # whoever loads keeps one for as long as it lives
            await asyncio.sleep(0.05)
    loaded = service.count
    await asyncio.sleep(1)
    assert service.count == loaded
    job(tmp_path, "short")
    await daemon.start()
    failed = (await daemon.get(f"/api/v1/runs/{running}"))["run"]
    assert (failed["status"], failed["reason"]) == ("failed", "interrupted: the daemon ended during the run")
    done = await run_is(daemon, queued, "done", "failed", "invalid")
    assert (done["status"], done["reason"]) == ("done", None), daemon.log
    assert await steps(standin, running, wanted=2) == ["step:start", "step:stop"]
    assert await steps(standin, queued, wanted=2) == ["step:start", "step:stop"]


async def test_killed_while_pending_and_in_the_middle_of_an_aggregation(daemon: Daemon, standin: Standin) -> None:
    await daemon.start()
    run = await trigger(daemon)
    standin.mode("hang", path="/api/v1/query")
    await run_is(daemon, run, "pending")
    await steps(standin, run, wanted=2)
    async with asyncio.timeout(180):
        while not any(r.path == "/api/v1/query" and "aws.elb.latency" in r.query["query"] for r in standin.requests):
            await asyncio.sleep(0.05)
    await daemon.kill()
    standin.mode()
    await daemon.start()
    done = await run_is(daemon, run, "done")
    assert done["metrics"]["art"]["value"] == pytest.approx(200.0)
    assert await steps(standin, run, wanted=2) == ["step:start", "step:stop"]
    verdicts = await daemon.get("/api/v1/verdicts/thing")
    assert {verdict["runs"] for verdict in verdicts["verdicts"]} == {1}


async def test_sigterm_ends_a_load_within_its_grace(
    daemon: Daemon, service: Service, standin: Standin, tmp_path: Path
) -> None:
    job(tmp_path, "long")
    await daemon.start()
    run = await trigger(daemon)
    async with asyncio.timeout(180):
        while service.count < 20:
            await asyncio.sleep(0.05)
    assert await daemon.end() == 0
    assert "never retrieved" not in daemon.log
    assert "Unclosed" not in daemon.log
    await daemon.start()
    failed = (await daemon.get(f"/api/v1/runs/{run}"))["run"]
    assert (failed["status"], failed["reason"]) == ("failed", "interrupted: the daemon was stopped")
    assert await steps(standin, run, wanted=2) == ["step:start", "step:stop"]

"""A start waits for nobody: the daemon listens while ServiceBook hangs, and goes on once it has answered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import LOADTEST, Service

FILE = """
[defaults]
allowed_tests = ["{loadtest}*", "http://127.0.0.1:9/*"]

[[project]]
name = "by name"
[project.test]
url = "{loadtest}"
name = "short"
env = {{ SERVER = "{{endpoint}}" }}
"""


class Book:
    """A ServiceBook that does not answer before it may."""

    def __init__(self, endpoint: str) -> None:
        self.may, self.asked = asyncio.Event(), asyncio.Event()
        stage = [{"name": "stage", "endpoint": endpoint}]
        test = [{"name": "dogdriver", "url": "http://127.0.0.1:9/nothing.git"}]
        self.projects = [
            {"id": 1, "name": "by name", "deployments": stage, "tests": []},
            {"id": 2, "name": "alone", "deployments": stage, "tests": test},
        ]
        app = web.Application()
        app.router.add_get("/api/project", self._answer)
        self.server = TestServer(app, host="127.0.0.1")

    async def _answer(self, _: web.Request) -> web.Response:
        self.asked.set()
        await self.may.wait()
        return web.json_response({"data": self.projects, "meta": {"total": 2}, "links": {}})


@pytest.fixture(name="service")
async def _service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


async def _scheduled(daemon: Daemon, project: str) -> str:
    async with asyncio.timeout(180):
        while not (runs := [run for run in await daemon.runs(project) if run["trigger"] == "schedule"]):
            await asyncio.sleep(0.05)
    return str(runs[0]["deployment"])


async def test_a_servicebook_that_hangs_delays_no_start(tmp_path: Path, service: Service) -> None:
    book = Book(service.url)
    await book.server.start_server()
    file = tmp_path / "projects.toml"
    file.write_text(FILE.format(loadtest=LOADTEST))
    daemon = Daemon(
        tmp_path / "data",
        {"DOGDRIVER_PROJECTS": str(file), "DOGDRIVER_SERVICEBOOK": str(book.server.make_url("/api/"))},
    )
    try:
        await daemon.start()  # the book answers nothing before this has returned
        await asyncio.wait_for(book.asked.wait(), 180)
        status = await daemon.get("/api/v1/status")
        assert "has not answered yet" in status["catalogue"]["stale"]
        assert status["servicebook"]["state"] == "unknown"
        code, answer = await daemon.post("/api/v1/runs", {"project": "by name"})
        assert (code, "has not answered yet" in answer["error"]["message"]) == (409, True)
        assert await daemon.runs("by name") == [], "nothing is planned of which the half is not known"

        book.may.set()
        assert await _scheduled(daemon, "by name") == "stage"
        assert await _scheduled(daemon, "alone") == "stage"
        assert (await daemon.get("/api/v1/status"))["catalogue"]["stale"] is None

        await daemon.kill()
        book.may.clear()
        await daemon.start()  # with the answer of its first life
        projects = [project["name"] for project in (await daemon.get("/api/v1/projects"))["projects"]]
        assert projects == ["alone", "by name"]
        assert "is used until then" in (await daemon.get("/api/v1/status"))["catalogue"]["stale"]
    finally:
        code = await daemon.end()
        book.may.set()
        await book.server.close()
    assert code == 0, daemon.log

"""Bad input, from outside: one sentence that names thing and remedy, the right status, and a queue that goes on."""

import asyncio
import io
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import LOADTEST, Service
from tests.ports import free_port

PROJECT = """
[[project]]
name = "{name}"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "{url}"
name = "{entry}"
env = {{ SERVER = "{endpoint}" }}
"""


async def refused(environ: Mapping[str, str]) -> str:
    """What a daemon says that does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dogdriver", env={"PATH": "/usr/bin:/bin", **environ}, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(180):
        _, said = await process.communicate()
    assert process.returncode == 2, said
    text = said.decode()
    assert text.startswith("dogdriver: ")
    assert "Traceback" not in text
    return text


async def test_an_unknown_setting_stops_the_start(tmp_path: Path) -> None:
    said = await refused({"DOGDRIVER_DATA": str(tmp_path), "DOGDRIVER_SETLE": "1"})
    assert "DOGDRIVER_SETLE is not a setting" in said


async def test_a_port_that_is_taken_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await refused({"DOGDRIVER_DATA": str(tmp_path), "DOGDRIVER_PORT": str(port)})
    assert f"port {port} on 127.0.0.1 is taken; set DOGDRIVER_PORT" in said


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[[project]\n", ":1", ""),
        ('[[project]]\nname = "a"\n\nschedul = "every 1h"\n', ":4", "schedul"),
        ('[[project]]\nname = "a"\n[[project]]\nname = "a"\n', ":4", "a"),
        ('[defaults]\nschedule = "hourly"\n', ":2", "schedule"),
    ],
    ids=["syntax", "key", "duplicate", "schedule"],
)
async def test_a_bad_projects_file_is_told_with_file_line_and_key(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    file = tmp_path / "projects.toml"
    file.write_text(text)
    said = await refused({"DOGDRIVER_DATA": str(tmp_path / "data"), "DOGDRIVER_PROJECTS": str(file)})
    assert f"{file}{place}" in said
    assert words in said


async def test_a_second_daemon_on_the_same_data_is_refused(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {})
    await daemon.start()
    source = (tmp_path / "source").read_text()
    other = {"DOGDRIVER_DATA": str(tmp_path), "DOGDRIVER_PORT": str(free_port()), "DOGDRIVER_SOURCE": "another"}
    said = await refused(other)
    assert str(tmp_path) in said
    assert (tmp_path / "source").read_text() == source
    assert await daemon.end() == 0


@pytest.fixture(name="service")
async def _service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


@pytest.fixture(name="broken")
async def _broken() -> AsyncIterator[str]:
    """A server that answers HTML with 500 to everything."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=500, text="<html>oops</html>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


async def test_every_bad_test_and_target_ends_with_its_reason_and_blocks_nothing(
    tmp_path: Path, service: Service, broken: str
) -> None:
    load, empty = str(LOADTEST), tmp_path / "empty"
    empty.mkdir()
    (empty / "README").write_text("no test here")
    tricky = tmp_path / "a (load) test.v1"
    shutil.copytree(LOADTEST, tricky)
    cases = {
        "unknown entry": (load, "nope", service.url, "empty, exits, long, missing, raises, short, three"),
        "no molotov": (str(empty), "short", service.url, "molotov.json"),
        "import raises": (load, "raises", service.url, "the account is gone"),
        "no scenario": (load, "empty", service.url, "scenario"),
        "no file": (load, "missing", service.url, "nowhere.py"),
        "exits": (load, "exits", service.url, "3"),
        "no git": ("http://127.0.0.1:9/nothing.git", "short", service.url, "127.0.0.1:9"),
        "html": (load, "short", broken, "500"),
        "silent": (load, "short", f"http://127.0.0.1:{free_port()}", "127.0.0.1"),
        "Good (iOS) 1.0-x": (str(tricky), "short", service.url, ""),
    }
    projects = [
        PROJECT.format(name=name, url=url, entry=entry, endpoint=endpoint)
        for name, (url, entry, endpoint, _) in cases.items()
    ]
    file = tmp_path / "projects.toml"
    file.write_text('[defaults]\nschedule = "off"\nstall = "60s"\n' + "".join(projects))
    daemon = Daemon(tmp_path / "data", {"DOGDRIVER_PROJECTS": str(file)})
    await daemon.start()
    try:
        asked = {}
        for name in cases:
            status, answer = await daemon.post("/api/v1/runs", {"project": name})
            assert status == 202, answer
            asked[name] = answer["run"]["id"]
        ended = {name: await _ended(daemon, run) for name, run in asked.items()}
    finally:
        await daemon.end()
    for name, run in ended.items():
        words = cases[name][3]
        if not words:
            assert (run["status"], run["reason"]) == ("done", None), daemon.log
            continue
        assert run["status"] in {"failed", "aborted"}, (name, run["status"], run["reason"])
        assert words in run["reason"], (name, run["reason"])
        assert "\n" not in run["reason"]
        assert "dogDriver itself" not in run["reason"], (name, run["reason"])


async def _ended(daemon: Daemon, run: str) -> Any:
    async with asyncio.timeout(300):
        while (found := (await daemon.get(f"/api/v1/runs/{run}"))["run"])["status"] in {"queued", "running", "pending"}:
            await asyncio.sleep(0.05)
    return found


async def test_a_test_outside_the_allow_list_is_not_run(tmp_path: Path, service: Service) -> None:
    projects = service.projects(tmp_path, "short", tests="https://github.com/Kinto/")
    daemon = Daemon(tmp_path / "data", {"DOGDRIVER_PROJECTS": projects})
    await daemon.start()
    status, answer = await daemon.post("/api/v1/runs", {"project": "thing"})
    await daemon.end()
    assert status == 409
    assert "allowed_tests" in answer["error"]["message"]


async def test_bodies_that_cannot_be_taken(tmp_path: Path, service: Service) -> None:
    daemon = Daemon(tmp_path / "data", {"DOGDRIVER_PROJECTS": service.projects(tmp_path, "short")})
    await daemon.start()
    token = (tmp_path / "data" / "token").read_text().strip()
    right = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (b"not json", right, 400),
        (b"[]", right, 400),
        (b'{"project": "thing", "url": "https://evil"}', right, 422),
        (b'{"project": 5}', right, 422),
        (b"{}", right, 422),
        (b'{"project": "nothing"}', right, 404),
        (b'{"project": "thing", "deployment": "prod"}', right, 422),
        (b'{"project": "' + b"x" * 2_000_000 + b'"}', right, 413),
        (b"project=thing", {**right, "Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"project": "thing"}', {"Content-Type": "application/json"}, 401),
        (b'{"project": "thing"}', {**right, "Authorization": "Bearer wrong"}, 401),
    ]
    told = []
    async with aiohttp.ClientSession() as session:
        for body, headers, _ in cases:
            async with session.post(f"{daemon.url}/api/v1/runs", data=io.BytesIO(body), headers=headers) as answer:
                told.append((answer.status, json.loads(await answer.text())))
    assert not await daemon.runs("thing")
    await daemon.end()
    for (body, _, wanted), (status, document) in zip(cases, told, strict=True):
        assert status == wanted, (body[:60], status, document)
        assert set(document) == {"error"}
        assert document["error"]["message"]

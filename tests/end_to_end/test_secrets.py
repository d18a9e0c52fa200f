"""A daemon whose tests, git and uv say its secrets in every way: nothing that it keeps or shows has a piece of one."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.end_to_end.parts import Daemon

PASSWORD = "pW7-gWm2Kx9RvPz4Hc8Ls-Zx/nYd6Jt3Qf7BkUw5Xe-Wv"  # from the daemon's environment
SHOP_TOKEN = "t0ken-of-the-shop-hZr5Lq8NvGt3Yw6SjMp"  # in the projects file
INDEX = "uv-pass-rH4kZt7PxWn9Js"  # in the address of a package index
PIECE = 6  # characters: never digits or hex alone, which an id or a figure could show by chance
LOADTEST = """
import os
from molotov import scenario
SAID = os.environ["SHOP_PASSWORD"] + " " + os.environ["SHOP_TOKEN"]
print("." * 470 + SAID)

@scenario()
async def one(session):
    for path in (SAID, "x" * 90 + SAID):
        try:
            await session.get(os.environ["SHOP"] + "/" + path.replace(" ", "/"))
        except Exception:
            pass
    print((SAID + " ") * 100)

@scenario()
async def two(session):
    two.calls = getattr(two, "calls", 0) + 1
    if two.calls > 1:
        raise ValueError("." * (230 + 7 * (two.calls % 10)) + SAID)
"""
PROJECTS = """
[defaults]
schedule = "off"
guard = 1.0
stall = "60s"
{projects}
"""
PROJECT = """
[[project]]
name = "{name}"
isolation = "{isolation}"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "{folder}"
env = {{ SHOP = "{{endpoint}}", SHOP_TOKEN = "{token}" }}
env_from = ["SHOP_PASSWORD"]
"""


def pieces(data: bytes) -> set[str]:
    """The pieces of secrets in *data*."""
    text = data.decode("utf-8", "replace")
    return {
        secret[at : at + PIECE]
        for secret in (PASSWORD, SHOP_TOKEN, INDEX)
        for at in range(len(secret) - PIECE)
        if secret[at : at + PIECE] in text
    }


def repository(folder: Path, *, code: str = LOADTEST, requirements: str | None = None) -> Path:
    folder.mkdir()
    entry: dict[str, Any] = {"tests": {"dogdriver": {"workers": 1, "max_runs": 40, "duration": 30}}}
    if requirements:
        (folder / "requirements.txt").write_text(requirements)
        entry["requirements"] = "requirements.txt"
    (folder / "molotov.json").write_text(json.dumps({"molotov": entry}))
    (folder / "loadtest.py").write_text(code)
    return folder


@pytest.fixture(name="endpoint")
async def _endpoint() -> Any:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"version": "1.0"} if request.path == "/__version__" else {})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_no_piece_of_a_secret_gets_anywhere(tmp_path: Path, endpoint: str) -> None:
    fine = repository(tmp_path / "fine")
    broken = repository(tmp_path / "broken", code=LOADTEST + "raise ValueError('.' * 1170 + SAID)\n")
    index = f"--index-url http://uv:{INDEX}@127.0.0.1:1/simple\nnot-a-package-of-ours\n"
    private = repository(tmp_path / "private", requirements=index)
    made = {
        f"{folder.name}-{isolation}": {"isolation": isolation, "folder": folder}
        for folder in (fine, broken, private)
        for isolation in ("thread", "process")
    }
    tables = [PROJECT.format(name=n, endpoint=endpoint, token=SHOP_TOKEN, **more) for n, more in made.items()]
    projects = tmp_path / "projects.toml"
    projects.write_text(PROJECTS.format(projects="".join(tables)))
    environ = {"DOGDRIVER_PROJECTS": str(projects), "SHOP_PASSWORD": PASSWORD}
    daemon = Daemon(tmp_path / "data", environ)
    await daemon.start()
    try:
        for name in made:
            status, _ = await daemon.post("/api/v1/runs", {"project": name})
            assert status == 202
        runs = await _ended(daemon, len(made))
        assert {run["project"]: run["status"] for run in runs if run["project"].startswith("fine")} == {
            "fine-thread": "done", "fine-process": "done",
        }  # fmt: skip
        assert all(run["client"]["failures"] for run in runs if run["project"].startswith("fine"))
        reasons = {run["project"]: run["reason"] for run in runs}
        assert "ValueError" in reasons["broken-thread"]
        assert "requirements" in reasons["private-thread"]
        shown = json.dumps(runs).encode()
        async with aiohttp.ClientSession() as session:
            pages = [*(f"/r/{run['id']}" for run in runs), *(f"/p/{name}" for name in made)]
            for path in ("/", "/status", "/api/v1/status", *pages):
                async with session.get(daemon.url + path) as answer:
                    assert answer.status == 200, path
                    shown += await answer.read()
    finally:
        await daemon.end()
    assert not pieces(shown)
    exported = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dogdriver", "export", str(tmp_path / "export"),
        env={"PATH": os.defpath, "DOGDRIVER_DATA": str(daemon.data), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await exported.communicate()
    assert exported.returncode == 0
    kept = [path for path in daemon.data.iterdir() if path.is_file()]
    assert {path.name for path in kept} >= {"dogdriver.db", "log"}
    for file in (*kept, tmp_path / "export"):
        assert not pieces(file.read_bytes()), file.name
    assert {path.name for path in kept if stat.S_IMODE(path.stat().st_mode) != 0o600} <= {"log"}  # the test's own


async def _ended(daemon: Daemon, number: int) -> list[Any]:
    for _ in range(2400):  # a ceiling: loads of real processes take their time
        runs = (await daemon.get("/api/v1/runs?limit=100"))["runs"]
        if len(runs) == number and all(run["status"] not in {"queued", "running", "pending"} for run in runs):
            return list(runs)
        await asyncio.sleep(0.1)
    raise AssertionError(runs)

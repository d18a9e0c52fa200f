"""What signals do to a daemon, besides ending it at once."""

import asyncio
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from tests.end_to_end.parts import Daemon, answers
from tests.ports import free_port

PROJECT = """
[[project]]
name = "{name}"
[project.deployments]
stage = "http://127.0.0.1:9"
"""
IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, sys.argv[1:])
"""


async def _listed(daemon: Daemon) -> list[str]:
    return [project["name"] for project in (await daemon.get("/api/v1/projects"))["projects"]]


@pytest.mark.usefixtures("starts_processes")
async def test_sighup_reads_the_projects_again_and_the_end_is_told(tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    file.write_text(PROJECT.format(name="shop"))
    daemon = Daemon(tmp_path / "data", {"DOGDRIVER_PROJECTS": str(file)})
    try:
        await daemon.start()
        assert await _listed(daemon) == ["shop"]
        file.write_text(PROJECT.format(name="cart"))
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(120):
            while await _listed(daemon) != ["cart"]:
                await asyncio.sleep(0.05)
    finally:
        code = await daemon.end()
    assert code == 0, daemon.log
    assert daemon.log.rstrip().endswith("dogDriver has stopped")
    assert "Traceback" not in daemon.log


@pytest.mark.usefixtures("starts_processes")
async def test_closing_the_terminal_ends_it_in_an_orderly_way(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    port = free_port()
    log = tmp_path / "log"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOGDRIVER_", "DD_"))}  # noqa: TID251
    with log.open("w") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", IN_A_TERMINAL, sys.executable, "-m", "dogdriver",
            env={**kept, "DOGDRIVER_DATA": str(tmp_path / "data"), "DOGDRIVER_PORT": str(port)},
            stdin=theirs, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    os.close(theirs)
    await answers(f"http://127.0.0.1:{port}/__lbheartbeat__", process)
    os.close(ours)
    async with asyncio.timeout(180):
        code = await process.wait()
    assert code == 0, log.read_text()
    assert log.read_text().rstrip().endswith("dogDriver has stopped")

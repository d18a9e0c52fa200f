"""A daemon that may have 300 descriptors, and 400 connections that ask for nothing: it goes on answering."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import aiohttp
import pytest

from tests.end_to_end.parts import Daemon

LIMIT, IDLE, CHECKS = 300, 400, 50


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs util-linux' prlimit")
async def test_idle_connections_shut_out_no_health_check_and_fill_no_log(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    daemon = Daemon(tmp_path / "data", {}, prefix=("prlimit", f"--nofile={LIMIT}"))
    await daemon.start()
    idle: list[asyncio.StreamWriter] = []
    took: list[float] = []
    try:
        before = len(daemon.log)
        for number in range(IDLE):
            _, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
            idle.append(writer)
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: ")
            if number % (IDLE // CHECKS) == 0:
                began = perf_counter()
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{daemon.url}/__lbheartbeat__") as answer,
                ):
                    assert answer.status == 200
                took.append(perf_counter() - began)
        heartbeat = await daemon.get("/__heartbeat__")
        assert heartbeat["checks"]["database"] == "ok"
        said = daemon.log[before:]
    finally:
        for writer in idle:
            writer.close()
        code = await daemon.end()
    record_property("worst answer in ms", max(took) * 1000)
    assert len(took) == CHECKS
    assert "Traceback" not in said
    assert len(said) < 10_000
    assert code == 0

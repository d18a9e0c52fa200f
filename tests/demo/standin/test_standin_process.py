"""The stand-in in a process of its own."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from dogdriver.demo.standin import Delay
from dogdriver.demo.standin.__main__ import _delay, main


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dogdriver.demo.standin", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_prints_its_address_serves_and_ends_when_told_to(starts_processes: None) -> None:
    async with _process("--api-key", "k1", "--app-key", "k2", "--delay", "demo.=0") as (process, url):
        keys = {"DD-API-KEY": "k1", "DD-APPLICATION-KEY": "k2"}
        async with aiohttp.ClientSession(headers=keys, timeout=aiohttp.ClientTimeout(total=120)) as session:
            async with session.get(f"{url}/api/v1/validate") as answer:
                assert await answer.json() == {"valid": True}
            async with session.post(f"{url}/_fake/points", json={"points": [{"metric": "demo.a", "points": [[1, 2]]}]}):
                pass
            params = {"from": "0", "to": "10", "query": "demo.a{*}"}
            async with session.get(f"{url}/api/v1/query", params=params) as answer:
                assert (await answer.json())["series"][0]["pointlist"] == [[1000, 2.0]]
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


def test_a_delay_is_a_prefix_and_seconds() -> None:
    assert _delay("aws.=720") == ("aws.", Delay(720))
    assert _delay("=5+2.5") == ("", Delay(5, 2.5))


def test_a_bad_delay_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--delay", "aws.=soon"])
    assert "'aws.=soon' is not PREFIX=SECONDS or PREFIX=SECONDS+TRICKLE" in capsys.readouterr().err

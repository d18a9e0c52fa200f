"""A site on loopback, over a store in a directory of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.storage import open_store
from tests.web.seeded import START, TOKEN, Bench, Clock

Client = TestClient[web.Request, web.Application]


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "text/html"
    return await answer.text()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_store(tmp_path) as store:
        yield Bench(store)


@pytest.fixture(scope="session", name="kept_history")
def _kept_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the usual history, made once: judging takes its time."""
    data = tmp_path_factory.mktemp("history")

    async def make() -> None:
        async with open_store(data) as store:
            await Bench(store).history()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make()).result()
    return data


@pytest.fixture
async def told(kept_history: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    """The same as `bench`, with 18 runs of three releases, of which the last is slower."""
    data = tmp_path / "told"
    shutil.copytree(kept_history, data, ignore=shutil.ignore_patterns("*.lock", "lock"))
    async with open_store(data) as store:
        yield Bench(store, Clock(START + timedelta(hours=18)))


@pytest.fixture
async def reader(told: Bench) -> AsyncIterator[Client]:
    """Somebody without a token, where there is a history."""
    async with TestClient(TestServer(told.app())) as found:
        yield found


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[Client]:
    """Somebody without a token."""
    async with TestClient(TestServer(bench.app())) as found:
        yield found


@pytest.fixture
async def owner(bench: Bench) -> AsyncIterator[Client]:
    """Somebody with the token in every request."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(bench.app()), headers=headers) as found:
        yield found

"""A site on loopback, over a store in a directory of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.storage import open_store
from tests.web.seeded import START, TOKEN, Clock, SeededSite

Client = TestClient[web.Request, web.Application]


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "text/html"
    return await answer.text()


async def read(client: Client, path: str) -> Any:
    """The document at *path* of the API."""
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.json()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SeededSite]:
    async with open_store(tmp_path) as store:
        yield SeededSite(store)


@pytest.fixture(scope="session", name="kept_history")
def _kept_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the usual history, made once: judging takes its time."""
    data = tmp_path_factory.mktemp("history")

    async def make() -> None:
        async with open_store(data) as store:
            await SeededSite(store).history()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make()).result()
    return data


@pytest.fixture
async def seeded(kept_history: Path, tmp_path: Path) -> AsyncIterator[SeededSite]:
    """The same as `site`, with 18 runs of three releases, of which the last is slower."""
    data = tmp_path / "seeded"
    shutil.copytree(kept_history, data, ignore=shutil.ignore_patterns("*.lock", "lock"))
    async with open_store(data) as store:
        yield SeededSite(store, Clock(START + timedelta(hours=18)))


@pytest.fixture
async def reader(seeded: SeededSite) -> AsyncIterator[Client]:
    """Somebody without a token, where there is a history."""
    async with TestClient(TestServer(seeded.app())) as found:
        yield found


@pytest.fixture
async def client(site: SeededSite) -> AsyncIterator[Client]:
    """Somebody without a token."""
    async with TestClient(TestServer(site.app())) as found:
        yield found


@pytest.fixture
async def owner(site: SeededSite) -> AsyncIterator[Client]:
    """Somebody with the token in every request."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(site.app()), headers=headers) as found:
        yield found

"""A site on loopback, over a store in a directory of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.storage import open_store
from tests.web.seeded import TOKEN, Bench

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_store(tmp_path) as store:
        yield Bench(store)


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

"""A stand-in on a port of its own, a clock that stands still, and a client that knows the keys."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import settings

from dogdriver.demo.standin import Standin, serve_standin

API_KEY, APP_KEY = "the-api-key", "the-app-key"
BOTH = {"DD-API-KEY": API_KEY, "DD-APPLICATION-KEY": APP_KEY}
API_ONLY = {"DD-API-KEY": API_KEY}
EVENT = {"title": "Load test started", "text": "shop 1.2", "tags": ["project:shop", "step:start"]}
START = 1_700_000_000
UNHURRIED = settings(deadline=None)


class Clock:
    """Moves when told to."""

    def __init__(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(seconds, UTC)

    def __call__(self) -> datetime:
        return self._now

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    @property
    def seconds(self) -> float:
        return self._now.timestamp()


class Client:
    """Asks a stand-in as somebody with both keys."""

    def __init__(self, standin: Standin, session: aiohttp.ClientSession) -> None:
        self._standin = standin
        self.session = session

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        """(status, JSON or text, the answer itself)."""
        sent = BOTH if headers is None else headers
        async with self.session.request(method, self._standin.url + path, headers=sent, **options) as answer:
            kind = answer.headers.get("Content-Type", "")
            json_like = "json" in kind and await answer.read()
            return answer.status, await answer.json(content_type=None) if json_like else await answer.text(), answer

    async def query(self, text: str, start: int = START - 1200, end: int = START) -> Any:
        status, body, _ = await self.send("GET", "/api/v1/query", params={"from": start, "to": end, "query": text})
        assert status == 200, body
        return body


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(START)


@pytest.fixture(name="standin")
async def _standin(clock: Clock) -> AsyncIterator[Standin]:
    async with serve_standin(clock, api_key=API_KEY, app_key=APP_KEY) as standin:
        yield standin


@pytest.fixture(name="client")
async def _client(standin: Standin) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        yield Client(standin, session)

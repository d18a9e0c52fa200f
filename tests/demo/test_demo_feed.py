import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.demo.feed import Feed, deliver_each_second
from dogdriver.demo.meter import Meter, Usage

SERIES = [{"metric": "m", "points": [{"timestamp": 1, "value": 2.0}]}]


class Datadog:
    """Takes series; *statuses* are what it answers first."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.keys: set[str | None] = set()
        self.statuses: list[int] = []
        self.several = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append((await request.json())["series"])
        self.keys.add(request.headers.get("DD-API-KEY"))
        if len(self.bodies) >= 2:
            self.several.set()
        return web.json_response({"errors": []}, status=self.statuses.pop(0) if self.statuses else 202)


@pytest.fixture
def datadog() -> Datadog:
    return Datadog()


@pytest.fixture
async def feed(datadog: Datadog) -> AsyncIterator[Feed]:
    app = web.Application()
    app.router.add_post("/api/v2/series", datadog.take)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Feed(session, str(server.make_url("")).rstrip("/"), "k" * 32)


async def test_the_series_arrive_with_the_key(feed: Feed, datadog: Datadog) -> None:
    await feed.deliver(SERIES)

    assert datadog.bodies == [SERIES]
    assert datadog.keys == {"k" * 32}


async def test_a_refusal_is_tried_once_more(feed: Feed, datadog: Datadog, caplog: pytest.LogCaptureFixture) -> None:
    datadog.statuses = [503]

    await feed.deliver(SERIES)

    assert len(datadog.bodies) == 2
    assert not caplog.records


async def test_a_datadog_that_is_away_is_one_warning_and_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with aiohttp.ClientSession() as session:
        away = Feed(session, "http://127.0.0.1:9", "k" * 32)
        for _ in range(3):
            await away.deliver(SERIES)

    assert len(caplog.records) == 1
    assert "k" * 32 not in caplog.text


async def test_each_second_is_delivered_once(feed: Feed, datadog: Datadog) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    steps = iter(range(1, 1000))

    def clock() -> datetime:  # every look finds the clock half a second further, and a hair before the whole second
        return datetime.fromtimestamp(begin + next(steps) * 0.4999, UTC)

    meter = Meter("parcels", "demo", "parcels-1", closed=begin, usage=Usage(0, 0, 0))
    delivering = asyncio.create_task(deliver_each_second(meter, feed, clock))
    await asyncio.wait_for(datadog.several.wait(), 120)
    delivering.cancel()

    seconds = [{s["points"][0]["timestamp"] for s in body} for body in datadog.bodies[:2]]
    assert all(len(of_one_body) == 1 for of_one_body in seconds)
    assert seconds[0] != seconds[1]

"""Answers are kept for one state of the data, and for that alone."""

import asyncio
import math

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model import Catalog
from dogdriver.web.cache import Content, ResponseCache, encode
from tests.web.conftest import Client
from tests.web.seeded import START, FixedCatalog, SeededSite, ended_run, project


class Counter:
    """An application whose one answer counts how often it was made."""

    def __init__(self, site: SeededSite, *, most_bytes: int = 1000, max_age: float = math.inf) -> None:
        self.made = 0
        self.max_age = max_age
        self.now = 0.0
        self.hold: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.cache = ResponseCache(site.store, site.catalog, most_bytes=most_bytes, now=lambda: self.now)
        self.app = web.Application()
        self.app.router.add_get("/{name}", self.answer)

    async def answer(self, request: web.Request) -> web.Response:
        async def build() -> Content:
            self.made += 1
            self.begun.set()
            if self.hold:
                await self.hold.wait()
            return Content(b"x" * 100, self.max_age)

        return await self.cache.respond(request, build)


async def test_an_answer_is_made_once_until_something_is_written(site: SeededSite) -> None:
    counter = Counter(site)
    async with TestClient(TestServer(counter.app)) as client:
        for _ in range(3):
            await client.get("/a")
        assert counter.made == 1
        await client.get("/a?x=1")
        assert counter.made == 2
        await site.store.state.set("x", 1)
        await client.get("/a")
        assert counter.made == 3
        site.catalog.current = Catalog({})
        await client.get("/a")
        assert counter.made == 4


async def test_what_does_not_hold_is_made_each_time(site: SeededSite) -> None:
    counter = Counter(site, max_age=0.0)
    async with TestClient(TestServer(counter.app)) as client:
        await client.get("/a")
        await client.get("/a")
    assert counter.made == 2


async def test_what_holds_for_a_second_is_made_again_after_it(site: SeededSite) -> None:
    counter = Counter(site, max_age=1.0)
    async with TestClient(TestServer(counter.app)) as client:
        await client.get("/a")
        counter.now = 0.9
        await client.get("/a")
        assert counter.made == 1
        counter.now = 1.0
        await client.get("/a")
        assert counter.made == 2


async def test_what_is_kept_has_a_bound_and_the_least_used_goes_first(site: SeededSite) -> None:
    counter = Counter(site, most_bytes=350)
    async with TestClient(TestServer(counter.app)) as client:
        for name in "abc":
            await client.get(f"/{name}")
        await client.get("/a")
        await client.get("/d")
        assert counter.made == 4
        await client.get("/a")
        assert counter.made == 4
        await client.get("/b")
        assert counter.made == 5


async def test_a_crowd_asks_once(site: SeededSite) -> None:
    counter = Counter(site)
    counter.hold = asyncio.Event()
    async with TestClient(TestServer(counter.app)) as client:
        crowd = [asyncio.ensure_future(client.get("/a")) for _ in range(10)]
        await counter.begun.wait()
        counter.hold.set()
        for answer in await asyncio.gather(*crowd):
            assert answer.status == 200
    assert counter.made == 1


async def test_what_was_made_while_somebody_wrote_is_not_kept(site: SeededSite) -> None:
    counter = Counter(site)
    counter.hold = asyncio.Event()
    async with TestClient(TestServer(counter.app)) as client:
        asked = asyncio.ensure_future(client.get("/a"))
        await counter.begun.wait()
        await site.store.state.set("x", 1)
        await site.store.state.set("x", 2)
        counter.hold.set()
        await asked
        await client.get("/a")
    assert counter.made == 2


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/projects", "/p/kintowe", "/api/projects"])
async def test_a_browser_that_has_it_gets_no_body(site: SeededSite, client: Client, path: str) -> None:
    first = await client.get(path)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    for tags in (etag, f'"other", W/{etag}', "*"):
        again = await client.get(path, headers={"If-None-Match": tags})
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status == 200
    await site.store.state.set("x", 1)  # a write that changes nothing of this answer leaves its tag as it is
    assert (await client.get(path, headers={"If-None-Match": etag})).status == 304
    await site.keep(ended_run("1" * 32, "kintowe", START, "1.0.0"))
    assert (await client.get(path, headers={"If-None-Match": etag})).status == 200


async def test_a_page_for_who_is_signed_in_is_another_one(site: SeededSite) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(project("kintowe")))
    async with TestClient(TestServer(again.app())) as client:
        headers = {"Authorization": "Bearer a-token-for-tests-0123456789"}
        assert "Run now" not in await (await client.get("/p/kintowe")).text()
        assert "Run now" in await (await client.get("/p/kintowe", headers=headers)).text()
        assert "Run now" not in await (await client.get("/p/kintowe")).text()


def test_what_is_not_finite_is_null() -> None:
    assert (
        encode({"a": float("nan"), "b": float("inf"), "c": START}) == b'{"a":null,"b":null,"c":"2026-05-04T12:00:00Z"}'
    )

"""Answers are compressed for who takes that; each form has an ETag of its own."""

import gzip

import pytest
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer

from tests.web.seeded import SeededSite

PATHS = ("/", "/p/kintowe", "/api/v1/projects", "/api/v1/series/kintowe/art", "/static/site.css", "/static/charts.js")


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_compressed_is_the_same_and_smaller(seeded: SeededSite, path: str) -> None:
    async with (
        TestServer(seeded.app()) as server,
        ClientSession(auto_decompress=False, cookie_jar=DummyCookieJar()) as client,
    ):
        address = server.make_url(path)
        async with client.get(address, headers={"Accept-Encoding": "br, gzip;q=0.5"}) as answer:
            packed, headers = await answer.read(), answer.headers
        async with client.get(address, headers={"Accept-Encoding": "identity, gzip;q=0"}) as answer:
            plain, others = await answer.read(), answer.headers
        assert headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in others
        assert gzip.decompress(packed) == plain
        assert len(packed) < len(plain) / 2
        assert "Accept-Encoding" in headers["Vary"]
        assert headers["Content-Type"] == others["Content-Type"]
        assert headers["ETag"] != others["ETag"]
        for tag, status in ((headers["ETag"], 304), (others["ETag"], 200)):
            given = {"Accept-Encoding": "gzip", "If-None-Match": tag}
            async with client.get(address, headers=given) as answer:
                assert answer.status == status
                assert len(await answer.read()) == (0 if status == 304 else len(packed))


async def test_what_is_small_is_sent_as_it_is(seeded: SeededSite) -> None:
    async with TestServer(seeded.app()) as server, ClientSession(auto_decompress=False) as client:
        answer = await client.get(server.make_url("/static/icon.svg"), headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers
        assert answer.content_type == "image/svg+xml"

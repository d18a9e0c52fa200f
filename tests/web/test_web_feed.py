"""Feeds and badges: what stands of releases, for readers and READMEs."""

from xml.etree import ElementTree as ET

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.web.badge import drawn
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(text: str) -> list[tuple[str, str]]:
    feed = ET.fromstring(text)  # noqa: S314 - our own
    return [(one.findtext(f"{ATOM}id") or "", one.findtext(f"{ATOM}title") or "") for one in feed.iter(f"{ATOM}entry")]


async def get(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


@pytest.mark.parametrize("path", ["/feed.atom", "/p/kintowe/feed.atom"])
async def test_a_feed_has_an_entry_for_each_release_that_stands(seeded: SeededSite, path: str) -> None:
    async with TestClient(TestServer(seeded.app())) as client:
        text = await get(client, path)
        found = entries(text)
        assert [title for _, title in found][:1] == ["kintowe 1.2.0 (stage): slower"]
        assert len({identity for identity, _ in found}) == len(found)
        assert entries(await get(client, path)) == found
        answer = await client.get(path)
        assert answer.content_type == "application/atom+xml"
        assert "ETag" in answer.headers


async def test_a_badge_says_since_when(seeded: SeededSite) -> None:
    async with TestClient(TestServer(seeded.app())) as client:
        answer = await client.get("/badge/kintowe.svg")
        assert answer.content_type == "image/svg+xml"
        assert "ETag" in answer.headers
        assert "kintowe: slower since 1.2.0" in await answer.text()
        assert "not yet" in await get(client, "/badge/kintowe.svg?deployment=prod")
        assert (await client.get("/badge/nobody.svg")).status == 404


async def test_where_reading_is_closed_nobody_guesses_the_address(seeded: SeededSite) -> None:
    async with TestClient(TestServer(seeded.app(private=True))) as client:
        page = await (await client.get("/p/kintowe", headers={"Authorization": f"Bearer {TOKEN}"})).text()
        for path in ("/p/kintowe/feed.atom", "/badge/kintowe.svg"):
            address = page.split(f'href="{path}')[1].split('"')[0]
            assert len(address) == len("?key=") + 32
            assert (await client.get(path + address)).status == 200
            for wrong in ("", "?key=x", f"?key={'0' * 32}"):
                assert (await client.get(path + wrong, allow_redirects=False)).status in {303, 401}
            assert (await client.get("/p/kintowe" + address, allow_redirects=False)).status == 303


async def test_where_reading_is_open_the_page_has_plain_addresses(seeded: SeededSite) -> None:
    async with TestClient(TestServer(seeded.app())) as client:
        assert 'href="/p/kintowe/feed.atom"' in await get(client, "/p/kintowe")


def test_a_name_is_no_markup() -> None:
    svg = drawn("<script>&", [])
    assert "<script>" not in svg
    ET.fromstring(svg)  # noqa: S314 - our own

"""Atom (RFC 4287): the verdicts that stand, an entry a release."""

import uuid
from collections.abc import Iterable
from urllib.parse import quote
from xml.etree import ElementTree as ET

from aiohttp import web

from dogdriver.model.document import moment
from dogdriver.reports.feed import Entry, standing_releases
from dogdriver.web.cache import Content
from dogdriver.web.keys import ACCESS, CACHE, REPORTS, STORE
from dogdriver.web.requests import read_query, text_parameter

ATOM = "http://www.w3.org/2005/Atom"
KIND = "application/atom+xml"
MOST = 50
KEY = text_parameter("key", "What makes the address one that nobody can guess, where reading is closed.")


def routes() -> list[web.RouteDef]:
    return [web.get("/feed.atom", all_projects), web.get("/p/{project}/feed.atom", one_project)]


async def all_projects(request: web.Request) -> web.StreamResponse:
    return await _answer(request, await request.app[REPORTS].selections.names(), "dogDriver: verdicts")


async def one_project(request: web.Request) -> web.StreamResponse:
    name = request.match_info["project"]
    return await _answer(request, [name], f"dogDriver: verdicts on {name}")


async def _answer(request: web.Request, names: Iterable[str], title: str) -> web.StreamResponse:
    read_query(request, (KEY,))
    selections, store = request.app[REPORTS].selections, request.app[STORE]
    base = request.app[ACCESS].public_address(request)

    async def build() -> Content:
        entries: list[Entry] = []
        for name in names:
            usual = await selections.find(name)
            for deployment in usual.deployments:
                entries += await standing_releases(store, await selections.find(name, deployment=deployment))
        newest = sorted(entries, key=lambda one: one.at, reverse=True)[:MOST]
        return Content(document(newest, title, base, request.path))

    return await request.app[CACHE].respond(request, build, kind=KIND, variant=base)


def document(entries: Iterable[Entry], title: str, base: str, path: str) -> bytes:
    """*base* is the address of this dogDriver, *path* the feed's own."""
    entries = list(entries)
    feed = ET.Element("feed", xmlns=ATOM)
    _add(feed, "id", base + path)
    _add(feed, "title", title)
    _add(feed, "updated", str(moment(entries[0].at)) if entries else "1970-01-01T00:00:00Z")
    ET.SubElement(feed, "link", rel="self", href=base + path)
    _add(ET.SubElement(feed, "author"), "name", "dogDriver")
    for one in entries:
        entry = ET.SubElement(feed, "entry")
        place = f"{one.project}\n{one.deployment}\n{one.test}\n{one.source}\n{one.release}"
        _add(entry, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, place)}")
        _add(entry, "title", f"{one.project} {one.release} ({one.deployment}): {one.headline.replace('_', ' ')}")
        _add(entry, "updated", str(moment(one.at)))
        _add(entry, "summary", one.sentence)
        query = f"deployment={quote(one.deployment, safe='')}&release={quote(one.release, safe='')}"
        ET.SubElement(entry, "link", href=f"{base}/p/{quote(one.project, safe='')}?{query}")
    text: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def _add(parent: ET.Element, name: str, text: str) -> None:
    """Characters that no XML may hold are left out."""
    words = "".join(one for one in text if one in "\t\n" or one.isprintable())
    ET.SubElement(parent, name).text = words

"""The read API of the first dogDriver, document for document, so that its clients keep working."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from dogdriver.model import UNKNOWN, Point, Status
from dogdriver.reports.project import Reports, direction
from dogdriver.reports.scope import Selection
from dogdriver.verdict.comparability import counts
from dogdriver.web.cache import Content, encode
from dogdriver.web.keys import CACHE, REPORTS
from dogdriver.web.requests import read_query, text_parameter

ROOTS = ("/api", "/dogdriver/api")
MOST_POINTS = 10_000
SOURCE = text_parameter("source", "Where the load came from; without it, and for `None`, the best source.")
WORSE_WHEN_UP = frozenset({"cpu", "art"})
GOOD, BAD, EQUAL = (f'<span class="trend{word}">{{}}</span>' for word in ("Good", "Bad", "Eq"))
"""The first dogDriver answers its trend as a piece of HTML; these are all there are, and no name is in them."""


def routes() -> list[web.RouteDef]:
    return [
        route
        for root in ROOTS
        for route in (
            web.get(f"{root}/projects", projects),
            web.get(f"{root}/trend/{{project}}", trend),
            web.get(f"{root}/runs/{{project}}/{{metric}}", runs),
        )
    ]


async def projects(request: web.Request) -> web.StreamResponse:
    """`{"projects": [{"name", "sources", "best_source"}]}`."""
    read_query(request, ())
    reports = request.app[REPORTS]

    async def build() -> Content:
        documents = []
        for name in await reports.selections.names():
            sources = await reports.selections.all_sources(name)
            documents.append({"name": name, "sources": list(sources), "best_source": sources[0] if sources else None})
        return Content(encode({"projects": documents}))

    return await request.app[CACHE].respond(request, build)


async def trend(request: web.Request) -> web.StreamResponse:
    """`{"trend"}` of RPS."""
    source = _source(request)
    reports = request.app[REPORTS]

    async def build() -> Content:
        selection = await reports.selections.find(request.match_info["project"], source=source)
        there = [metric.name for metric in selection.metrics if metric.name.lower() == "rps"]
        name = there[0] if there else "client.rps"
        return Content(encode({"trend": await _trend(reports, selection, name)}))

    return await request.app[CACHE].respond(request, build)


async def runs(request: web.Request) -> web.StreamResponse:
    """`{"data": [{"value", "label", "release"}], "trend"}`, oldest first.

    *label* is the start in unix seconds, as text; *release* is empty where it is the one before, or unknown.
    """
    source = _source(request)
    reports = request.app[REPORTS]

    async def build() -> Content:
        selection = await reports.selections.find(request.match_info["project"], source=source)
        metric = selection.metric(request.match_info["metric"])
        points = await reports.history.points(selection, metric.name, limit=MOST_POINTS)
        found = await _trend(reports, selection, metric.name)
        return Content(encode({"data": _data(points), "trend": found}))

    return await request.app[CACHE].respond(request, build)


def _source(request: web.Request) -> str | None:
    source = read_query(request, (SOURCE,)).get("source")
    return None if source == "None" else source


def _data(points: Iterable[Point]) -> list[dict[str, Any]]:
    data, previous = [], None
    for point in points:
        if point.excluded or not (counts(point) or point.status is Status.DONE):
            continue
        version = "" if point.release == UNKNOWN else point.release
        release = "" if version == previous else version
        data.append({"value": point.value, "label": str(int(point.at.timestamp())), "release": release})
        previous = version
    return data


async def _trend(reports: Reports, selection: Selection, name: str) -> str:
    card = (await reports.history.cards(selection)).get(name)
    found = card.trend if card else None
    return arrow(direction(found) if found else None, up_is_bad=name.lower() in WORSE_WHEN_UP)


def arrow(up_or_down: str | None, *, up_is_bad: bool) -> str:
    """The trend as the first dogDriver wrote it; what cannot be told was no trend to it."""
    if up_or_down == "up":
        return (BAD if up_is_bad else GOOD).format("⇧")
    if up_or_down == "down":
        return (GOOD if up_is_bad else BAD).format("⬇")
    return EQUAL.format("≈")

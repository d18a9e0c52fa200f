"""A badge for a README: what stands of the newest release, as a small SVG."""

from html import escape

from aiohttp import web

from dogdriver.model import Headline
from dogdriver.reports.feed import Entry, standing_releases
from dogdriver.web.cache import Content
from dogdriver.web.feed import KEY
from dogdriver.web.keys import CACHE, REPORTS, STORE
from dogdriver.web.requests import read_query, text_parameter

SVG = "image/svg+xml"
COLOURS = {Headline.SLOWER: "#b3261e", Headline.MIXED: "#8a5a00", Headline.FASTER: "#1b6e3c"}
GREY = "#555"
LETTER = 6.6  # pixels a letter of 11 px takes
LONGEST = 60
DEPLOYMENT = text_parameter("deployment", "One deployment; else the project's usual one.")


def routes() -> list[web.RouteDef]:
    return [web.get("/badge/{project}.svg", badge)]


async def badge(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, (KEY, DEPLOYMENT))
    name, deployment = request.match_info["project"], wanted.get("deployment")

    async def build() -> Content:
        selection = await request.app[REPORTS].selections.find(name, deployment=deployment)
        entries = await standing_releases(request.app[STORE], selection)
        return Content(drawn(name if deployment is None else f"{name} {deployment}", entries).encode())

    response = await request.app[CACHE].respond(request, build, kind=SVG)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it stands in other sites' pages
    return response


def drawn(left: str, entries: list[Entry]) -> str:
    """*entries* have the newest release first; since the first of those in a row that say the same."""
    right, colour = "not yet", GREY
    if entries:
        word = entries[0].headline
        same = next((place for place, one in enumerate(entries) if one.headline is not word), len(entries))
        said = str(word).replace("_", " ") if word is not Headline.UNDECIDED else "look at it"
        right, colour = f"{said} since {entries[same - 1].release}", COLOURS.get(word, GREY)
    left, right = left[:LONGEST], right[:LONGEST]
    first, second = (round(12 + LETTER * len(text)) for text in (left, right))
    words = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img" aria-label="{words}">'
        f"<title>{words}</title>"
        f'<rect width="{first + second}" height="20" rx="3" fill="#333"/>'
        f'<rect x="{first}" width="{second}" height="20" rx="3" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{first / 2:g}" y="14">{escape(left)}</text>'
        f'<text x="{first + second / 2:g}" y="14">{escape(right)}</text></g></svg>'
    )

"""The buttons of a project's page that pause and resume it."""

from aiohttp import web

from dogdriver.errors import BadInput
from dogdriver.web.auth import ACTOR
from dogdriver.web.keys import ACCESS, COMMANDS
from dogdriver.web.pages.parts import project_url
from dogdriver.web.requests import read_form


async def pause_project(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    reason = (await read_form(request, ("reason",))).get("reason", "").strip()
    if not reason:
        raise BadInput("the reason is missing; say in a few words why nothing should be loaded")
    name = request.match_info["project"]
    await request.app[COMMANDS].pause(name, until=None, reason=reason, by=request[ACTOR].name)
    raise web.HTTPSeeOther(project_url(name))


async def resume_project(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    await read_form(request, ())
    name = request.match_info["project"]
    await request.app[COMMANDS].resume(name)
    raise web.HTTPSeeOther(project_url(name))


def routes() -> list[web.RouteDef]:
    return [
        web.post("/p/{project}/pause", pause_project),
        web.post("/p/{project}/resume", resume_project),
    ]

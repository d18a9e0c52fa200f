"""What it takes to run a project's test somewhere else: the question that a one-shot client asks."""

import msgspec
from aiohttp import web

from dogdriver.errors import Conflict, NotFound
from dogdriver.web.cache import json_response
from dogdriver.web.keys import site_of
from dogdriver.web.requests import read_query


async def project_test(request: web.Request) -> web.StreamResponse:
    """For who may write alone: a test's variables are not for everybody."""
    site = site_of(request)
    site.access.require(request)
    read_query(request, ())
    name = request.match_info["project"]
    entry = site.catalog.current.projects.get(name)
    if entry is None:
        raise NotFound(f"there is no project {name} to run; GET /api/v1/projects lists those there are")
    if entry.test is None:
        raise Conflict(f"{name} has no test that can be run; give it one in ServiceBook or the projects file")
    if not entry.allowed:
        raise Conflict(f"the test of {name} is not among the allowed ones; add a pattern to the projects file")
    places = [{"name": place.name, "endpoint": place.endpoint} for place in entry.deployments]
    return json_response(
        {"project": {"name": entry.name, "deployments": places, "test": msgspec.to_builtins(entry.test)}}
    )

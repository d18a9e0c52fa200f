"""The calls that pause and resume one project or all."""

from typing import Any

from aiohttp import web

from dogdriver.errors import Invalid
from dogdriver.model.document import moment
from dogdriver.model.pause import Pause
from dogdriver.web.auth import ACTOR
from dogdriver.web.cache import json_response
from dogdriver.web.keys import ACCESS, COMMANDS
from dogdriver.web.requests import read_body, read_query, time_parameter

UNTIL = time_parameter("until", "When it ends by itself.")


async def pause(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    body = await read_body(request, ("project", "until", "reason"), required=("reason",))
    until = None
    if body.get("until") is not None:
        try:
            until = UNTIL.read(body["until"])
        except ValueError as error:
            raise Invalid(f"until must be {error}") from None
    kept = await request.app[COMMANDS].pause(
        body.get("project"), until=until, reason=body["reason"], by=request[ACTOR].name
    )
    return json_response({"paused": pause_document(kept)})


async def resume(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    body = await read_body(request, ("project",))
    return json_response({"paused": pause_document(await request.app[COMMANDS].resume(body.get("project")))})


def pause_document(one: Pause) -> dict[str, Any]:
    return {"project": one.project, "until": moment(one.until), "reason": one.reason, "by": one.by}

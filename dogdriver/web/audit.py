"""What changes something is kept: who, what, when, from where; and a line of log for each."""

import logging
from http import HTTPStatus
from urllib.parse import unquote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dogdriver.errors import StoreError
from dogdriver.model.audit import Change
from dogdriver.model.text import shortened
from dogdriver.web.auth import ACTOR, SAFE
from dogdriver.web.cache import json_response
from dogdriver.web.client import client_address
from dogdriver.web.keys import ACCESS, CLOCK, STORE
from dogdriver.web.mount import route_of
from dogdriver.web.requests import integer_parameter, read_query

LOG = logging.getLogger(__name__)
LONGEST = 200  # characters of a subject
LIMIT = integer_parameter("limit", 1, 1000, 100, "The most that are answered.")


@web.middleware
async def keep_changes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A request that somebody may make, and that is answered well, is on the list."""
    try:
        response = await handler(request)
    except web.HTTPRedirection as answer:  # a form leads back
        await _keep(request, answer.headers.get(hdrs.LOCATION))
        raise
    if response.status < HTTPStatus.BAD_REQUEST:
        await _keep(request, response.headers.get(hdrs.LOCATION))
    return response


async def changes(request: web.Request) -> web.StreamResponse:
    """`{"changes": [{"at", "who", "what", "subject", "address"}]}`, newest first."""
    request.app[ACCESS].identify(request)
    limit = read_query(request, (LIMIT,)).get("limit", LIMIT.schema["default"])
    found = await request.app[STORE].audit.newest(limit)
    return json_response({"changes": found})


async def _keep(request: web.Request, location: str | None) -> None:
    actor = request.get(ACTOR)
    if request.method in SAFE or actor is None:
        return
    what = f"{request.method} {route_of(request) or request.path}"
    named = next(iter(request.match_info.values()), "") or unquote((location or "").rpartition("/")[2])
    change = Change(
        request.app[CLOCK](), actor.name, what, shortened(named, LONGEST), shortened(client_address(request), LONGEST)
    )
    LOG.info("%s changed something: %s %s, from %s", change.who, change.what, change.subject, change.address)
    try:
        await request.app[STORE].audit.add(change)
    except StoreError as error:
        LOG.error("that %s has changed something is in this log alone: %s", change.who, error.message)  # noqa: TRY400

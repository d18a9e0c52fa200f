"""/_fake/…: the same handles that a test in this process has, for one in another process."""

import json
from typing import Any

from aiohttp import web

from dogdriver.demo.standin.errors import BadRequest
from dogdriver.demo.standin.outage import as_json
from dogdriver.demo.standin.points import Delay
from dogdriver.demo.standin.routes import API_HEADER, APP_HEADER, body_of
from dogdriver.demo.standin.state import STANDIN, Gaps, ReceivedRequest, Standin

PREFIX = "/_fake/"
_HIDDEN = frozenset({API_HEADER.lower(), APP_HEADER.lower()})


async def requests(request: web.Request) -> web.Response:
    """`{"requests": [...], "leaks": [...]}`; keys are told by whether they are the right ones."""
    standin = request.app[STANDIN]
    return as_json({"requests": [_shown(standin, received) for received in standin.requests], "leaks": standin.leaks})


async def forget(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    standin.requests.clear()
    standin.leaks.clear()
    return as_json({})


async def mode(request: web.Request) -> web.Response:
    """`{"mode": "502", "times": 3, "path": "/api/v1/query"}`, a list of such for a script, `{"mode": "ok"}` to end;
    with them `gaps`, `parse_error_status`, `delays: {prefix: seconds or [seconds, trickle]}`."""
    standin = request.app[STANDIN]
    body = await _json(request)
    try:
        for one in body if isinstance(body, list) else [body]:
            _apply(standin, dict(one))
    except (TypeError, ValueError) as error:
        return as_json({"errors": [str(error)]}, 400)
    return as_json({})


async def points(request: web.Request) -> web.Response:
    """`{"points": [{metric, points: [[seconds, value]], tags?, host?, visible_at?, kind?, unit?, interval?}]}`."""
    standin = request.app[STANDIN]
    body = await _json(request)
    try:
        for one in body["points"]:
            standin.points.add(one.pop("metric"), [(at, value) for at, value in one.pop("points")], **one)
    except (KeyError, TypeError, ValueError) as error:
        return as_json({"errors": [f"points: {error}"]}, 400)
    return as_json({})


async def events(request: web.Request) -> web.Response:
    """`{"events": [...]}`: all of them at once, in the order in which they came."""
    return as_json({"events": [event.listed() for event in request.app[STANDIN].events]})


def _apply(standin: Standin, options: dict[str, Any]) -> None:
    if "gaps" in options:
        standin.gaps = Gaps(options.pop("gaps"))
    if "parse_error_status" in options:
        standin.parse_error_status = int(options.pop("parse_error_status"))
    for prefix, delay in dict(options.pop("delays", {})).items():
        standin.points.delays[prefix] = Delay(*delay) if isinstance(delay, list) else Delay(float(delay))
    if "mode" in options:
        standin.mode(options.pop("mode"), **options)
    elif options:
        raise ValueError(f"unknown: {', '.join(sorted(options))}")


def _shown(standin: Standin, received: ReceivedRequest) -> dict[str, Any]:
    keys = {API_HEADER.lower(): standin.api_key, APP_HEADER.lower(): standin.app_key}
    headers = {
        name: ("right" if value == keys[name.lower()] else "wrong") if name.lower() in _HIDDEN else value
        for name, value in received.headers.items()
    }
    try:
        body = json.loads(received.body) if received.body else None
    except ValueError:
        body = {"__raw__": received.body.decode(errors="replace")}
    return {
        "at": received.at,
        "method": received.method,
        "path": received.path,
        "query": dict(received.query),
        "headers": headers,
        "body": body,
        "status": received.status,
    }


async def _json(request: web.Request) -> Any:
    try:
        return await body_of(request)
    except BadRequest as error:
        raise web.HTTPBadRequest(text=str(error)) from error


CONTROL = (
    web.get(f"{PREFIX}requests", requests),
    web.delete(f"{PREFIX}requests", forget),
    web.post(f"{PREFIX}mode", mode),
    web.post(f"{PREFIX}points", points),
    web.get(f"{PREFIX}events", events),
)

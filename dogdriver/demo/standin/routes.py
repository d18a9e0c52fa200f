"""Datadog's addresses; each handler does what the recordings show."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from dogdriver.demo.standin.answers import parse_error, timeseries
from dogdriver.demo.standin.budget import EVENT_STREAM, GLOBAL, QUERY
from dogdriver.demo.standin.errors import BadRequest, EventError, QueryError
from dogdriver.demo.standin.formulas import scalar
from dogdriver.demo.standin.formulas import timeseries as timeseries_v2
from dogdriver.demo.standin.intake import (
    UNPACKED_BYTES,
    V1_BYTES,
    V2_BYTES,
    submit_v1,
    submit_v2,
)
from dogdriver.demo.standin.monitors import check_monitor, made_monitor
from dogdriver.demo.standin.outage import as_json, forbidden
from dogdriver.demo.standin.state import STANDIN, Gaps, Standin

Handler = Callable[[web.Request], Awaitable[web.Response]]
API_HEADER, APP_HEADER = "DD-API-KEY", "DD-APPLICATION-KEY"


def guarded(handler: Handler, *, both_keys: bool = False, limit: str | None = None) -> Handler:
    """*handler* behind the checks of its endpoint: keys (the API key alone, or both), then the budget *limit*."""

    async def answer(request: web.Request) -> web.Response:
        standin = request.app[STANDIN]
        refusal = _refusal(standin, request, both_keys=both_keys)
        if refusal is not None:
            return refusal
        allowance = standin.budget.spend(limit, standin.now) if limit else None
        if allowance is not None and not allowance.granted:
            return as_json({"errors": [allowance.sentence]}, 429, headers=allowance.headers)
        try:
            response = await handler(request)
        except BadRequest as error:
            response = as_json({"errors": [str(error)]}, 400)
        if allowance is not None:
            response.headers.update(allowance.headers)
        return response

    return answer


def _refusal(standin: Standin, request: web.Request, *, both_keys: bool) -> web.Response | None:
    given = request.headers.get(API_HEADER)
    if given is None:
        return as_json({"errors": ["API key required"]}, 403)
    if given != standin.api_key or (both_keys and request.headers.get(APP_HEADER) != standin.app_key):
        return forbidden()
    return None


async def body_of(request: web.Request) -> Any:
    """The JSON of a request. Raises BadRequest."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise BadRequest("Payload is not in the expected format: not JSON") from error


async def validate(_request: web.Request) -> web.Response:
    return as_json({"valid": True})


async def query(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    start, end = _seconds(request, "from"), _seconds(request, "to")
    text = request.query.get("query")
    if not text:
        raise BadRequest("Parameter query is required")
    if start >= end:
        raise BadRequest("Parameter from must be less than parameter to")
    try:
        body = timeseries(standin.points, text, start, end, standin.now, nulls=standin.gaps is Gaps.NULL)
    except QueryError as error:
        if standin.parse_error_status != web.HTTPOk.status_code:
            return as_json({"errors": [str(error)]}, standin.parse_error_status)
        return as_json(parse_error(text, start, end, str(error)))
    return as_json(body)


async def post_event(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    try:
        event = standin.events.post(await body_of(request), standin.now)
    except EventError as error:
        return as_json({"errors": [str(error)]}, 400, content="text/plain; charset=utf-8")
    return as_json({"status": "ok", "event": event.receipt()}, 202)


async def get_event(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    event = standin.events.find(request.match_info["event"], standin.now)
    if event is None:
        return as_json({"errors": ["No event matches that event_id."]}, 404)
    return as_json({"event": event.details()})


async def list_events(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    tags = [tag for tag in request.query.get("tags", "").split(",") if tag]
    found = standin.events.between(
        _seconds(request, "start"),
        _seconds(request, "end"),
        standin.now,
        tags=tags,
        priority=request.query.get("priority"),
    )
    return as_json({"events": [event.listed() for event in found]})


async def series_v1(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    if await _too_big(request, V1_BYTES):
        return _payload_too_big()
    submit_v1(standin.points, await body_of(request), standin.now)
    return as_json({"status": "ok"}, 202, content="text/json")


async def series_v2(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    if await _too_big(request, V2_BYTES):
        return _payload_too_big()
    submit_v2(standin.points, await body_of(request), standin.now)
    return as_json({"errors": []}, 202)


async def post_event_v2(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    try:
        event = standin.events.post_v2(await body_of(request), standin.now)
    except EventError as error:
        return as_json({"errors": [{"status": "400", "title": "Bad Request", "detail": str(error)}]}, 400)
    return as_json(event.receipt_v2(), 202)


async def query_scalar(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    try:
        return as_json(scalar(standin.points, await body_of(request), standin.now))
    except QueryError as error:
        raise BadRequest(str(error)) from error


async def query_timeseries(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    try:
        body = timeseries_v2(standin.points, await body_of(request), standin.now)
    except QueryError as error:
        raise BadRequest(str(error)) from error
    return as_json(body, content="application/vnd.api+json")


async def validate_monitor(request: web.Request) -> web.Response:
    check_monitor(await body_of(request))
    return as_json({})


async def create_monitor(request: web.Request) -> web.Response:
    standin = request.app[STANDIN]
    monitor = made_monitor(await body_of(request), len(standin.monitors), standin.clock())
    standin.monitors.append(monitor)
    return as_json(monitor)


async def check_run(request: web.Request) -> web.Response:
    body = await body_of(request)
    checks = body if isinstance(body, list) else [body]
    for check in checks:
        known = isinstance(check, dict) and isinstance(check.get("check"), str)
        if not known or check.get("status") not in range(4) or not isinstance(check.get("host_name", ""), str):
            raise BadRequest("a check run needs a check, a host_name and a status from 0 to 3")
    request.app[STANDIN].checks.extend(checks)
    return as_json({"status": "ok"}, 202, content="text/json")


async def _too_big(request: web.Request, limit: int) -> bool:
    """More than *limit* bytes on the wire, or than may be unpacked from them."""
    sent = request.content_length
    unpacked = len(await request.read())
    return (unpacked if sent is None else sent) > limit or unpacked > UNPACKED_BYTES


def _payload_too_big() -> web.Response:
    return as_json({"errors": ["Payload too big"]}, 413)


def _seconds(request: web.Request, name: str) -> int:
    text = request.query.get(name)
    if text is None:
        raise BadRequest(f"Parameter {name} is required")
    if not (text.isascii() and text.isdigit() and len(text) <= len("99999999999")):
        raise BadRequest(f"Parameter {name} must be a whole number of seconds")
    return int(text)


ROUTES = (
    web.get("/api/v1/validate", guarded(validate)),
    web.get("/api/v1/query", guarded(query, both_keys=True, limit=QUERY), allow_head=False),
    web.post("/api/v1/events", guarded(post_event)),
    web.get("/api/v1/events", guarded(list_events, both_keys=True, limit=EVENT_STREAM), allow_head=False),
    web.get("/api/v1/events/{event}", guarded(get_event, both_keys=True, limit=GLOBAL), allow_head=False),
    web.post("/api/v1/series", guarded(series_v1)),
    web.post("/api/v2/series", guarded(series_v2)),
    web.post("/api/v1/check_run", guarded(check_run)),
    web.post("/api/v2/events", guarded(post_event_v2)),
    web.post("/api/v2/query/scalar", guarded(query_scalar, both_keys=True)),
    web.post("/api/v2/query/timeseries", guarded(query_timeseries, both_keys=True)),
    web.post("/api/v1/monitor/validate", guarded(validate_monitor, both_keys=True)),
    web.post("/api/v1/monitor", guarded(create_monitor, both_keys=True)),
)

"""The stand-in as an aiohttp application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from dogdriver.demo.standin.control import CONTROL, PREFIX
from dogdriver.demo.standin.intake import UNPACKED_BYTES
from dogdriver.demo.standin.listener import Listener
from dogdriver.demo.standin.outage import as_json
from dogdriver.demo.standin.routes import ROUTES
from dogdriver.demo.standin.state import STANDIN, ReceivedRequest, Standin, make_standin
from dogdriver.model import Clock

_KEYS_IN_ADDRESS = frozenset({"api_key", "application_key", "app_key", "dd-api-key", "dd-application-key"})


def make_app(clock: Clock, *, api_key: str, app_key: str, **options: Any) -> web.Application:
    """A Datadog that lives from *clock* alone. `app[STANDIN]` is the object to steer and to question it by; *options*
    as for make_standin."""
    app = web.Application(middlewares=[_record], client_max_size=2 * UNPACKED_BYTES)
    app[STANDIN] = make_standin(clock, api_key=api_key, app_key=app_key, **options)
    app.add_routes([*ROUTES, *CONTROL])
    app.on_response_prepare.append(_date)
    app.on_shutdown.append(_end_outages)
    return app


@asynccontextmanager
async def serve_standin(
    clock: Clock, *, api_key: str = "api-key", app_key: str = "app-key", port: int = 0, **options: Any
) -> AsyncIterator[Standin]:
    """A stand-in that listens at `standin.url`, on *port* (0: a free one) of the loopback interface; `standin.stop()`
    and `standin.start()` make it refuse connections and take them again. *options* as for make_standin."""
    app = make_app(clock, api_key=api_key, app_key=app_key, **options)
    # A client that gave up ends its handler: nothing hangs on behind a test.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    standin = app[STANDIN]
    standin.listener = Listener(runner, port)
    try:
        await standin.start()
        yield standin
    finally:
        await runner.cleanup()


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record each request; then an outage may take its answer. The control routes have neither."""
    if request.path.startswith(PREFIX):
        return await handler(request)
    standin = request.app[STANDIN]
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return as_json({"errors": ["Payload too big"]}, 413)
    received = ReceivedRequest(
        standin.now, request.method, request.path, dict(request.query), request.headers.copy(), body
    )
    standin.record(received)
    if leaked := sorted(name for name in request.query if name.lower() in _KEYS_IN_ADDRESS):
        standin.leaks.append(f"{request.method} {request.path}: {', '.join(leaked)} in the address")

    async def work(request: web.Request) -> web.Response:
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            answer = as_json({"errors": [error.reason]}, error.status)
        if not isinstance(answer, web.Response):
            raise TypeError(f"{request.path} did not answer with a whole response")
        return answer

    answer = await standin.outages.serve(request, work)
    received.status = answer.status
    return answer


async def _date(request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers["Date"] = format_datetime(request.app[STANDIN].clock().astimezone(UTC), usegmt=True)


async def _end_outages(app: web.Application) -> None:
    app[STANDIN].outages.clear()

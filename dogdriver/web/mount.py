"""Under which path the pages are: that of the public address, whether the proxy before us takes it away or not."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

MOUNT = web.AppKey("mount", str)
"""The path without its last slash; "" at the root."""


def mount_of(public_url: str | None) -> str:
    return urlsplit(public_url).path.rstrip("/") if public_url else ""


def mounted(routes: Iterable[web.RouteDef], mount: str) -> Iterable[web.RouteDef]:
    """*routes*, and each of them under *mount*, too: these first, for what begins with it is meant so."""
    routes = list(routes)
    if mount:
        yield web.get(mount, next(one.handler for one in routes if (one.method, one.path) == ("GET", "/")))
        yield from (web.RouteDef(one.method, mount + one.path, one.handler, one.kwargs) for one in routes)
    yield from routes


def without(mount: str, path: str) -> str:
    """*path* as it is at the root."""
    if mount and (path == mount or path.startswith(f"{mount}/")):
        return path.removeprefix(mount) or "/"
    return path


def seen_from_root(mount: str) -> Any:
    """The middleware behind which every request names its path as at the root."""

    @web.middleware
    async def see(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = request.rel_url.raw_path_qs
        path, _, query = address.partition("?")
        if (plain := without(mount, path)) != path:
            request = request.clone(rel_url=request.rel_url.build(path=plain, query_string=query, encoded=True))
        return await handler(request)

    return see


async def add_mount(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application: where an answer leads to is below the mount."""
    location = response.headers.get(hdrs.LOCATION, "")
    if location.startswith("/"):
        response.headers[hdrs.LOCATION] = request.app[MOUNT] + location


def route_of(request: web.Request) -> str | None:
    """The path of the route that answers *request*, with its variables in braces; None where there is none."""
    resource = request.match_info.route.resource
    return without(request.app[MOUNT], resource.canonical) if resource else None

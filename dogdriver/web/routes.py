"""Everything that can be asked for, in one place, and the application that answers."""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from dogdriver.connections import most_connections
from dogdriver.model import Clock
from dogdriver.pipeline.cards import Compute
from dogdriver.pipeline.ports import CatalogSource, Commands
from dogdriver.reports.needed import Timetable
from dogdriver.reports.project import Reports
from dogdriver.settings import Secret
from dogdriver.tokens import Keyring
from dogdriver.web import badge, dockerflow, feed
from dogdriver.web.api import legacy, openapi
from dogdriver.web.api.events import STREAMS, LiveStreams, end_streams
from dogdriver.web.api.operations import OPERATIONS
from dogdriver.web.audit import keep_changes
from dogdriver.web.auth import Access
from dogdriver.web.cache import ResponseCache
from dogdriver.web.encoding import Body
from dogdriver.web.errors import api_errors
from dogdriver.web.keys import (
    ABOUT,
    ACCESS,
    CACHE,
    CATALOG,
    CLOCK,
    COMMANDS,
    LIMITS,
    METRICS,
    REPORTS,
    ROOT,
    STATUS,
    STORE,
    About,
    Status,
)
from dogdriver.web.limits import Limits
from dogdriver.web.middlewares import add_security_headers, limit_clients, require_own_host, require_token_to_read
from dogdriver.web.mount import MOUNT, add_mount, mount_of, mounted, seen_from_root
from dogdriver.web.pages import handlers as pages
from dogdriver.web.pages.rendering import add_templates, page_errors
from dogdriver.web.ports import Store
from dogdriver.web.prometheus import Metrics, count_requests
from dogdriver.web.proxies import Proxies, seen_through

STATIC = Path(__file__).parent / "static"
IN_PATH = re.compile(r"{(\w+)}")  # a name may hold anything but a slash that is not quoted, braces too
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".md": "text/plain"}
FILES = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}


def setup(
    app: web.Application,
    *,
    store: Store,
    commands: Commands,
    catalog: CatalogSource,
    status: Status,
    clock: Clock,
    source: str,
    token: Secret,
    private: bool,
    version: Mapping[str, Any],
    demo: bool = False,
    public_url: str | None = None,
    mask: Callable[[str], str] | None = None,
    timetable: Timetable | None = None,
    keyring: Keyring | None = None,
    proxies: Proxies | None = None,
    compute: Compute = asyncio.to_thread,
) -> None:
    """Give *app* its routes. Nothing here has a lifetime; whoever made *store* and the rest ends them.

    *version* is what `/__version__` answers. *mask* takes secrets out of the log lines of live streams, the token alone
    where it is not given. *timetable* says by when runs will have been read; None: nobody knows.
    *public_url* is the address that users see where it is not the one that requests name (a proxy that ends TLS);
    *proxies* are those before us, none where it is not given. *compute* is where a chosen pair or window is computed.
    """
    app[MOUNT] = mount = mount_of(public_url)
    app[ABOUT] = About(source, version, demo)
    app[ACCESS] = Access(token, clock, private=private, public_url=public_url, keyring=keyring)
    app[CACHE] = ResponseCache(store, catalog)
    app[LIMITS] = Limits(most_connections())
    app[METRICS] = Metrics()
    app[REPORTS] = Reports(store, catalog, source, timetable, compute, commands.pauses)
    app[STREAMS] = LiveStreams(store, commands, mask or masker(token))
    app[CATALOG], app[CLOCK], app[COMMANDS], app[STATUS], app[STORE] = catalog, clock, commands, status, store
    app.middlewares.extend([
        count_requests(app[METRICS]), seen_through(proxies or Proxies()), seen_from_root(mount), api_errors,
        page_errors, limit_clients, require_own_host, require_token_to_read, keep_changes,
    ])  # fmt: skip
    app.on_response_prepare.extend([add_security_headers, add_mount])
    app.on_shutdown.append(end_streams)
    add_templates(app)
    app.add_routes([
        web.RouteDef(one.method, IN_PATH.sub(r"{\1:[^/]+}", one.path), one.handler, one.kwargs)
        for one in mounted(routes(), mount)
    ])  # fmt: skip


def routes() -> list[web.RouteDef]:
    """All of them; where two fit, the one with more fixed letters wins."""
    return [
        *(web.get(ROOT + one.path, one.handler) for one in OPERATIONS if one.method == "GET"),
        *(web.route(one.method, ROOT + one.path, one.handler) for one in OPERATIONS if one.method != "GET"),
        web.get(f"{ROOT}/openapi.json", openapi.describe),
        *legacy.routes(),
        *dockerflow.routes(),
        *feed.routes(),
        *badge.routes(),
        web.get("/static/{name:.+}", static),
        *pages.routes(),
    ]


async def static(request: web.Request) -> web.StreamResponse:
    """One of the files that ship in the package, and nothing else."""
    body = _file(request.match_info["name"])
    if body is None:
        raise web.HTTPNotFound
    lasting = "public, max-age=31536000, immutable" if "v" in request.query else "no-cache"
    return await body.respond(request, {hdrs.CACHE_CONTROL: lasting})


@lru_cache(maxsize=64)
def _file(name: str) -> Body | None:
    """Read once: there are few, and they are the package's own; what is none of them takes no room for long."""
    path = FILES.get(name)
    if path is None:
        return None
    return Body(path.read_bytes(), KINDS.get(path.suffix, "application/octet-stream"))


def masker(token: Secret) -> Callable[[str], str]:
    """Takes the token out of a line."""
    return lambda line: line.replace(token.reveal(), "***")

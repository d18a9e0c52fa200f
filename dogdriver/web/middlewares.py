"""What every answer carries, and who is let in at all where reading is closed."""

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from dogdriver.errors import TooManyRequests, Unauthenticated
from dogdriver.web.auth import ANY_HOST, OPEN
from dogdriver.web.client import client_address
from dogdriver.web.errors import is_api
from dogdriver.web.keys import ACCESS, LIMITS
from dogdriver.web.limits import PAUSE

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application, so that files and streams have the headers, too."""
    del request
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def limit_clients(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Health checks and who has a token pass always; of the others so many at a time."""
    limits, address = request.app[LIMITS], client_address(request)
    if (full := limits.full(address)) and request.path not in ANY_HOST and not _known(request):
        raise TooManyRequests(f"{full}; close some, try again in a few seconds, or send the token", retry_after=PAUSE)
    with limits.counted(address):
        return await handler(request)


def _known(request: web.Request) -> bool:
    try:
        return request.app[ACCESS].signed_in(request)
    except Unauthenticated:
        return False


@web.middleware
async def require_own_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where a public address is set, pages and writes are there alone."""
    request.app[ACCESS].check_host(request)
    return await handler(request)


@web.middleware
async def require_token_to_read(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where reading is closed, everything but the heartbeats and the login page needs the token."""
    access = request.app[ACCESS]
    if access.shared(request):
        return await handler(request)
    if not access.private or request.path in OPEN or request.path.startswith("/static/") or access.signed_in(request):
        return await handler(request)
    if is_api(request.path) or request.path == "/metrics" or request.method not in {"GET", "HEAD"}:
        access.refuse()
    raise web.HTTPSeeOther(f"/login?next={quote(request.rel_url.raw_path_qs, safe='')}")

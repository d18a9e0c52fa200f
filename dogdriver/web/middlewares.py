"""What every answer carries, and who is let in at all where reading is closed."""

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from dogdriver.web.auth import OPEN
from dogdriver.web.errors import is_api
from dogdriver.web.keys import ACCESS

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
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/static/"):
        lasting = "public, max-age=31536000, immutable" if "v" in request.query else "no-cache"
        response.headers["Cache-Control"] = lasting


@web.middleware
async def require_own_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where a public address is set, pages and writes are there alone."""
    request.app[ACCESS].check_host(request)
    return await handler(request)


@web.middleware
async def require_token_to_read(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where reading is closed, everything but the heartbeats and the login page needs the token."""
    access = request.app[ACCESS]
    if not access.private or request.path in OPEN or request.path.startswith("/static/") or access.signed_in(request):
        return await handler(request)
    if is_api(request.path) or request.path == "/metrics" or request.method not in {"GET", "HEAD"}:
        access.refuse()
    raise web.HTTPSeeOther(f"/login?next={quote(request.rel_url.raw_path_qs, safe='')}")

"""How a page is rendered: its template with its context and the frame around it; and errors as pages."""

from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dogdriver.errors import DogdriverError
from dogdriver.web.auth import Actor
from dogdriver.web.errors import Failure, failure, is_api
from dogdriver.web.keys import ABOUT, ACCESS
from dogdriver.web.mount import MOUNT
from dogdriver.web.pages.contexts import ErrorPage, Frame
from dogdriver.web.pages.format import amount, as_sentence, clock_time, number, percent, plural

HERE = Path(__file__).parent.parent
HTML = "text/html"


def add_templates(app: web.Application) -> None:
    """Give *app* what the pages are rendered with."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = lambda name: app[MOUNT] + _asset(name)
    environment.globals["share"] = lambda path: app[MOUNT] + app[ACCESS].share(path)
    environment.filters |= {
        "when": clock_time, "amount": amount, "number": number, "percent": percent,
        "plural": plural, "sentence": as_sentence, "segment": lambda text: quote(text, safe=""),
    }  # fmt: skip


def render(request: web.Request, template: str, title: str, page: Any) -> bytes:
    """*page* is the template's context, one of contexts.py."""
    return _render(request, template, title, page, request.app[ACCESS].actor(request))


def html_response(body: bytes, status: int = 200) -> web.Response:
    """A page that is not kept."""
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(body=body, status=status, content_type=HTML, charset="utf-8", headers=headers)


@web.middleware
async def page_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as a page, everywhere but under /api."""
    if is_api(request.path):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        failed = failure(request, error)
    except DogdriverError as error:
        failed = failure(request, error)
    except Exception as error:  # noqa: BLE001 - the last stop: failure() logs what nobody expected
        failed = failure(request, error)
    return _error_page(request, failed)


def _error_page(request: web.Request, failed: Failure) -> web.Response:
    page = ErrorPage(failed.status, failed.message)
    body = _render(request, "error.html", failed.status.phrase, page, request.app[ACCESS].without_token(request))
    response = html_response(body, failed.status)
    response.headers.update(failed.headers)
    return response


def _render(request: web.Request, template: str, title: str, page: Any, actor: Actor | None) -> bytes:
    about = request.app[ABOUT]
    frame = Frame(
        title=title,
        address=request.rel_url.raw_path_qs,
        signed_in=actor is not None,
        user=actor.name if actor and actor.at_proxy else None,
        demo=about.demo,
        source=about.source,
        version=str(about.version.get("version") or ""),
    )
    return aiohttp_jinja2.render_string(
        template, request, {"page": page, "frame": frame, "mount": request.app[MOUNT]}
    ).encode()


_ASSETS: dict[str, str] = {}


def _asset(name: str) -> str:
    """The address of a static file, with a mark of its content: it may be kept for ever."""
    if name not in _ASSETS:
        mark = blake2b((HERE / "static" / name).read_bytes(), digest_size=6).hexdigest()
        _ASSETS[name] = f"/static/{name}?v={mark}"
    return _ASSETS[name]

"""The pages: each reads, fills its context (dashboard.py) and renders; forms give a command and lead back."""

import math
from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dogdriver.errors import BadInput, DogdriverError, NotFound, TooLarge
from dogdriver.web import requests as query
from dogdriver.web.cache import BRIEF, Made
from dogdriver.web.errors import Failure, failure, is_api
from dogdriver.web.keys import Site, site_of
from dogdriver.web.pages import format as words
from dogdriver.web.pages.contexts import ErrorPage, Frame, LoginPage
from dogdriver.web.pages.home import home_page, status_page
from dogdriver.web.pages.parts import project_url, resting
from dogdriver.web.pages.project import project_page
from dogdriver.web.pages.run import run_page
from dogdriver.web.requests import read_query

HERE = Path(__file__).parent.parent
HTML = "text/html"
MOST_FORM = 16 * 1024
CHOICES = (
    query.word("deployment", "Deployment."),
    query.word("test", "Test."),
    query.word("source", "Source."),
    query.picked("release", "The release that is judged; else the newest judged one."),
    query.picked("baseline", "The release that it is held against; else those before it."),
    query.whole("runs", 2, 10_000, 200, "Runs that a chart shows."),
)


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
    environment.globals["asset"] = _asset
    environment.filters |= {
        "when": words.clock_time, "amount": words.amount, "number": words.number, "percent": words.percent,
        "plural": words.plural, "sentence": words.sentence, "segment": lambda text: quote(text, safe=""),
    }  # fmt: skip


def routes() -> list[web.RouteDef]:
    return [
        web.get("/", home),
        web.get("/status", status),
        web.get("/login", login_form),
        web.post("/login", login),
        web.post("/logout", logout),
        web.get("/p/{project}", project),
        web.post("/p/{project}/run", trigger),
        web.get("/r/{id}", run),
        web.post("/r/{id}/{command}", command),
        web.get("/favicon.ico", favicon),
        web.get("/dogdriver", first_home),
        web.get("/dogdriver/", first_home),
        web.get("/dogdriver/{project}", first_project),
        web.get("/{project}", first_project),
    ]


async def home(request: web.Request) -> web.StreamResponse:
    _source(request)
    site = site_of(request)

    async def make() -> Made:
        page = await home_page(site)
        return Made(_render(request, "home.html", "Projects", page), holds=math.inf if resting(page.queue) else BRIEF)

    return await _kept(request, make)


async def project(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, CHOICES)
    site = site_of(request)

    async def make() -> Made:
        page = await project_page(site, request.match_info["project"], wanted)
        return Made(_render(request, "project.html", page.name, page), holds=math.inf if resting(page.runs) else BRIEF)

    return await _kept(request, make)


async def run(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    site = site_of(request)

    async def make() -> Made:
        page = await run_page(site, request.match_info["id"])
        title = f"{page.row.run.project}, run {page.row.run.id[:8]}"
        return Made(_render(request, "run.html", title, page), holds=math.inf if resting([page.row]) else BRIEF)

    return await _kept(request, make)


async def status(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    page = await status_page(site_of(request))
    return _html(_render(request, "status.html", "Status", page))


async def login_form(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, (query.word("next", "Where to go then."),))
    return _html(_render(request, "login.html", "Sign in", LoginPage(_local(wanted.get("next")), None)))


async def login(request: web.Request) -> web.StreamResponse:
    access = site_of(request).access
    access.check_origin(request)
    form = await _form(request, ("token", "next"))
    target = _local(form.get("next"))
    if not access.login(request, form.get("token", "").strip()):
        problem = "That is not the token. `dogdriver token` shows it on the daemon’s host."
        page = LoginPage(target, problem)
        return _html(_render(request, "login.html", "Sign in", page), HTTPStatus.UNAUTHORIZED)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: target})
    access.remember(request, response)
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    access = site_of(request).access
    access.check_origin(request)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/"})
    access.forget(request, response)
    return response


async def trigger(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    site.access.require(request)
    form = await _form(request, ("deployment",))
    queued = await site.commands.trigger(request.match_info["project"], deployment=form.get("deployment") or None)
    raise web.HTTPSeeOther(f"/r/{quote(queued.id, safe='')}")


async def command(request: web.Request) -> web.StreamResponse:
    """Cancel, exclude or include, from the buttons of a run's page."""
    site = site_of(request)
    site.access.require(request)
    form = await _form(request, ("reason",))
    run_id = request.match_info["id"]
    match request.match_info["command"]:
        case "cancel":
            await site.commands.cancel(run_id)
        case "exclude":
            if not form.get("reason", "").strip():
                raise BadInput("the reason is missing; say in a few words why this run should not count")
            await site.commands.exclude(run_id, form["reason"].strip())
        case "include":
            await site.commands.include(run_id)
        case other:
            raise NotFound(f"a run has no command {other}; there are cancel, exclude and include")
    raise web.HTTPSeeOther(f"/r/{quote(run_id, safe='')}")


async def favicon(request: web.Request) -> web.StreamResponse:
    del request
    raise web.HTTPMovedPermanently("/static/icon.svg")


async def first_home(request: web.Request) -> web.StreamResponse:
    """The first dogDriver's address of the home page."""
    _source(request)
    raise web.HTTPMovedPermanently("/")


async def first_project(request: web.Request) -> web.StreamResponse:
    """The first dogDriver's address of a project; its `source` is kept."""
    source = _source(request)
    name = request.match_info["project"]
    if name not in await site_of(request).reports.selections.names():
        raise web.HTTPNotFound
    raise web.HTTPMovedPermanently(project_url(name) + (f"?source={quote(source, safe='')}" if source else ""))


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
    body = _render(request, "error.html", failed.status.phrase, page, trust_cookie_only=True)
    response = _html(body, failed.status)
    response.headers.update(failed.headers)
    return response


def _reader(request: web.Request, *, cookie_only: bool = False) -> bool:
    access = site_of(request).access
    return access.has_session(request) if cookie_only else access.signed_in(request)


def _render(request: web.Request, template: str, title: str, page: Any, *, trust_cookie_only: bool = False) -> bytes:
    site: Site = site_of(request)
    frame = Frame(
        title=title,
        here=request.rel_url.raw_path_qs,
        signed_in=_reader(request, cookie_only=trust_cookie_only),
        demo=site.demo,
        source=site.source,
        version=str(site.version.get("version") or ""),
    )
    return aiohttp_jinja2.render_string(template, request, {"page": page, "frame": frame}).encode()


async def _kept(request: web.Request, make: Any) -> web.StreamResponse:
    variant = "in:" if _reader(request) else "out:"
    return await site_of(request).answers.respond(request, make, kind=HTML, variant=variant)


def _html(body: bytes, status: int = 200) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(body=body, status=status, content_type=HTML, charset="utf-8", headers=headers)


async def _form(request: web.Request, fields: tuple[str, ...]) -> Mapping[str, str]:
    if (request.content_length or 0) > MOST_FORM:
        raise TooLarge("the form is larger than dogDriver takes; send less")
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    if unknown := sorted(set(form) - set(fields)):
        raise BadInput(f"the form has no field {', '.join(unknown)}")
    return form


def _source(request: web.Request) -> str | None:
    """The first dogDriver's pages carried it."""
    source = read_query(request, (query.word("source", "Source."),)).get("source")
    return None if source == "None" else source


def _local(target: str | None) -> str:
    """*target* where it is a path on this host, else the home page."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc and unquote(target).isprintable() else "/"


_ASSETS: dict[str, str] = {}


def _asset(name: str) -> str:
    """The address of a static file, with a mark of its content: it may be kept for ever."""
    if name not in _ASSETS:
        mark = blake2b((HERE / "static" / name).read_bytes(), digest_size=6).hexdigest()
        _ASSETS[name] = f"/static/{name}?v={mark}"
    return _ASSETS[name]

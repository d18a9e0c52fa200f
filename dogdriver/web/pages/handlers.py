"""The pages: each reads, fills its context (contexts.py) and renders; forms give a command and lead back."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote, unquote, urlsplit

from aiohttp import hdrs, web

from dogdriver.errors import BadInput, NotFound
from dogdriver.web.auth import ACTOR
from dogdriver.web.cache import Content
from dogdriver.web.keys import ACCESS, CACHE, CATALOG, COMMANDS, REPORTS, STATUS, STORE
from dogdriver.web.pages import pauses
from dogdriver.web.pages.contexts import LoginPage, RunRow
from dogdriver.web.pages.home import home_page, status_page
from dogdriver.web.pages.parts import max_age, project_url, run_row
from dogdriver.web.pages.project import project_page
from dogdriver.web.pages.rendering import HTML, html_response, render
from dogdriver.web.pages.run import run_page
from dogdriver.web.requests import integer_parameter, optional_parameter, read_form, read_query, text_parameter

CHANGES = 20  # on the status page
CHOICES = (
    text_parameter("deployment", "Deployment."),
    text_parameter("test", "Test."),
    text_parameter("source", "Source."),
    optional_parameter("release", "The release that is judged; else the newest judged one."),
    optional_parameter("baseline", "The release that it is compared with; else those before it."),
    integer_parameter("runs", 2, 10_000, 200, "Runs that a chart shows."),
)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/", home),
        web.get("/status", status),
        web.get("/login", login_form),
        web.post("/login", login),
        web.post("/logout", logout),
        web.get("/p/{project}", project),
        web.post("/p/{project}/run", trigger),
        *pauses.routes(),
        web.get("/r/{id}", run),
        web.post("/r/{id}/{command}", command),
        web.get("/favicon.ico", favicon),
        web.get("/dogdriver", legacy_home),
        web.get("/dogdriver/", legacy_home),
        web.get("/dogdriver/{project}", legacy_project),
        web.get("/{project}", legacy_project),
    ]


async def home(request: web.Request) -> web.StreamResponse:
    _legacy_source(request)
    app = request.app

    async def build() -> Content:
        page = await home_page(app[REPORTS], app[CATALOG].current, await _queue(app))
        return Content(render(request, "home.html", "Projects", page), max_age=max_age(page.queue))

    return await _cached(request, build)


async def project(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, CHOICES)
    app = request.app

    async def build() -> Content:
        page = await project_page(app[REPORTS], app[STORE].runs, app[COMMANDS], request.match_info["project"], wanted)
        return Content(render(request, "project.html", page.name, page), max_age=max_age(page.runs))

    return await _cached(request, build)


async def run(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    app = request.app

    async def build() -> Content:
        page = await run_page(app[STORE], app[REPORTS], app[COMMANDS], request.match_info["id"])
        title = f"{page.row.run.project}, run {page.row.run.id[:8]}"
        return Content(render(request, "run.html", title, page), max_age=max_age([page.row]))

    return await _cached(request, build)


async def status(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    app = request.app
    changes = await app[STORE].audit.newest(CHANGES) if app[ACCESS].signed_in(request) else ()
    page = status_page(app[CATALOG].current, await app[STATUS](), await _queue(app), changes)
    return html_response(render(request, "status.html", "Status", page))


async def login_form(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, (text_parameter("next", "Where to go then."),))
    return html_response(render(request, "login.html", "Sign in", LoginPage(_local_path(wanted.get("next")), None)))


async def login(request: web.Request) -> web.StreamResponse:
    access = request.app[ACCESS]
    access.check_origin(request)
    form = await read_form(request, ("token", "next"))
    target = _local_path(form.get("next"))
    token = form.get("token", "").strip()
    actor = access.recognize(request, token)
    if actor is None:
        problem = "That is not the token. `dogdriver token` shows it on the daemon’s host."
        page = LoginPage(target, problem)
        return html_response(render(request, "login.html", "Sign in", page), HTTPStatus.UNAUTHORIZED)
    request[ACTOR] = actor
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: target})
    access.start_session(request, response, actor, token)
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    access = request.app[ACCESS]
    access.check_origin(request)
    if access.has_session(request):
        access.identify(request)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/"})
    access.end_session(request, response)
    return response


async def trigger(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    form = await read_form(request, ("deployment",))
    project_name, deployment = request.match_info["project"], form.get("deployment") or None
    queued = await request.app[COMMANDS].trigger(project_name, deployment=deployment)
    raise web.HTTPSeeOther(f"/r/{quote(queued.id, safe='')}")


async def command(request: web.Request) -> web.StreamResponse:
    """Cancel, exclude or include, from the buttons of a run's page."""
    request.app[ACCESS].require(request)
    form = await read_form(request, ("reason",))
    run_id = request.match_info["id"]
    match request.match_info["command"]:
        case "cancel":
            await request.app[COMMANDS].cancel(run_id)
        case "exclude":
            if not form.get("reason", "").strip():
                raise BadInput("the reason is missing; say in a few words why this run should not count")
            await request.app[COMMANDS].exclude(run_id, form["reason"].strip())
        case "include":
            await request.app[COMMANDS].include(run_id)
        case other:
            raise NotFound(f"a run has no command {other}; there are cancel, exclude and include")
    raise web.HTTPSeeOther(f"/r/{quote(run_id, safe='')}")


async def favicon(request: web.Request) -> web.StreamResponse:
    del request
    raise web.HTTPMovedPermanently("/static/icon.svg")


async def legacy_home(request: web.Request) -> web.StreamResponse:
    """The first dogDriver's address of the home page."""
    _legacy_source(request)
    raise web.HTTPMovedPermanently("/")


async def legacy_project(request: web.Request) -> web.StreamResponse:
    """The first dogDriver's address of a project; its `source` is kept."""
    source = _legacy_source(request)
    name = request.match_info["project"]
    if name not in await request.app[REPORTS].selections.names():
        raise web.HTTPNotFound
    raise web.HTTPMovedPermanently(project_url(name) + (f"?source={quote(source, safe='')}" if source else ""))


async def _cached(request: web.Request, build: Callable[[], Awaitable[Content]]) -> web.StreamResponse:
    actor = request.app[ACCESS].actor(request)
    variant = "out:" if actor is None else f"{actor.name}:" if actor.at_proxy else "in:"
    return await request.app[CACHE].respond(request, build, kind=HTML, variant=variant)


async def _queue(app: web.Application) -> tuple[RunRow, ...]:
    return tuple(run_row(app[COMMANDS], run) for run in await app[STORE].runs.queue())


def _legacy_source(request: web.Request) -> str | None:
    """The first dogDriver's pages carried it."""
    source = read_query(request, (text_parameter("source", "Source."),)).get("source")
    return None if source == "None" else source


def _local_path(target: str | None) -> str:
    """*target* where it is a path on this host, else the home page."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc and unquote(target).isprintable() else "/"

"""The calls for what the runs amount to: projects, series, verdicts; and the daemon itself."""

from typing import Any

import msgspec
from aiohttp import web

from dogdriver.errors import Conflict, NotFound
from dogdriver.model import Run
from dogdriver.model.document import moment
from dogdriver.pipeline.cards import tolerance_of
from dogdriver.reports.project import Reports, metric_head, project_detail
from dogdriver.verdict import FalseAlarms
from dogdriver.verdict.comparability import segments
from dogdriver.web.api.runs import progress
from dogdriver.web.api.waiting import wait_for_headline
from dogdriver.web.cache import Content, encode, json_response
from dogdriver.web.keys import ABOUT, ACCESS, CACHE, CATALOG, COMMANDS, REPORTS, STATUS, STORE
from dogdriver.web.requests import integer_parameter, read_query, text_parameter, time_parameter

DEPLOYMENT = text_parameter("deployment", "One deployment; else the project's usual one.")
TEST = text_parameter("test", "One test; else the project's usual one.")
SOURCE = text_parameter("source", "Where the load came from; else the best source: most runs, most recent.")
SERIES = (
    DEPLOYMENT,
    TEST,
    SOURCE,
    time_parameter("since", "Runs from then on."),
    time_parameter("until", "Runs before then."),
    integer_parameter("limit", 1, 10_000, 1000, "The newest so many points."),
)
RELEASES = (DEPLOYMENT, TEST, SOURCE)
VERDICTS = (
    DEPLOYMENT,
    TEST,
    SOURCE,
    text_parameter(
        "release", "One release (its newest stay; `LABEL@2` is its second one); else the newest judged one."
    ),
    text_parameter("baseline", "Judge against this release alone, however long ago it was."),
    integer_parameter("wait", 0, 60, 0, "Wait so many seconds at most until the headline is announced."),
)


async def projects(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    reports = request.app[REPORTS]

    async def build() -> Content:
        documents = [await reports.document(view) for view in await reports.projects()]
        return Content(b'{"projects":[' + b",".join(documents) + b"]}")

    return await request.app[CACHE].respond(request, build)


async def project(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    reports = request.app[REPORTS]

    async def build() -> Content:
        return Content(encode(project_detail(await reports.project(request.match_info["project"]))))

    return await request.app[CACHE].respond(request, build)


async def project_test(request: web.Request) -> web.StreamResponse:
    """What it takes to run the project's test elsewhere. Its variables are not for everybody: it needs the token."""
    request.app[ACCESS].require(request)
    read_query(request, ())
    name = request.match_info["project"]
    entry = request.app[CATALOG].current.projects.get(name)
    if entry is None:
        raise NotFound(f"there is no project {name} to run; GET /api/v1/projects lists those there are")
    if entry.test is None:
        raise Conflict(f"{name} has no test that can be run; give it one in ServiceBook or the projects file")
    if not entry.allowed:
        raise Conflict(f"the test of {name} is not among the allowed ones; add a pattern to the projects file")
    places = [{"name": place.name, "endpoint": place.endpoint} for place in entry.deployments]
    return json_response(
        {"project": {"name": entry.name, "deployments": places, "test": msgspec.to_builtins(entry.test)}}
    )


async def series(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, SERIES)
    reports, (name, metric) = request.app[REPORTS], (request.match_info["project"], request.match_info["metric"])

    async def build() -> Content:
        return Content(encode(await series_document(reports, name, metric, wanted)))

    return await request.app[CACHE].respond(request, build)


async def series_document(reports: Reports, name: str, metric_name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    choice = {key: wanted.get(key) for key in ("deployment", "test", "source")}
    selection = await reports.selections.find(name, **choice)
    metric = selection.metric(metric_name)
    window = {"limit": wanted.get("limit", 1000), "since": wanted.get("since"), "until": wanted.get("until")}
    points = await reports.history.points(selection, metric.name, **window)
    numbers = segments(points, tolerance_of(selection.entry))
    run_at = {point.at: point.run for point in reversed(points)}
    changes = await reports.history.changes(selection, metric, points, **window)
    first_run = {point.release: point.run for point in reversed(points)}
    return {
        "metric": metric_head(metric),
        "project": selection.project,
        "deployment": selection.deployment,
        "test": selection.test,
        "source": selection.source,
        "points": [
            {
                "run": point.run,
                "at": moment(point.at),
                "value": point.value,
                "release": point.release,
                "segment": number,
                "status": point.status.value,
                "state": point.state.value,
                "excluded": point.excluded,
                "hosts": point.fingerprint,
                "kinds": point.kinds,
                "per_host": point.value / point.fingerprint if point.value is not None and point.fingerprint else None,
            }
            for point, number in zip(points, numbers, strict=True)
        ],
        "releases": [
            {"release": seen.name, "at": moment(seen.first), "run": first_run.get(seen.name)}
            for seen in await reports.history.releases(selection)
        ],
        "changes": [
            {
                "at": moment(change.at),
                "run": run_at.get(change.at),
                "effect": change.effect,
                "low": change.low,
                "high": change.high,
                "p": change.p,
                "release": change.release,
            }
            for change in changes
        ],
    }


def false_alarms_document(found: FalseAlarms) -> dict[str, Any]:
    return {
        "called": found.called, "halves": found.halves, "rate": found.rate, "low": found.low, "high": found.high,
    }  # fmt: skip


async def verdicts(request: web.Request) -> web.StreamResponse:
    """With `wait` only when the headline is announced, or so many seconds are over."""
    wanted = read_query(request, VERDICTS)
    reports = request.app[REPORTS]
    release, baseline = wanted.pop("release", None), wanted.pop("baseline", None)
    if seconds := wanted.pop("wait", 0):
        await wait_for_headline(request, seconds, release, baseline, wanted)

    async def build() -> Content:
        selection = await reports.selections.find(request.match_info["project"], **wanted)
        view = await reports.releases.view(selection, release, baseline)
        document = {
            "project": selection.project,
            "deployment": selection.deployment,
            "test": selection.test,
            "source": selection.source,
            **view.document(),
            "verdicts": msgspec.to_builtins(view.verdict_documents()),
            "false_alarms": false_alarms_document(view.false_alarms),
        }
        return Content(encode(document))

    return await request.app[CACHE].respond(request, build)


async def releases(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, RELEASES)
    reports = request.app[REPORTS]

    async def build() -> Content:
        selection = await reports.selections.find(request.match_info["project"], **wanted)
        return Content(encode({"releases": await reports.releases.ladder(selection)}))

    return await request.app[CACHE].respond(request, build)


async def status(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    return json_response(await status_document(request.app))


async def status_document(app: web.Application) -> dict[str, Any]:
    """What the daemon says of its parts, and the queue."""
    about, catalog, runs = app[ABOUT], app[CATALOG].current, app[STORE].runs
    queue = await runs.queue()
    return {
        "source": about.source,
        "version": about.version.get("version"),
        "catalogue": {
            "projects": len(catalog.projects),
            "stale": catalog.stale,
            "problems": [{"subject": p.subject, "message": p.message} for p in catalog.problems],
        },
        **await app[STATUS](),
        "queue": {
            "length": len(queue),
            "next_due": moment(await runs.next_due()),
            "runs": [_queued(one, progress(app[COMMANDS], one)) for one in queue],
        },
    }


def _queued(one: Run, done: float | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "project": one.project,
        "deployment": one.deployment,
        "status": one.status.value,
        "created": moment(one.created),
        "due": moment(one.due),
        "progress": done,
    }

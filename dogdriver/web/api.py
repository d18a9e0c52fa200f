"""The JSON API: one function a call."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from dogdriver.errors import Conflict, NotFound
from dogdriver.model import Filter, Judged, Run, Status
from dogdriver.model.document import delivered_run, moment, run_document, verdict_document
from dogdriver.web import query
from dogdriver.web.answers import Made, encode, json_response
from dogdriver.web.history import segments
from dogdriver.web.keys import Site, site_of
from dogdriver.web.overview import metric_head, project_detail, project_document, project_view
from dogdriver.web.query import read_body, read_query

ROOT = "/api/v1"
DEPLOYMENT = query.word("deployment", "One deployment; else the project's usual one.")
TEST = query.word("test", "One test; else the project's usual one.")
SOURCE = query.word("source", "Where the load came from; else the best source: most runs, most recent.")
SERIES = (
    DEPLOYMENT,
    TEST,
    SOURCE,
    query.moment_parameter("since", "Runs from then on."),
    query.moment_parameter("until", "Runs before then."),
    query.whole("limit", 1, 10_000, 1000, "The newest so many points."),
)
RUNS = (
    query.word("project", "Of one project."),
    query.word("deployment", "Of one deployment."),
    query.word("test", "Of one test."),
    query.word("source", "From one source."),
    query.word("release", "Of one release."),
    query.statuses("status", "In one of these statuses, with commas between."),
    query.moment_parameter("since", "Created from then on."),
    query.moment_parameter("until", "Created before then."),
    query.whole("limit", 1, 200, 50, "So many at a time."),
    query.word("cursor", "`next` of the page before."),
)
VERDICTS = (
    DEPLOYMENT,
    TEST,
    SOURCE,
    query.word("release", "One release; else the newest judged one."),
    query.word("baseline", "Judge against this release alone, however long ago it was."),
)


async def projects(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    site = site_of(request)

    async def make() -> Made:
        views = [await project_view(site, name) for name in await site.scopes.names()]
        return Made(encode({"projects": [project_document(view) for view in views]}))

    return await site.answers.respond(request, make)


async def project(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    site = site_of(request)

    async def make() -> Made:
        return Made(encode(project_detail(await project_view(site, request.match_info["project"]))))

    return await site.answers.respond(request, make)


async def trigger(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    site.access.require(request)
    read_query(request, ())
    key = query.idempotency_key(request)
    body = await read_body(request, ("project", "deployment", "test"), required=("project",))
    run = await site.commands.trigger(
        body["project"], deployment=body.get("deployment"), test=body.get("test"), idempotency_key=key
    )
    if run.project != body["project"] or not _same(run.deployment, body) or not _same(run.test, body, "test"):
        raise Conflict(f"this Idempotency-Key was used for run {run.id} of {run.project}; take a new one")
    return await _run_answer(site, run, status=202, located=True)


async def deliver(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    site.access.require(request)
    read_query(request, ())
    body = await read_body(request, None)
    run = delivered_run(body, id=request.match_info["id"], now=site.clock())
    kept, new = await site.commands.accept(run)
    return await _run_answer(site, kept, status=201 if new else 200, located=new)


async def runs(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, RUNS)
    limit, cursor = wanted.pop("limit", 50), wanted.pop("cursor", None)
    chosen = Filter(statuses=wanted.pop("status", frozenset()), **wanted)
    site = site_of(request)

    async def make() -> Made:
        page = await site.store.runs(chosen, limit=limit, cursor=cursor)
        documents = await run_documents(site, page.runs)
        return Made(encode({"runs": documents, "next": page.next}), holds=_holds(page.runs))

    return await site.answers.respond(request, make)


async def run(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    site = site_of(request)

    async def make() -> Made:
        found = await find_run(site, request.match_info["id"])
        (document,) = await run_documents(site, [found])
        return Made(encode({"run": document}), holds=_holds([found]))

    return await site.answers.respond(request, make)


async def cancel(request: web.Request) -> web.StreamResponse:
    site = await _command(request)
    return await _run_answer(site, await site.commands.cancel(request.match_info["id"]))


async def exclude(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    site.access.require(request)
    read_query(request, ())
    body = await read_body(request, ("reason",), required=("reason",))
    return await _run_answer(site, await site.commands.exclude(request.match_info["id"], body["reason"]))


async def include(request: web.Request) -> web.StreamResponse:
    site = await _command(request)
    return await _run_answer(site, await site.commands.include(request.match_info["id"]))


async def series(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, SERIES)
    site = site_of(request)

    async def make() -> Made:
        return Made(
            encode(await series_document(site, request.match_info["project"], request.match_info["metric"], wanted))
        )

    return await site.answers.respond(request, make)


async def series_document(site: Site, name: str, metric_name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    choice = {key: wanted.get(key) for key in ("deployment", "test", "source")}
    scope = await site.scopes.find(name, **choice)
    metric = scope.metric(metric_name)
    points = await site.history.points(
        scope, metric.name, limit=wanted.get("limit", 1000), since=wanted.get("since"), until=wanted.get("until")
    )
    numbers = segments(points, scope.entry.fingerprint_tolerance if scope.entry else 0.0)
    run_at = {point.at: point.run for point in reversed(points)}
    changes = await site.history.changes(scope, metric, points)
    first_run = {point.release: point.run for point in reversed(points)}
    return {
        "metric": metric_head(metric),
        "project": scope.project,
        "deployment": scope.deployment,
        "test": scope.test,
        "source": scope.source,
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
            {"release": seen.release.label, "at": moment(seen.at), "run": first_run.get(seen.release.label)}
            for seen in await site.history.releases(scope)
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


async def verdicts(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, VERDICTS)
    site = site_of(request)
    release, baseline = wanted.pop("release", None), wanted.pop("baseline", None)

    async def make() -> Made:
        scope = await site.scopes.find(request.match_info["project"], **wanted)
        view = await site.history.view(scope, release, baseline)
        document = {
            "project": scope.project,
            "deployment": scope.deployment,
            "test": scope.test,
            "source": scope.source,
            "release": view.release,
            "baseline": view.baseline,
            "headline": view.headline.value if view.headline else None,
            "sentence": view.headline.sentence if view.headline else None,
            "verdicts": [verdict_document(judged) for judged in view.verdicts],
        }
        return Made(encode(document))

    return await site.answers.respond(request, make)


async def status(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    return json_response(await status_document(site_of(request)))


async def status_document(site: Site) -> dict[str, Any]:
    """What the daemon says of its parts, and the queue."""
    queue = await site.store.queue()
    catalog = site.catalogue.current
    return {
        "source": site.source,
        "version": site.version.get("version"),
        "catalogue": {
            "projects": len(catalog.projects),
            "stale": catalog.stale,
            "problems": [{"subject": p.subject, "message": p.message} for p in catalog.problems],
        },
        **await site.status(),
        "queue": {
            "length": len(queue),
            "next_due": moment(await site.store.next_due()),
            "runs": [_queued(site, one) for one in queue],
        },
    }


def _queued(site: Site, one: Run) -> dict[str, Any]:
    return {
        "id": one.id,
        "project": one.project,
        "deployment": one.deployment,
        "status": one.status.value,
        "created": moment(one.created),
        "due": moment(one.due),
        "progress": progress(site, one),
    }


async def find_run(site: Site, run_id: str) -> Run:
    found = await site.store.run(run_id)
    if found is None:
        raise NotFound(f"there is no run {run_id}; GET /api/v1/runs lists the newest")
    return found


def progress(site: Site, one: Run) -> float | None:
    """How far a running load has come, 0..1; None for any other."""
    if one.status is not Status.RUNNING:
        return None
    snapshot = site.commands.live(one.id)
    return snapshot.progress if snapshot else None


async def run_documents(site: Site, found: Sequence[Run]) -> list[dict[str, Any]]:
    """The documents of *found*, each with the verdicts on its release."""
    kept: dict[tuple[str, str, str, str], Sequence[Judged]] = {}
    documents = []
    for one in found:
        place = (one.project, one.deployment, one.test, one.source)
        if place not in kept:
            kept[place] = await site.store.verdicts(*place)
        own = verdicts_of(one, kept[place])
        documents.append(run_document(one, progress=progress(site, one), verdicts=own))
    return documents


def verdicts_of(one: Run, kept: Iterable[Judged]) -> list[Judged]:
    """Those on the release of *one*."""
    return [judged for judged in kept if one.release and judged.release == one.release.label]


def _holds(found: Iterable[Run]) -> float:
    """Not at all while a load runs: its progress moves without a write."""
    return 0.0 if any(one.status is Status.RUNNING for one in found) else math.inf


def _same(name: str, body: dict[str, Any], field: str = "deployment") -> bool:
    return body.get(field) is None or body[field].lower() == name.lower()


async def _command(request: web.Request) -> Site:
    site = site_of(request)
    site.access.require(request)
    read_query(request, ())
    await read_body(request, ())
    return site


async def _run_answer(site: Site, one: Run, *, status: int = 200, located: bool = False) -> web.Response:
    (document,) = await run_documents(site, [one])
    headers = {"Location": f"{ROOT}/runs/{one.id}"} if located else {}
    return json_response({"run": document}, status=status, headers=headers)

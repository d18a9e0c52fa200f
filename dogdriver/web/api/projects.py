"""The calls for what the runs amount to: projects, series, verdicts; and the daemon itself."""

from typing import Any

from aiohttp import web

from dogdriver.model import Run
from dogdriver.model.document import moment, verdict_document
from dogdriver.pipeline.judge import tolerance_of
from dogdriver.reports.project import metric_head, project_detail, project_document
from dogdriver.verdict.comparability import segments
from dogdriver.web import requests as query
from dogdriver.web.api.runs import progress
from dogdriver.web.cache import Made, encode, json_response
from dogdriver.web.keys import Site, site_of
from dogdriver.web.requests import read_query

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
        views = [await site.reports.project(name) for name in await site.reports.selections.names()]
        return Made(encode({"projects": [project_document(view) for view in views]}))

    return await site.answers.respond(request, make)


async def project(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    site = site_of(request)

    async def make() -> Made:
        return Made(encode(project_detail(await site.reports.project(request.match_info["project"]))))

    return await site.answers.respond(request, make)


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
    selection = await site.reports.selections.find(name, **choice)
    metric = selection.metric(metric_name)
    points = await site.reports.history.points(
        selection, metric.name, limit=wanted.get("limit", 1000), since=wanted.get("since"), until=wanted.get("until")
    )
    numbers = segments(points, tolerance_of(selection.entry))
    run_at = {point.at: point.run for point in reversed(points)}
    changes = await site.reports.history.changes(selection, metric, points)
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
            {"release": seen.release.label, "at": moment(seen.at), "run": first_run.get(seen.release.label)}
            for seen in await site.reports.history.releases(selection)
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
        selection = await site.reports.selections.find(request.match_info["project"], **wanted)
        view = await site.reports.releases.view(selection, release, baseline)
        document = {
            "project": selection.project,
            "deployment": selection.deployment,
            "test": selection.test,
            "source": selection.source,
            "release": view.release,
            "baseline": view.baseline,
            "headline": view.summary.headline.value if view.summary else None,
            "sentence": view.summary.sentence if view.summary else None,
            "verdicts": [verdict_document(judged) for judged in view.verdicts],
        }
        return Made(encode(document))

    return await site.answers.respond(request, make)


async def status(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    return json_response(await status_document(site_of(request)))


async def status_document(site: Site) -> dict[str, Any]:
    """What the daemon says of its parts, and the queue."""
    queue = await site.store.runs.queue()
    catalog = site.catalog.current
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
            "next_due": moment(await site.store.runs.next_due()),
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

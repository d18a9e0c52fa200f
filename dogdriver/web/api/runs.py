"""The calls for runs: ask for one, deliver one, find them, and say what should become of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from dogdriver.errors import Conflict, NotFound
from dogdriver.model import Filter, Judged, Run, Scope, Status
from dogdriver.model.document import run_document
from dogdriver.model.parse import delivered_run
from dogdriver.web import requests as query
from dogdriver.web.cache import Made, encode, json_response
from dogdriver.web.keys import ROOT, Site, site_of
from dogdriver.web.requests import read_body, read_query

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
        page = await site.store.runs.list(chosen, limit=limit, cursor=cursor)
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


async def find_run(site: Site, run_id: str) -> Run:
    found = await site.store.runs.get(run_id)
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
    kept: dict[Scope, Sequence[Judged]] = {}
    documents = []
    for one in found:
        if one.scope not in kept:
            kept[one.scope] = await site.store.verdicts.newest(one.scope)
        own = verdicts_of(one, kept[one.scope])
        documents.append(run_document(one, progress=progress(site, one), verdicts=own))
    return documents


def verdicts_of(one: Run, kept: Iterable[Judged]) -> list[Judged]:
    """Those on the release of *one*."""
    return [judged for judged in kept if judged.release == one.release]


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

"""The calls for runs: ask for one, deliver one, find them, and say what should become of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from dogdriver.errors import BadInput, Conflict, NotFound
from dogdriver.model import Filter, Run, Status
from dogdriver.model.document import run_document
from dogdriver.model.parse import delivered_run
from dogdriver.pipeline.ports import Commands
from dogdriver.reports.ports import Runs
from dogdriver.reports.project import Reports
from dogdriver.web.cache import Content, encode, json_response
from dogdriver.web.keys import ACCESS, CACHE, CLOCK, COMMANDS, REPORTS, ROOT, STORE
from dogdriver.web.requests import (
    idempotency_key,
    integer_parameter,
    read_body,
    read_query,
    statuses_parameter,
    text_parameter,
    time_parameter,
)

RUNS = (
    text_parameter("project", "Of one project."),
    text_parameter("deployment", "Of one deployment."),
    text_parameter("test", "Of one test."),
    text_parameter("source", "From one source."),
    text_parameter("release", "Of one release; `LABEL@2`: of its second stay."),
    statuses_parameter("status", "In one of these statuses, with commas between."),
    time_parameter("since", "Created from then on."),
    time_parameter("until", "Created before then."),
    integer_parameter("limit", 1, 200, 50, "So many at a time."),
    text_parameter("cursor", "`next` of the page before."),
)


CONFIRM = text_parameter("confirm", "The name of the project, once more.")


async def trigger(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    key = idempotency_key(request)
    body = await read_body(request, ("project", "deployment", "test", "release"), required=("project",))
    run = await request.app[COMMANDS].trigger(
        body["project"], deployment=body.get("deployment"), test=body.get("test"), release=body.get("release"),
        idempotency_key=key,
    )  # fmt: skip
    if run.project != body["project"] or not _same(run.deployment, body) or not _same(run.test, body, "test"):
        raise Conflict(f"this Idempotency-Key was used for run {run.id} of {run.project}; take a new one")
    return await _run_answer(request, run, status=202, located=True)


async def deliver(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    body = await read_body(request, None)
    run = delivered_run(body, id=request.match_info["id"], now=request.app[CLOCK]())
    kept, new = await request.app[COMMANDS].accept(run)
    return await _run_answer(request, kept, status=201 if new else 200, located=new)


async def runs(request: web.Request) -> web.StreamResponse:
    wanted = read_query(request, RUNS)
    limit, cursor = wanted.pop("limit", 50), wanted.pop("cursor", None)
    chosen = Filter(statuses=wanted.pop("status", frozenset()), **wanted)
    store, reports, commands = request.app[STORE], request.app[REPORTS], request.app[COMMANDS]

    async def build() -> Content:
        page = await store.runs.list(chosen, limit=limit, cursor=cursor)
        documents = await run_documents(reports, commands, page.runs)
        return Content(encode({"runs": documents, "next": page.next}), max_age=_max_age(page.runs))

    return await request.app[CACHE].respond(request, build)


async def run(request: web.Request) -> web.StreamResponse:
    read_query(request, ())
    store, reports, commands = request.app[STORE], request.app[REPORTS], request.app[COMMANDS]

    async def build() -> Content:
        found = await find_run(store.runs, request.match_info["id"])
        (document,) = await run_documents(reports, commands, [found])
        return Content(encode({"run": document}), max_age=_max_age([found]))

    return await request.app[CACHE].respond(request, build)


async def cancel(request: web.Request) -> web.StreamResponse:
    await _check_command(request)
    return await _run_answer(request, await request.app[COMMANDS].cancel(request.match_info["id"]))


async def exclude(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    body = await read_body(request, ("reason",), required=("reason",))
    return await _run_answer(request, await request.app[COMMANDS].exclude(request.match_info["id"], body["reason"]))


async def include(request: web.Request) -> web.StreamResponse:
    await _check_command(request)
    return await _run_answer(request, await request.app[COMMANDS].include(request.match_info["id"]))


async def find_run(runs: Runs, run_id: str) -> Run:
    """Raises NotFound."""
    found = await runs.get(run_id)
    if found is None:
        raise NotFound(f"there is no run {run_id}; GET /api/v1/runs lists the newest")
    return found


def progress(commands: Commands, one: Run) -> float | None:
    """How far a running load has come, 0..1; None for any other."""
    if one.status is not Status.RUNNING:
        return None
    snapshot = commands.live(one.id)
    return snapshot.progress if snapshot else None


async def run_documents(reports: Reports, commands: Commands, found: Sequence[Run]) -> list[dict[str, Any]]:
    """The documents of *found*, each with the verdicts on its release."""
    views = await reports.releases.of_runs(reports.selections, found)
    return [
        run_document(one, progress=progress(commands, one), verdicts=view.verdict_documents())
        for one, view in zip(found, views, strict=True)
    ]


def _max_age(found: Iterable[Run]) -> float:
    """Not at all while a load runs: its progress moves without a write."""
    return 0.0 if any(one.status is Status.RUNNING for one in found) else math.inf


def _same(name: str, body: dict[str, Any], field: str = "deployment") -> bool:
    return body.get(field) is None or body[field].lower() == name.lower()


async def delete(request: web.Request) -> web.StreamResponse:
    request.app[ACCESS].require(request)
    read_query(request, ())
    await request.app[COMMANDS].delete(request.match_info["id"])
    return json_response({"deleted": {"runs": 1}})


async def delete_project(request: web.Request) -> web.StreamResponse:
    """Everything of it: its name has to be said twice."""
    request.app[ACCESS].require(request)
    project = request.match_info["project"]
    if read_query(request, (CONFIRM,)).get("confirm") != project:
        raise BadInput(f"this deletes all runs of {project}; say so with ?confirm={quote(project, safe='')}")
    return json_response({"deleted": {"runs": await request.app[COMMANDS].delete_project(project)}})


async def _check_command(request: web.Request) -> None:
    """Of a command that has neither parameters nor fields."""
    request.app[ACCESS].require(request)
    read_query(request, ())
    await read_body(request, ())


async def _run_answer(request: web.Request, one: Run, *, status: int = 200, located: bool = False) -> web.Response:
    (document,) = await run_documents(request.app[REPORTS], request.app[COMMANDS], [one])
    headers = {"Location": f"{ROOT}/runs/{one.id}"} if located else {}
    return json_response({"run": document}, status=status, headers=headers)

"""Every call of the JSON API in one table; the routes and their description are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from dogdriver.web.api import pauses, runs
from dogdriver.web.api import projects as api
from dogdriver.web.api.events import live
from dogdriver.web.audit import LIMIT, changes
from dogdriver.web.requests import Parameter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: *answer* names the schema of its good answer, *fails* the statuses that it may fail with.

    *body* names the schema of what is sent. *write*: the token is needed, always.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: str
    status: tuple[int, ...] = (200,)
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    body_required: bool = True
    write: bool = False
    fails: tuple[int, ...] = ()
    cached: bool = False  # the answer carries an ETag and may be a 304


WRITES = (400, 401, 403, 413, 415, 422, 429)
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/projects", api.projects, "All projects, with their trend and headline.", "Projects",
              fails=(400,), cached=True),
    Operation("GET", "/projects/{project}", api.project, "One project, with its schedule, test and load.",
              "ProjectDetail", fails=(400, 404), cached=True),
    Operation("GET", "/projects/{project}/test", api.project_test, "What it takes to run the project's test elsewhere.",
              "ProjectTest", write=True, fails=(400, 404, 409)),
    Operation("POST", "/runs", runs.trigger, "Queue a run, or give the one that is queued already.",
              "RunAnswer", status=(202,), body="Trigger", write=True, fails=(*WRITES, 404, 409)),
    Operation("GET", "/runs", runs.runs, "Runs, newest first.", "Runs", parameters=runs.RUNS, fails=(400, 422),
              cached=True),
    Operation("GET", "/runs/{id}", runs.run, "One run.", "RunAnswer", fails=(400, 404), cached=True),
    Operation("PUT", "/runs/{id}", runs.deliver, "Deliver a run made elsewhere.", "RunAnswer",
              status=(200, 201), body="Delivery", write=True, fails=(*WRITES, 409)),
    Operation("POST", "/runs/{id}/cancel", runs.cancel, "Cancel a run that has not ended.", "RunAnswer",
              body="Nothing", body_required=False, write=True, fails=(*WRITES, 404, 409)),
    Operation("POST", "/runs/{id}/exclude", runs.exclude, "Leave a run out of verdicts, with a reason.", "RunAnswer",
              body="Exclusion", write=True, fails=(*WRITES, 404, 409)),
    Operation("POST", "/runs/{id}/include", runs.include, "Take an exclusion back.", "RunAnswer",
              body="Nothing", body_required=False, write=True, fails=(*WRITES, 404, 409)),
    Operation("DELETE", "/runs/{id}", runs.delete, "Delete a run that has ended, here and in the bucket.", "Deleted",
              write=True, fails=(400, 401, 403, 404, 409, 429)),
    Operation("DELETE", "/projects/{project}", runs.delete_project, "Delete all runs of a project.", "Deleted",
              parameters=(runs.CONFIRM,), write=True, fails=(400, 401, 403, 404, 409, 429)),
    Operation("GET", "/runs/{id}/live", live, "Follow a run: Server-Sent Events until its load has ended.",
              "text/event-stream", fails=(400, 404, 503)),
    Operation("GET", "/series/{project}/{metric}", api.series, "The values of one metric over the runs.", "Series",
              parameters=api.SERIES, fails=(400, 404), cached=True),
    Operation("GET", "/verdicts/{project}", api.verdicts, "The verdicts on one release, each with its reason.",
              "Verdicts", parameters=api.VERDICTS, fails=(400, 404, 503), cached=True),
    Operation("GET", "/releases/{project}", api.releases, "Every stay of every release, newest first.",
              "Releases", parameters=api.RELEASES, fails=(400, 404), cached=True),
    Operation("POST", "/pause", pauses.pause, "Load one project, or any, no more for now.", "Paused", body="Pause",
              write=True, fails=(*WRITES, 404)),
    Operation("POST", "/resume", pauses.resume, "End a pause.", "Paused", body="Resume", body_required=False,
              write=True, fails=(*WRITES, 404, 409)),
    Operation("GET", "/audit", changes, "Who has changed what, newest first.", "Changes", parameters=(LIMIT,),
              write=True, fails=(400,)),
    Operation("GET", "/status", api.status, "How the daemon and its neighbours are.", "Status", fails=(400,)),
)  # fmt: skip

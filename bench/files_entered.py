"""How many files one run enters, from the POST that asks for it over its verdict to the page that shows it.

A file of dogdriver/ is *entered* when a Python function of it is called, in any thread, between the POST of the only
run of an otherwise idle daemon and the answer of that run's page. It is *handed the id* when an argument of such a call
is the run's id or holds it one level deep (an attribute, a value of a mapping; self counts). Imports, templates and
dogdriver/demo/ (the stand-in is Datadog's side) do not count.

    python -m bench.files_entered

The daemon is the real one: application, store, checkout of a folder, Molotov in a thread; git, which hashes the folder,
is the one child process. The run is claimed, launched, loaded for two seconds, settled after one, judged and told to
Datadog; then its document, the project's verdicts and its page are read.
"""

import asyncio
import json
import logging
import os
import re
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

import dogdriver

ROOT = f"{next(iter(dogdriver.__path__))}{os.sep}"
TOKEN, API_KEY, APP_KEY = "a-token", "an-api-key", "an-app-key"
QUIET, PATIENCE = 2.0, 120.0  # seconds
LOADTEST = """
import os
from molotov import scenario

@scenario()
async def ask(session):
    async with session.get(os.environ["SERVER"] + "/thing") as answer:
        assert answer.status == 200
"""
ENTRY = {"molotov": {"tests": {"dogdriver": {"scenario": "loadtest.py", "workers": 2, "duration": 2}}}}
PROJECTS = """
[defaults]
schedule = "off"
stall = "60s"
allowed_tests = ["{test}*"]
[[project]]
name = "thing"
deployments = {{ stage = "{endpoint}" }}
test = {{ url = "{test}", env = {{ SERVER = "{{endpoint}}" }} }}
"""
METRIC = '[[project.metric]]\nname = "{0}"\nquery = "{1}"\nunit = "{2}"\nbetter = "lower"\nevery = "1s"\n'
METRICS = (
    ("cpu", "100 - avg:system.cpu.idle{app:{project},env:{deployment}} by {host}", "%"),
    ("rps", "sum:aws.elb.request_count{app:{project},env:{deployment}}.as_rate()", "1/s"),
    ("art", "avg:aws.elb.latency{app:{project},env:{deployment}}", "ms"),
)


@asynccontextmanager
async def daemon(data: Path, projects: Path) -> AsyncIterator[tuple[web.Application, str]]:
    """The application, not started yet, and the address of the Datadog that it asks: all that is imported of ours."""
    from dogdriver.app import create_app  # noqa: PLC0415 - the names that another layout has elsewhere, in one place
    from dogdriver.demo.standin import serve_standin  # noqa: PLC0415
    from dogdriver.settings import load  # noqa: PLC0415

    async with serve_standin(now, api_key=API_KEY, app_key=APP_KEY, delays={}) as standin:
        environ = {"DD_API_KEY": API_KEY, "DD_APP_KEY": APP_KEY, "DOGDRIVER_DATADOG_URL": standin.url}
        environ |= {"DOGDRIVER_DATA": str(data), "DOGDRIVER_PROJECTS": str(projects)}
        environ |= {"DOGDRIVER_SOURCE": "here", "DOGDRIVER_TOKEN": TOKEN, "DOGDRIVER_SETTLE": "1"}
        path = {"PATH": os.environ.get("PATH", "")}  # git's
        yield create_app(load(environ), path, address="http://127.0.0.1:1", now=now), standin.url


RUN_ID = re.compile(r"[0-9a-f]{32}")


class Entered:
    """How often functions of our files are entered, in this thread and in all that are started meanwhile."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.handed: defaultdict[str, set[str]] = defaultdict(set)  # by id

    def __enter__(self) -> Self:
        threading.setprofile(self._enter)
        sys.setprofile(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _enter(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_flags & CO_OPTIMIZED:  # neither a module's body nor a class's
            file = frame.f_code.co_filename
            self.calls[file] += 1
            if file.startswith(ROOT):
                for run_id in _ids(frame):
                    self.handed[run_id].add(file[len(ROOT) :])

    def files(self) -> dict[str, int]:
        ours = {name[len(ROOT) :]: calls for name, calls in self.calls.copy().items() if name.startswith(ROOT)}
        return {name: calls for name, calls in ours.items() if name.endswith(".py") and not name.startswith("demo/")}

    async def quiet(self) -> None:
        """Wait until nothing of ours is entered any more."""
        before = None
        while before != (before := self.files()):
            await asyncio.sleep(QUIET)


def _ids(frame: FrameType) -> Iterator[str]:
    """Ids of runs that the arguments of a call are or hold."""
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        value = frame.f_locals.get(name)
        for one in (value,) if isinstance(value, str) else _held(value):
            if isinstance(one, str) and RUN_ID.fullmatch(one):
                yield one


def _held(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    # Past properties and __getattr__, which are code of their own.
    names = ["__dict__", *(name for kind in type(value).__mro__ for name in kind.__dict__.get("__slots__", ()))]
    names += value.__struct_fields__ if isinstance(value, msgspec.Struct) else ()
    found = []
    for name in names:
        with suppress(AttributeError, TypeError):
            found.append(object.__getattribute__(value, name))
    return [one for part in found for one in (part.values() if isinstance(part, dict) else [part])]


def now() -> datetime:
    return datetime.now(UTC)


def service() -> web.Application:
    """What is tested: it answers, is well, and says which release it is."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        version = {"version": "1.0.0", "commit": "c" * 40}
        return web.json_response(version if request.path == "/__version__" else {"database": True})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def report(session: aiohttp.ClientSession, datadog: str) -> None:
    """The service's agent: once a second, as long as this lasts, what Datadog is told of it."""
    values = (("system.cpu.idle", 60.0, 3), ("aws.elb.request_count", 50.0, 1), ("aws.elb.latency", 0.2, 3))
    common = {"tags": ["app:thing", "env:stage"], "resources": [{"type": "host", "name": "a"}], "interval": 1}
    headers = {"DD-API-KEY": API_KEY}
    while True:
        at = int(now().timestamp())
        series = [
            {"metric": metric, "points": [{"timestamp": at, "value": value}], "type": kind, **common}
            for metric, value, kind in values
        ]
        async with session.post(f"{datadog}/api/v2/series", json={"series": series}, headers=headers) as answer:
            answer.raise_for_status()
        await asyncio.sleep(1)


async def one_run(ask: Callable[..., Awaitable[Any]], entered: Entered) -> tuple[list[str], set[str]]:
    await entered.quiet()  # the start is over
    entered.calls.clear()
    run = (await ask("POST", "/api/v1/runs", {"project": "thing"}))["run"]["id"]
    while (document := (await ask("GET", f"/api/v1/runs/{run}"))["run"])["status"] in {"queued", "running", "pending"}:
        await asyncio.sleep(0.2)
    assert document["status"] == "done", document
    assert {metric["state"] for metric in document["metrics"].values()} == {"settled"}, document["metrics"]
    await entered.quiet()  # what Datadog is told is delivered
    verdicts = (await ask("GET", "/api/v1/verdicts/thing"))["verdicts"]
    assert {name for name, *_ in METRICS} <= {one["metric"] for one in verdicts}, verdicts
    assert run in await ask("GET", f"/r/{run}")
    return sorted(entered.files()), entered.handed[run]


async def trace(home: Path, stack: AsyncExitStack) -> tuple[list[str], set[str]]:
    entered = stack.enter_context(Entered())
    session = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}))

    async def serve(app: web.Application) -> str:
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        stack.push_async_callback(server.close)
        return str(server.make_url("")).rstrip("/")

    async def ask(method: str, path: str, body: Any = None) -> Any:
        async with session.request(method, address + path, json=body) as answer:
            assert answer.status in {200, 202}, (path, answer.status, await answer.text())
            return await (answer.json() if answer.content_type == "application/json" else answer.text())

    test, projects = home / "test", home / "projects.toml"
    test.mkdir()
    (test / "loadtest.py").write_text(LOADTEST)
    (test / "molotov.json").write_text(json.dumps(ENTRY))
    text = PROJECTS.format(test=test, endpoint=await serve(service()))
    projects.write_text(text + "".join(METRIC.format(*metric) for metric in METRICS))
    app, datadog = await stack.enter_async_context(daemon(home / "data", projects))
    address = await serve(app)
    reporting = asyncio.create_task(report(session, datadog))
    stack.callback(reporting.cancel)
    async with asyncio.timeout(PATIENCE):
        return await one_run(ask, entered)


async def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        async with AsyncExitStack() as stack:
            files, handed = await trace(Path(home), stack)
    print("\n".join(f"{file}{'  *' if file in handed else ''}" for file in files))
    print(f"{len(files)} files entered, {len(handed)} of them (*) handed the run's id")


if __name__ == "__main__":
    asyncio.run(main())

"""`dogdriver run --to http://DAEMON`: the run is made here and is the daemon's, once, whatever happens in between."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.demo.standin import Standin
from tests.cli.conftest import Cli, sources, steps
from tests.cli.conftest import said as said_by
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import Service


async def test_a_run_is_made_here_and_is_the_daemons(
    cli: Cli, daemon: Daemon, standin: Standin, service: Service
) -> None:
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--json")
    assert said.code == 0, (said.out, said.err)
    run = said.run
    assert service.count >= run["tally"]["ok"] > 0
    (kept,) = await daemon.runs("thing")
    assert kept["id"] == run["id"]
    assert (kept["source"], kept["trigger"], kept["release"]) == ("ci", "elsewhere", "1.0.0")
    assert kept["tally"] == run["tally"]
    assert steps(standin, run["id"]) == ["step:start", "step:stop"]
    assert [line["event"] for line in said.lines if line["event"] != "progress"] == [
        "started", "ended", "delivered", "result",
    ]  # fmt: skip


async def test_with_wait_its_metrics_are_read_by_the_daemon_and_its_gauges_sent_by_the_client(
    cli: Cli, daemon: Daemon, standin: Standin
) -> None:
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--wait", "--json")
    assert said.code == 2, (said.out, said.err)  # one run of one release decides nothing
    assert said.event("verdict")["headline"] in {None, "undecided"}
    (kept,) = await daemon.runs("thing")
    assert (kept["status"], kept["metrics"]["art"]["value"]) == ("done", pytest.approx(200.0))
    assert sources(standin) == {"ci"}


class Cutting:
    """Between a client and a daemon; cuts the first *deliveries*' connections, before or after passing them on."""

    def __init__(self, daemon: Daemon, *, deliveries: int, passed_on: bool) -> None:
        self._daemon, self._left, self._passed_on = daemon, deliveries, passed_on
        self.cut = 0
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> str:
        await self._server.start_server()
        return str(self._server.make_url("/")).rstrip("/")

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        cut = request.method == "PUT" and self._left > 0
        if cut:
            self._left -= 1
            self.cut += 1
        if not cut or self._passed_on:
            async with (
                aiohttp.ClientSession() as session,
                session.request(
                    request.method, self._daemon.url + request.path_qs, data=body, headers=_end_to_end(request)
                ) as answer,
            ):
                said = web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return said if not cut else web.Response()


def _end_to_end(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name in {"Authorization", "Content-Type"}}


@pytest.mark.parametrize("passed_on", [False, True], ids=["request-lost", "answer-lost"])
async def test_a_connection_that_is_cut_loses_nothing_and_doubles_nothing(
    cli: Cli, daemon: Daemon, passed_on: bool
) -> None:
    await daemon.start()
    proxy = Cutting(daemon, deliveries=2, passed_on=passed_on)
    async with proxy as url:
        said = await cli("run", "thing", "--to", url, "--json")
    assert (said.code, proxy.cut) == (0, 2), (said.out, said.err)
    assert [run["id"] for run in await daemon.runs("thing")] == [said.run["id"]]


async def test_what_an_answer_was_never_heard_for_is_delivered_by_the_next_call_and_is_there_once(
    cli: Cli, daemon: Daemon
) -> None:
    await daemon.start()
    proxy = Cutting(daemon, deliveries=10_000, passed_on=True)
    async with proxy as url:
        first = await cli("run", "thing", "--to", url, "--json")
        assert first.code == 5, (first.out, first.err)
        assert "cannot be reached" in first.event("kept")["error"]
        proxy._left = 0
        second = await cli("run", "thing", "--to", url, "--json")
    assert second.code == 0, (second.out, second.err)
    assert second.event("resuming")["runs"] == 1
    assert {run["id"] for run in await daemon.runs("thing")} == {first.run["id"], second.run["id"]}
    assert len(await daemon.runs("thing")) == 2


async def test_a_daemon_that_is_down_gets_the_run_when_it_is_up(cli: Cli, daemon: Daemon, standin: Standin) -> None:
    first = await cli("run", "thing", "--to", daemon.url, "--json")
    assert first.code == 5, (first.out, first.err)
    assert first.event("away")
    assert first.run["status"] == "pending"
    await daemon.start()
    second = await cli("run", "thing", "--to", daemon.url, "--json")
    assert second.code == 0, (second.out, second.err)
    assert {run["id"] for run in await daemon.runs("thing")} == {first.run["id"], second.run["id"]}
    for run in (first.run["id"], second.run["id"]):
        assert steps(standin, run) == ["step:start", "step:stop"]


async def test_with_wait_it_goes_on_until_the_daemon_is_up(cli: Cli, daemon: Daemon) -> None:
    client = await cli.start("run", "thing", "--to", daemon.url, "--wait", "--undecided-ok", "--json")
    assert client.stdout is not None
    async for line in client.stdout:
        if json.loads(line)["event"] == "ended":
            break
    await daemon.start()
    done = await said_by(client)
    assert done.code == 0, (done.out, done.err)
    (run,) = await daemon.runs("thing")
    assert run["status"] == "done"


async def test_killed_in_the_middle_of_the_load_its_run_has_failed_and_is_delivered_by_the_next_call(
    cli: Cli, daemon: Daemon, standin: Standin, service: Service, tmp_path: Path
) -> None:
    await daemon.start()
    service.projects(tmp_path, "long")
    client = await cli.start("run", "thing", "--to", daemon.url, "--json")
    run = await first_progress(client)
    client.kill()
    await client.communicate()
    service.projects(tmp_path, "short")
    second = await cli("run", "thing", "--to", daemon.url, "--json")
    assert second.code == 0, (second.out, second.err)
    kept = {one["id"]: one for one in await daemon.runs("thing")}
    assert kept.keys() == {run, second.run["id"]}
    assert kept[run]["status"] == "failed"
    assert kept[run]["reason"].startswith("interrupted")
    assert steps(standin, run) == ["step:start", "step:stop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stopped_by_a_signal_its_run_is_aborted_and_delivered(
    cli: Cli, daemon: Daemon, standin: Standin, service: Service, tmp_path: Path, number: signal.Signals
) -> None:
    await daemon.start()
    service.projects(tmp_path, "long")
    client = await cli.start("run", "thing", "--to", daemon.url, "--wait", "--json")
    run = await first_progress(client)
    client.send_signal(number)
    assert (await said_by(client)).code == 130
    (kept,) = await daemon.runs("thing")
    assert (kept["id"], kept["status"], kept["reason"]) == (run, "aborted", "cancelled")
    assert steps(standin, run) == ["step:start", "step:stop"]


async def test_two_at_once_would_measure_each_other(cli: Cli, daemon: Daemon, service: Service, tmp_path: Path) -> None:
    service.projects(tmp_path, "long")
    client = await cli.start("run", "thing", "--to", daemon.url, "--json")
    await first_progress(client)
    second = await cli("run", "thing", "--to", daemon.url, "--json")
    assert second.code == 4
    assert "in use by another dogDriver" in second.event("impossible")["message"]


async def first_progress(client: asyncio.subprocess.Process) -> str:
    """The run whose load has begun."""
    assert client.stdout is not None
    lines = []
    async with asyncio.timeout(300):
        async for line in client.stdout:
            lines.append(line)
            said = json.loads(line)
            if said["event"] == "progress" and said["state"] == "loading" and said["requests"]:
                return str(said["run"])
        _, err = await client.communicate()
    raise AssertionError(f"the client ended without a load: {lines} {err.decode()}")

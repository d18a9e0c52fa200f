"""Following a run by Server-Sent Events, from the queue to the end of its load."""

import asyncio
import json
from ipaddress import ip_network
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model import Phase, Run, Snapshot, Status
from dogdriver.web.api.events import STREAMS
from dogdriver.web.proxies import Proxies
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite, ended_run

RUN = "1" * 32


def snapshot(progress: float, *lines: str) -> Snapshot:
    return Snapshot(Phase.LOADING, progress, 300 * progress, 20, 410.0, 18.0, 41.0, 100, 1, 300, 1, lines)


async def event(answer: ClientResponse) -> tuple[str, Any]:
    """The next event that is not a sign of life."""
    name = ""
    while line := (await asyncio.wait_for(answer.content.readline(), 120)).decode().rstrip("\n"):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            await answer.content.readline()
            return name, json.loads(line.removeprefix("data: "))
        elif line.startswith(":"):
            await answer.content.readline()
    return name, None


async def start(site: SeededSite) -> Run:
    queued = await site.pipeline.trigger("kintowe")
    site.context.live.open(queued.id)  # first: who follows it looks again at each commit only
    run = await site.store.transitions.claim(site.clock())
    assert run is not None
    return run


async def end(site: SeededSite, run: Run) -> None:
    ended = ended_run(run.id, "kintowe", run.created, "1.0.0", status=Status.PENDING, due=site.clock())
    assert await site.store.transitions.save(ended, expect=Status.RUNNING)
    site.context.live.close(run.id)


async def test_a_queued_run_is_followed_to_the_end_of_its_load(site: SeededSite) -> None:
    app = site.app()
    async with TestClient(TestServer(app)) as client:
        queued = await site.pipeline.trigger("kintowe")
        answer = await client.get(f"/api/v1/runs/{queued.id}/live")
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        assert await event(answer) == ("state", {"status": "queued", "reason": None})
        run = await start(site)
        assert run.id == queued.id
        assert await event(answer) == ("state", {"status": "running", "reason": None})
        site.context.live.push(run.id, snapshot(0.25))
        name, step = await event(answer)
        assert name == "progress"
        assert (step["progress"], step["rps"], step["p95"], step["errors"]) == (0.25, 410.0, 41.0, 1)
        await end(site, run)
        assert await event(answer) == ("state", {"status": "pending", "reason": None})
        assert await event(answer) == ("end", {"status": "pending", "reason": None})
        assert await answer.content.read() == b""


async def test_log_lines_need_the_token_and_hold_no_secret(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app())) as client:
        run = await start(site)
        site.context.live.push(run.id, snapshot(0.5, f"Authorization: Bearer {TOKEN}", "x" * 5000))
        for headers, lines in (
            ({}, None),
            ({"Authorization": f"Bearer {TOKEN}"}, ["Authorization: Bearer ***", "x" * 1999 + "…"]),
        ):
            answer = await client.get(f"/api/v1/runs/{run.id}/live", headers=headers)
            await event(answer)
            name, step = await event(answer)
            assert name == "progress"
            assert step.get("lines") == lines
            answer.close()
        await end(site, run)


async def test_a_run_that_is_over_says_so_at_once(site: SeededSite, client: Client) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))
    answer = await client.get(f"/api/v1/runs/{RUN}/live")
    assert await event(answer) == ("state", {"status": "done", "reason": None})
    assert await event(answer) == ("end", {"status": "done", "reason": None})
    head = await client.head(f"/api/v1/runs/{RUN}/live")
    assert head.status == 200


async def test_progress_stands_in_the_run_itself_too_and_is_never_kept(site: SeededSite, client: Client) -> None:
    run = await start(site)
    for progress in (0.1, 0.9):
        site.context.live.push(run.id, snapshot(progress))
        for path in (f"/api/v1/runs/{run.id}", "/api/v1/runs"):
            document = await (await client.get(path)).json()
            assert (document.get("run") or document["runs"][0])["progress"] == progress
        queue = (await (await client.get("/api/v1/status")).json())["queue"]
        assert queue["runs"][0]["progress"] == progress
    await end(site, run)


async def test_a_silent_stream_gives_signs_of_life_and_ends_with_the_server(site: SeededSite) -> None:
    app = site.app()
    app[STREAMS].heartbeat = 0.01
    server = TestServer(app)
    async with TestClient(server) as client:
        run = await start(site)
        answer = await client.get(f"/api/v1/runs/{run.id}/live")
        await event(answer)
        assert (await asyncio.wait_for(answer.content.readline(), 120)).startswith(b":")
        assert len(app[STREAMS].tasks) == 1
        await asyncio.wait_for(server.close(), 120)
        assert not app[STREAMS].tasks


async def test_there_is_an_end_to_how_many_may_follow(site: SeededSite) -> None:
    app = site.app()
    app[STREAMS].tasks.update({asyncio.ensure_future(asyncio.sleep(600)): f"10.0.0.{number}" for number in range(100)})
    async with TestClient(TestServer(app)) as client:
        run = await start(site)
        answer = await client.get(f"/api/v1/runs/{run.id}/live")
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "30"
        own = await client.get(f"/api/v1/runs/{run.id}/live", headers={"Authorization": f"Bearer {TOKEN}"})
        assert own.status == 200, "the owner is not shut out"
        own.close()
    await asyncio.gather(*app[STREAMS].tasks, return_exceptions=True)


async def test_one_address_may_follow_ten_times(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app())) as client:
        run = await start(site)
        answers = [await client.get(f"/api/v1/runs/{run.id}/live") for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [503]
        for answer in answers:
            answer.close()


async def test_clients_behind_a_trusted_proxy_have_their_own_streams(site: SeededSite) -> None:
    proxies = Proxies((ip_network("127.0.0.0/8"),))
    async with TestClient(TestServer(site.app(proxies=proxies))) as client:
        run = await start(site)

        async def follow(address: str) -> int:
            answer = await client.get(f"/api/v1/runs/{run.id}/live", headers={"X-Forwarded-For": address})
            return answer.status

        for address in ("10.0.0.1", "10.0.0.2"):
            assert [await follow(address) for _ in range(11)] == [200] * 10 + [503]

"""Every way to fail, in one place: under /api each is `{"error": {"code", "message", "details"?}}`, elsewhere a page.

A row of a table is a request, its status and a word of its sentence. The sentence says what is wrong and what to do.
"""

import io
import logging
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.errors import RateLimited, Refused, RunError, StoreError
from dogdriver.reports.project import Reports
from dogdriver.web.keys import REPORTS
from dogdriver.web.requests import MOST_BYTES
from tests.web.conftest import Client
from tests.web.seeded import OWN, TOKEN, FixedCatalog, SeededSite, ended_run, project
from tests.web.test_web_api import delivery

RUN = "1" * 32
READS = [
    ("/api/v1/nothing", 404, "nothing at"),
    ("/api/nothing", 404, "openapi.json"),
    ("/dogdriver/api/nothing", 404, "nothing at"),
    ("/api", 404, "nothing at"),
    ("/api/v1/projects/unknown", 404, "no project unknown"),
    ("/api/v1/projects?x=1", 400, "'x' is not a parameter here; there are none"),
    ("/api/v1/runs/unknown", 404, "no run unknown"),
    ("/api/v1/runs/unknown/live", 404, "no run unknown"),
    ("/api/v1/runs?limit=0", 400, "whole number from 1 to 200"),
    ("/api/v1/runs?limit=999999999999999999999", 400, "whole number"),
    ("/api/v1/runs?limit=٣", 400, "whole number"),
    ("/api/v1/runs?limit=1&limit=2", 400, "given twice"),
    ("/api/v1/runs?since=yesterday", 400, "2026-01-31T12:00:00Z"),
    ("/api/v1/runs?since=2026-01-31T12:00:00", 400, "2026-01-31T12:00:00Z"),
    ("/api/v1/runs?until=0001-01-01T00:00:00%2B23:59", 400, "a time like"),
    ("/api/v1/runs?status=done,finished", 400, "queued, running, pending"),
    ("/api/v1/runs?project=", 400, "printable"),
    ("/api/v1/runs?project=%00", 400, "printable"),
    ("/api/v1/runs?cursor=nonsense", 422, "cursor"),
    ("/api/v1/runs?colour=red", 400, "cursor, deployment, limit, project"),
    ("/api/v1/series/unknown/cpu", 404, "no project unknown"),
    ("/api/v1/series/kintowe/unknown", 404, "it has cpu, rps, art"),
    ("/api/v1/series/kintowe/cpu?deployment=moon", 404, "it has stage, prod"),
    ("/api/v1/series/kintowe/cpu?test=moon", 404, "it has dogdriver"),
    ("/api/v1/series/kintowe/cpu?source=moon", 404, f"it has {OWN}"),
    ("/api/v1/series/kintowe/cpu?limit=10001", 400, "10000"),
    ("/api/v1/verdicts/unknown", 404, "no project unknown"),
    ("/api/v1/verdicts/kintowe?release=9", 404, "no release 9 here; the newest are 1.0.0"),
    ("/api/v1/verdicts/kintowe?baseline=9", 404, "no baseline 9"),
    ("/api/v1/status?x=1", 400, "not a parameter"),
    ("/api/projects?x=1", 400, "not a parameter"),
    ("/api/trend/unknown", 404, "no project"),
    ("/api/runs/kintowe/unknown", 404, "no metric unknown"),
    ("/api/v1/projects/%FF", 404, "no project"),
]


def shape(document: Any) -> str:
    """Its sentence, once it has been found to be of the one shape."""
    assert set(document) == {"error"}
    error = document["error"]
    assert set(error) in ({"code", "message"}, {"code", "message", "details"})
    assert error["code"].replace("_", "").isalpha()
    assert error["code"] == error["code"].lower()
    assert error["message"]
    assert "Traceback" not in error["message"]
    assert isinstance(error.get("details", {}), dict)
    return str(error["message"])


@pytest.fixture(name="run")
async def _run(site: SeededSite) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))


@pytest.mark.parametrize(("path", "status", "said"), READS)
async def test_a_read_that_cannot_be_answered_says_why(
    site: SeededSite, client: Client, run: None, path: str, status: int, said: str
) -> None:
    answer = await client.get(path)
    assert answer.content_type == "application/json"
    assert said in shape(await answer.json())
    assert answer.status == status


JSON = {"Content-Type": "application/json"}
TRIGGER = "/api/v1/runs"
LOAD = {"workers": 1, "processes": 1, "duration": 1}
WAITING = {"cpu": {"state": "waiting"}}
EXCLUDE = f"/api/v1/runs/{RUN}/exclude"
WRITES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", TRIGGER, {"data": b"{", "headers": JSON}, 400, "not JSON"),
    ("POST", TRIGGER, {"data": b"[1]", "headers": JSON}, 400, "in braces"),
    ("POST", TRIGGER, {"data": b"\xff", "headers": JSON}, 400, "not JSON"),
    ("POST", TRIGGER, {"data": b"[" * 60_000, "headers": JSON}, 400, "not JSON"),
    ("POST", TRIGGER, {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "text/plain"),
    ("POST", TRIGGER, {}, 415, "application/json"),
    ("POST", TRIGGER, {"json": {}}, 422, "lacks project"),
    ("POST", TRIGGER, {"json": {"project": None}}, 422, "lacks project"),
    ("POST", TRIGGER, {"json": {"project": 1}}, 422, "project must be a string"),
    ("POST", TRIGGER, {"json": {"project": " "}}, 422, "printable"),
    ("POST", TRIGGER, {"json": {"project": "kintowe", "url": "http://x"}}, 422, "no field url; there are project"),
    ("POST", TRIGGER, {"json": {"project": "unknown"}}, 404, "no project unknown"),
    ("POST", TRIGGER, {"json": {"project": "kintowe", "deployment": "moon"}}, 422, "stage, prod"),
    ("POST", TRIGGER, {"json": {"project": "kintowe", "test": "moon"}}, 422, "it has: dogdriver"),
    ("POST", TRIGGER, {"json": {"project": "untested"}}, 409, "no test"),
    ("POST", TRIGGER, {"json": {"project": "outside"}}, 409, "allowed_tests"),
    ("POST", TRIGGER, {"json": {"project": "homeless"}}, 409, "no deployment"),
    ("POST", TRIGGER, {"json": {"project": "kintowe"}, "headers": {"Idempotency-Key": "k" * 256}}, 400, "255"),
    ("POST", TRIGGER + "?x=1", {"json": {"project": "kintowe"}}, 400, "not a parameter"),
    ("PUT", "/api/v1/runs/x", {"data": b"x", "headers": {"Content-Type": "image/png"}}, 415, "image/png"),
    ("PUT", "/api/v1/runs/x", {"json": {}}, 422, "lacks project, deployment, test, source, release, started"),
    ("PUT", "/api/v1/runs/x", {"json": [1]}, 400, "in braces"),
    ("PUT", "/api/v1/runs/a%20b", {"json": delivery()}, 422, "id must be"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(id="y")}, 422, "make them the same"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(status="running")}, 422, "deliver a run when it has ended"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(status="failed")}, 422, "reason is missing"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(colour="red")}, 422, "no field colour"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(load={**LOAD, "x": 1})}, 422, "load.x"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(a=1, metrics={"cpu": {"b": 1}})}, 422, "no field a and metrics.cpu.b"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(metrics={" ": {"state": "settled"}})}, 422, "a name in metrics"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(load={**LOAD, "workers": 0})}, 422, "1 worker"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(tally={"ok": -1})}, 422, "tally.ok is negative"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(tally={"ok": 2**60})}, 422, "tally.ok is not a usable number"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(tally={"ok": 10**400})}, 422, "tally.ok is not a usable number"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(tally={"ok": "1"})}, 422, "tally.ok is wrong"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(ended="2026-05-04T09:00:00Z")}, 422, "before started"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(ended="2026-05-04T11:00:00")}, 422, "has no offset"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(project="a" * 201)}, 422, "200 printable"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(project="a\u0000b")}, 422, "200 printable"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(source=OWN)}, 422, "own"),
    ("PUT", "/api/v1/runs/x", {"json": delivery(status="done", metrics=WAITING)}, 422, "cpu still waits"),
    ("PUT", f"/api/v1/runs/{RUN}", {"json": delivery()}, 409, "differs"),
    ("POST", EXCLUDE, {"json": {}}, 422, "lacks reason"),
    ("POST", EXCLUDE, {"json": {"reason": "x" * 501}}, 422, "500"),
    ("POST", EXCLUDE, {}, 415, "application/json"),
    ("POST", "/api/v1/runs/unknown/exclude", {"json": {"reason": "x"}}, 404, "no run unknown"),
    ("POST", "/api/v1/runs/unknown/include", {}, 404, "no run unknown"),
    ("POST", "/api/v1/runs/unknown/cancel", {}, 404, "no run unknown"),
    ("POST", f"/api/v1/runs/{RUN}/cancel", {}, 409, "cannot be cancelled"),
    ("POST", f"/api/v1/runs/{RUN}/cancel", {"json": {"force": "yes"}}, 422, "no field force; there are none"),
    ("POST", f"/api/v1/runs/{RUN}/explode", {}, 404, "nothing at"),
    ("PATCH", f"/api/v1/runs/{RUN}", {}, 405, "use DELETE, GET, HEAD, PUT"),
    ("POST", "/api/v1/projects", {}, 405, "use GET, HEAD"),
    ("POST", "/api/projects", {}, 405, "use GET, HEAD"),
    ("OPTIONS", "/api/v1/status", {}, 405, "use GET, HEAD"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "status", "said"), WRITES)
async def test_a_write_that_cannot_be_done_says_why(
    site: SeededSite, run: None, method: str, path: str, sent: dict[str, Any], status: int, said: str
) -> None:
    catalog = FixedCatalog(
        project("kintowe", "stage", "prod"), project("untested", test=None), project("outside", allowed=False),
        project("homeless", deployments=()),
    )  # fmt: skip
    app = SeededSite(site.store, site.clock, catalog).app()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(app), headers=headers) as owner:
        answer = await owner.request(method, path, **sent)
        assert answer.content_type == "application/json"
        assert said in shape(await answer.json())
        assert answer.status == status
        if status == 405:
            assert "GET" in answer.headers["Allow"]
        assert [run.status for run in (await site.store.runs.queue())] == []  # nothing was written on the way


async def test_a_body_that_is_too_large_is_not_read(owner: Client) -> None:
    answer = await owner.post(TRIGGER, data=io.BytesIO(b" " * (MOST_BYTES + 1)), headers=JSON)
    assert answer.status == 413
    assert "64 kB" in shape(await answer.json())


async def test_a_body_that_does_not_say_its_length_is_cut_off_all_the_same(owner: Client) -> None:
    async def endless() -> Any:
        for _ in range(MOST_BYTES // 65536 + 2):
            yield b" " * 65536

    answer = await owner.post(TRIGGER, data=endless(), headers=JSON)
    assert answer.status == 413
    assert "send less" in shape(await answer.json())


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (StoreError("the disk is full; make room"), 503, "store"),
        (RateLimited("the budget is spent; wait", retry_after=7.2), 503, "rate_limited"),
        (Refused("the key is wrong; set another"), 502, "refused"),
        (RunError("it cannot run; fix it"), 409, "run_failed"),
        (KeyError("secret detail"), 500, "internal"),
    ],
)
async def test_what_fails_behind_has_its_status_and_says_no_more_than_is_meant(
    site: SeededSite, caplog: pytest.LogCaptureFixture, raised: Exception, status: int, code: str
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise raised

    app = SeededSite(site.store).app()
    app[REPORTS] = cast("Reports", Broken())
    with caplog.at_level(logging.CRITICAL if status != 500 else logging.ERROR):
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/api/v1/projects")
            document = await answer.json()
            page = await client.get("/")
            shown = await page.text()
    message = shape(document)
    assert answer.status == page.status == status
    assert document["error"]["code"] == code
    assert "secret detail" not in message
    assert "secret detail" not in shown
    assert message in shown
    if code == "rate_limited":
        assert answer.headers["Retry-After"] == "8"
    if status == 500:
        assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nothing/at/all", 404, "nothing at"),
        ("GET", "/p/unknown", 404, "no project unknown"),
        ("GET", "/unknown", 404, "nothing at"),
        ("GET", "/r/unknown", 404, "no run unknown"),
        ("GET", "/p/kintowe?colour=red", 400, "not a parameter"),
        ("GET", "/p/kintowe?source=moon", 404, "no source moon"),
        ("DELETE", "/", 405, "use GET, HEAD"),
        ("GET", "/static/nothing.js", 404, "nothing at"),
        ("GET", "/static/../pages.py", 404, "nothing at"),
    ],
)
async def test_elsewhere_an_error_is_a_page(
    client: Client, run: None, method: str, path: str, status: int, said: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status == status
    assert answer.content_type == "text/html"
    assert said in (await answer.text()).replace("&#39;", "'")

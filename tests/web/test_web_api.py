"""The JSON API as its users see it: over HTTP, on the real store, with the real commands."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model import CLIENT_METRICS, Filter, MetricState, MetricValue, Status
from tests.web.conftest import Client, read
from tests.web.seeded import OWN, START, TOKEN, FixedCatalog, SeededSite, ended_run, project


def delivery(**others: Any) -> dict[str, Any]:
    """A run made elsewhere, as a client sends it."""
    return {
        "project": "kintowe", "deployment": "stage", "test": "dogdriver", "source": "oregon", "release": "2.0",
        "commit": "c0ffee", "started": "2026-05-04T10:00:00Z", "ended": "2026-05-04T10:05:00Z",
        "load": {"workers": 2, "processes": 1, "duration": 300}, "tally": {"ok": 10, "requests": 20},
        "client": {"rps": 4.0, "p50": 10.0, "p95": 20.0, "p99": 30.0}, **others,
    }  # fmt: skip


async def test_a_daemon_without_history_lists_its_projects(client: Client) -> None:
    (found,) = (await read(client, "/api/v1/projects"))["projects"]
    assert found["name"] == "kintowe"
    assert found["deployments"] == ["stage", "prod"]
    assert found["sources"] == []
    assert found["best_source"] is None
    assert found["headline"] is None
    assert [m["name"] for m in found["metrics"]] == ["cpu", "rps", "art", *(m.name for m in CLIENT_METRICS)]
    assert all(m["last"] is None and m["verdict"] is None and m["trend"] is None for m in found["metrics"])


async def test_a_slower_release_is_called_slower_everywhere(reader: Client) -> None:
    (found,) = (await read(reader, "/api/v1/projects"))["projects"]
    assert found["headline"] == "slower"
    assert found["best_source"] == OWN
    metrics = {m["name"]: m for m in found["metrics"]}
    assert metrics["art"]["verdict"] == "regressed"
    assert metrics["art"]["last"] > 19
    assert metrics["art"]["trend"]["runs"] == 18
    document = await read(reader, "/api/v1/verdicts/kintowe")
    assert (document["release"], document["baseline"], document["headline"]) == ("1.2.0", "1.1.0", "slower")
    verdict = next(v for v in document["verdicts"] if v["metric"] == "art")
    assert verdict["outcome"] == "regressed"
    assert verdict["state"] == "announced"
    assert 0.2 < verdict["effect"] < 0.3
    assert verdict["low"] < verdict["effect"] < verdict["high"]
    assert verdict["reason"]


async def test_a_project_says_how_it_is_run(site: SeededSite, client: Client) -> None:
    await site.history(runs=2, releases=(("1.0.0", 1.0),))
    found = await read(client, "/api/v1/projects/kintowe")
    assert found["schedule"] == "every 1h"
    assert found["test"] == {
        "url": "https://example.com/tests.git",
        "ref": "main",
        "name": "dogdriver",
        "path": "",
        "requests": None,
    }
    assert found["load"] == {"workers": 20, "processes": 1, "duration": 300.0}
    assert found["endpoints"]["prod"] == "https://prod.example.com"


async def test_a_project_known_from_history_alone_is_listed(site: SeededSite, client: Client) -> None:
    await site.history("pizza-beacon", runs=2, releases=(("1", 1.0),))
    listed = (await read(client, "/api/v1/projects"))["projects"]
    assert [p["name"] for p in listed] == ["kintowe", "pizza-beacon"]
    assert (await read(client, "/api/v1/projects/pizza-beacon"))["schedule"] is None


async def test_names_of_every_kind_work_in_urls(site: SeededSite) -> None:
    names = [
        "Focus (iOS)",
        "pizza-beacon",
        "my.service",
        "a/b",
        "100%",
        "é ü",
        "<script>",
        "what?",
        "a&b=c",
        "api",
        "{x}",
    ]
    again = SeededSite(site.store, catalog=FixedCatalog(*(project(name) for name in names)))
    async with TestClient(TestServer(again.app()), headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for name in names:
            quoted = quote(name, safe="")
            assert (await read(client, f"/api/v1/projects/{quoted}"))["name"] == name
            assert (await read(client, f"/api/v1/series/{quoted}/cpu"))["project"] == name
            queued = await client.post("/api/v1/runs", json={"project": name})
            assert (await queued.json())["run"]["project"] == name
            for page in (f"/p/{quoted}", f"/{quoted}", f"/dogdriver/{quoted}"):
                answer = await client.get(page)
                assert answer.status == 200, page
                assert answer.url.path_safe.replace("%25", "%").replace("%2F", "/") == f"/p/{name}"


async def test_a_trigger_queues_one_run(owner: Client) -> None:
    answer = await owner.post("/api/v1/runs", json={"project": "kintowe"})
    assert answer.status == 202
    run = (await answer.json())["run"]
    assert run["status"] == "queued"
    assert run["deployment"] == "stage"
    assert run["trigger"] == "request"
    assert run["progress"] is None
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}"
    again = await owner.post("/api/v1/runs", json={"project": "kintowe", "deployment": "stage", "test": None})
    assert (await again.json())["run"]["id"] == run["id"]
    assert (await read(owner, answer.headers["Location"]))["run"] == run


async def test_an_idempotency_key_gives_the_same_run_and_no_other(owner: Client) -> None:
    first = await owner.post("/api/v1/runs", json={"project": "kintowe"}, headers={"Idempotency-Key": "k1"})
    run = (await first.json())["run"]
    await owner.post(f"/api/v1/runs/{run['id']}/cancel")
    same = await owner.post("/api/v1/runs", json={"project": "kintowe"}, headers={"Idempotency-Key": "k1"})
    assert (await same.json())["run"]["id"] == run["id"]
    other = await owner.post(
        "/api/v1/runs", json={"project": "kintowe", "deployment": "prod"}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status == 409


async def test_runs_come_newest_first_and_in_pages(site: SeededSite, client: Client) -> None:
    made = await site.history(runs=5, releases=(("1.0.0", 1.0), ("1.1.0", 1.0)))
    first = await read(client, "/api/v1/runs?project=kintowe&limit=4")
    second = await read(client, f"/api/v1/runs?project=kintowe&limit=100&cursor={first['next']}")
    ids = [run["id"] for run in first["runs"] + second["runs"]]
    assert ids == [run.id for run in reversed(made)]
    assert second["next"] is None
    assert [r["id"] for r in (await read(client, "/api/v1/runs?release=1.0.0"))["runs"]] == ids[5:]
    since = (START + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len((await read(client, f"/api/v1/runs?since={since}"))["runs"]) == 1
    assert (await read(client, "/api/v1/runs?status=failed,invalid"))["runs"] == []
    assert len((await read(client, "/api/v1/runs?status=done,failed"))["runs"]) == 10
    assert (await read(client, "/api/v1/runs?source=nowhere"))["runs"] == []


async def test_a_run_is_told_whole(seeded: SeededSite, reader: Client) -> None:
    made = (await seeded.store.runs.list(Filter(), limit=1)).runs
    run = (await read(reader, f"/api/v1/runs/{made[-1].id}"))["run"]
    assert run["release"] == "1.2.0"
    assert run["commit"].endswith("e" * 30)
    assert run["load"]["workers"] == 20
    assert run["tally"] == {"ok": 41000, "failed": 3, "requests": 126000, "errors": 3}
    assert run["client"]["grade"] == "ok"
    assert run["metrics"]["cpu"]["state"] == "settled"
    assert run["metrics"]["cpu"]["query"].startswith("max:system.cpu.user")
    assert {v["metric"] for v in run["verdicts"]} >= {"cpu", "rps", "art"}
    assert run["progress"] == 1
    assert run["started"].endswith("Z")
    assert run["links"]


async def test_a_run_is_cancelled_excluded_and_included(site: SeededSite, owner: Client) -> None:
    made = await site.history(runs=4, releases=(("1.0.0", 1.0), ("1.1.0", 1.0)))
    excluded = await owner.post(f"/api/v1/runs/{made[-1].id}/exclude", json={"reason": "the disk was full"})
    assert (await excluded.json())["run"]["excluded"] == "the disk was full"
    (point,) = (p for p in (await read(owner, "/api/v1/series/kintowe/art"))["points"] if p["run"] == made[-1].id)
    assert point["excluded"] is True
    included = await owner.post(f"/api/v1/runs/{made[-1].id}/include")
    assert (await included.json())["run"]["excluded"] is None
    queued = (await (await owner.post("/api/v1/runs", json={"project": "kintowe"})).json())["run"]
    cancelled = (await (await owner.post(f"/api/v1/runs/{queued['id']}/cancel", json={})).json())["run"]
    assert (cancelled["status"], cancelled["reason"]) == ("aborted", "cancelled")


async def test_a_run_made_elsewhere_is_kept_once(owner: Client) -> None:
    first = await owner.put("/api/v1/runs/abc123", json=delivery())
    assert first.status == 201
    assert first.headers["Location"] == "/api/v1/runs/abc123"
    run = (await first.json())["run"]
    assert (run["trigger"], run["status"], run["source"], run["commit"]) == ("elsewhere", "pending", "oregon", "c0ffee")
    assert run["client"]["error_ratio"] is None
    assert (await owner.put("/api/v1/runs/abc123", json=delivery())).status == 200
    assert (await owner.put("/api/v1/runs/abc123", json=delivery(release="2.1"))).status == 409
    assert (await owner.put("/api/v1/runs/other", json=delivery(source=OWN))).status == 422


async def test_what_one_daemon_says_of_a_run_another_takes(site: SeededSite, owner: Client) -> None:
    made = await site.history(runs=1, releases=(("1.0.0", 1.0),))
    document = (await read(owner, f"/api/v1/runs/{made[0].id}"))["run"]
    moved = {**document, "id": "moved", "source": "elsewhere"}
    answer = await owner.put("/api/v1/runs/moved", json=moved)
    assert answer.status == 201, await answer.text()
    kept = (await answer.json())["run"]
    assert kept["status"] == "done"
    assert kept["metrics"] == document["metrics"]
    assert kept["tally"] == document["tally"]


async def test_a_series_has_its_releases_segments_and_changes(site: SeededSite, client: Client) -> None:
    made = await site.history(runs=10)
    at = site.clock.now
    for hours, hosts in ((0, 5.0), (1, 5.0), (2, 3.0)):
        run = ended_run(f"{hours:032x}", "kintowe", at + timedelta(hours=hours), "1.2.0", fingerprint=hosts)
        await site.keep(run, {"art": MetricValue(MetricState.SETTLED, 20.0, 5, 5, None, "ms")}, judge=False)
    series = await read(client, "/api/v1/series/kintowe/art")
    assert series["metric"] == {"name": "art", "title": "Average response time", "unit": "ms", "better": "lower"}
    assert (series["deployment"], series["source"]) == ("stage", OWN)
    assert [p["run"] for p in series["points"]][:30] == [run.id for run in made]
    assert [p["segment"] for p in series["points"]] == [0] * 30 + [1, 1, 2]
    assert [r["release"] for r in series["releases"]] == ["1.0.0", "1.1.0", "1.2.0"]
    assert series["releases"][1]["run"] == made[10].id
    (change,) = (c for c in series["changes"] if c["release"] == "1.2.0")
    assert change["run"] == made[20].id
    assert change["effect"] > 0.15
    newest = await read(client, "/api/v1/series/kintowe/art?limit=2")
    assert len(newest["points"]) == 2
    until = (START + timedelta(hours=5)).isoformat().replace("+00:00", "Z")
    assert len((await read(client, f"/api/v1/series/kintowe/art?until={until}"))["points"]) == 5


async def test_a_run_that_ended_badly_is_there_without_a_segment_of_its_own(site: SeededSite, client: Client) -> None:
    await site.history(runs=3, releases=(("1.0.0", 1.0),))
    failed = ended_run("f" * 32, "kintowe", site.clock.now, "1.0.0", status=Status.FAILED, reason="no", load=None)
    await site.keep(failed)
    points = (await read(client, "/api/v1/series/kintowe/art"))["points"]
    assert [(p["status"], p["value"] is None) for p in points][-1] == ("failed", True)
    assert {p["segment"] for p in points} == {0}


async def test_sources_are_never_mixed_and_the_best_comes_first(site: SeededSite, client: Client) -> None:
    await site.history(runs=2, releases=(("1.0.0", 1.0),))
    await site.history(runs=4, releases=(("1.0.0", 1.0),), source="oregon", seed=2)
    (found,) = (await read(client, "/api/v1/projects"))["projects"]
    assert found["sources"] == ["oregon", OWN]
    assert found["best_source"] == "oregon"
    assert len((await read(client, "/api/v1/series/kintowe/art"))["points"]) == 4
    assert len((await read(client, f"/api/v1/series/kintowe/art?source={OWN}"))["points"]) == 2


async def test_the_status_has_the_queue_and_what_the_parts_say(site: SeededSite, owner: Client) -> None:
    site.parts = {"datadog": {"state": "ok", "last_success": START, "last_error": None, "budget": {"remaining": 3}}}
    await owner.post("/api/v1/runs", json={"project": "kintowe"})
    document = await read(owner, "/api/v1/status")
    assert document["datadog"]["last_success"] == "2026-05-04T12:00:00Z"
    assert document["queue"]["length"] == 1
    assert document["queue"]["runs"][0]["project"] == "kintowe"
    assert document["source"] == OWN
    assert document["catalogue"] == {"projects": 1, "stale": None, "problems": []}

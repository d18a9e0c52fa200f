"""The JSON API as its users see it: over HTTP, on the real store, with the real commands."""

from tests.web.conftest import Client
from tests.web.seeded import OWN, Bench


async def test_a_daemon_without_history_lists_its_projects(client: Client) -> None:
    answer = await client.get("/api/v1/projects")
    assert answer.status == 200
    (found,) = (await answer.json())["projects"]
    assert found["name"] == "kintowe"
    assert found["deployments"] == ["stage", "prod"]
    assert found["sources"] == []
    assert found["best_source"] is None
    assert found["headline"] is None
    assert [m["name"] for m in found["metrics"]][:4] == ["cpu", "rps", "art", "client.rps"]
    assert all(m["last"] is None and m["verdict"] is None for m in found["metrics"])


async def test_a_slower_release_is_called_slower(bench: Bench, client: Client) -> None:
    await bench.history()
    (found,) = (await (await client.get("/api/v1/projects")).json())["projects"]
    assert found["headline"] == "slower"
    assert found["best_source"] == OWN
    metrics = {m["name"]: m for m in found["metrics"]}
    assert metrics["art"]["verdict"] == "regressed"
    assert metrics["art"]["last"] > 19
    assert metrics["art"]["trend"]["runs"] == 18

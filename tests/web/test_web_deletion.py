"""Runs and projects are deleted by who may change something, and who did it is kept."""

from datetime import timedelta

from tests.web.conftest import Client, read
from tests.web.seeded import START, SeededSite, ended_run


async def deletable(site: SeededSite) -> None:
    for run_id in ("a1", "a2"):
        await site.store.transitions.add(ended_run(run_id, "kintowe", START - timedelta(hours=1), "1.0"))


async def test_a_run_is_deleted_once_by_who_has_the_token(site: SeededSite, client: Client, owner: Client) -> None:
    await deletable(site)
    assert (await client.delete("/api/v1/runs/a1")).status == 401
    assert (await owner.delete("/api/v1/runs/a1", headers={"Origin": "http://elsewhere.example"})).status == 403
    answer = await owner.delete("/api/v1/runs/a1")
    assert (answer.status, await answer.json()) == (200, {"deleted": {"runs": 1}})
    assert (await owner.delete("/api/v1/runs/a1")).status == 404
    assert [one["id"] for one in (await read(client, "/api/v1/runs"))["runs"]] == ["a2"]
    [change] = (await read(owner, "/api/v1/audit"))["changes"]
    assert (change["what"], change["subject"]) == ("DELETE /api/v1/runs/{id}", "a1")


async def test_a_project_is_deleted_where_its_name_is_said_twice(site: SeededSite, owner: Client) -> None:
    await deletable(site)
    for query in ("", "?confirm=kinto"):
        refused = await owner.delete(f"/api/v1/projects/kintowe{query}")
        assert (refused.status, "?confirm=kintowe" in (await refused.json())["error"]["message"]) == (400, True)
    answer = await owner.delete("/api/v1/projects/kintowe?confirm=kintowe")
    assert (answer.status, await answer.json()) == (200, {"deleted": {"runs": 2}})
    assert (await read(owner, "/api/v1/runs"))["runs"] == []
    assert (await owner.delete("/api/v1/projects/kintowe?confirm=kintowe")).status == 404

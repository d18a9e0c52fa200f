"""Pause and resume by the API and by the buttons of a project's page."""

import pytest

from tests.web.conftest import Client, page, read

PAUSE = {"project": "kintowe", "reason": "moving house"}


async def test_a_project_is_paused_and_resumed(client: Client, owner: Client) -> None:
    assert (await client.post("/api/v1/pause", json=PAUSE)).status == 401
    answer = await owner.post("/api/v1/pause", json={**PAUSE, "until": "2126-05-04T14:00:00+02:00"})
    paused = (await answer.json())["paused"]
    assert (answer.status, paused["project"], paused["until"]) == (200, "kintowe", "2126-05-04T12:00:00Z")
    assert (paused["reason"], bool(paused["by"])) == ("moving house", True)
    refused = await owner.post("/api/v1/runs", json={"project": "kintowe"})
    assert (refused.status, (await refused.json())["error"]["code"]) == (409, "paused")
    assert "moving house" in await page(client, "/p/kintowe")
    answer = await owner.post("/api/v1/resume", json={"project": "kintowe"})
    assert (answer.status, (await answer.json())["paused"]) == (200, paused)
    assert (await owner.post("/api/v1/runs", json={"project": "kintowe"})).status == 202
    assert "moving house" not in await page(client, "/p/kintowe")


@pytest.mark.parametrize(
    ("call", "body", "status", "why"),
    [
        ("pause", {"reason": "x", "project": "nobody"}, 404, "there is no project nobody"),
        ("pause", {"project": "kintowe"}, 422, "the body lacks reason"),
        ("pause", {"reason": "x", "until": "soon"}, 422, "until must be a time like"),
        ("pause", {"reason": "x", "until": "2001-01-01"}, 422, "has passed already"),
        ("resume", {"project": "nobody"}, 404, "there is no project nobody"),
        ("resume", {"project": "kintowe"}, 409, "kintowe is not paused"),
        ("resume", {}, 409, "everything is not paused"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_half_done(
    owner: Client, call: str, body: dict[str, str], status: int, why: str
) -> None:
    answer = await owner.post(f"/api/v1/{call}", json=body)
    assert answer.status == status
    assert why in (await answer.json())["error"]["message"]
    assert (await owner.post("/api/v1/runs", json={"project": "kintowe"})).status == 202


async def test_all_is_paused_without_a_project(owner: Client, client: Client) -> None:
    assert (await owner.post("/api/v1/pause", json={"reason": "moving house"})).status == 200
    assert "Everything is paused" in await page(client, "/p/kintowe")
    assert (await owner.post("/api/v1/resume")).status == 200


async def test_the_buttons_do_the_same(owner: Client) -> None:
    shown = await page(owner, "/p/kintowe")
    refused = await owner.post("/p/kintowe/pause", data={"reason": " "}, allow_redirects=False)
    assert refused.status == 400
    answer = await owner.post("/p/kintowe/pause", data={"reason": "moving house"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/p/kintowe")
    assert await page(owner, "/p/kintowe") != shown
    assert (await owner.post("/p/kintowe/resume", allow_redirects=False)).status == 303
    assert (await read(owner, "/api/v1/projects/kintowe"))["evidence"]["state"] == "off"

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.demo.meter import Meter, Usage
from dogdriver.demo.releases import Cost
from dogdriver.demo.rollout import Rollout
from dogdriver.demo.service import KEPT, LISTED, Service, make_app

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
FREE = Cost(wait=0, rounds=1)
DEAR = Cost(wait=0, rounds=2)

Client = TestClient[web.Request, web.Application]


class World:
    def __init__(self, shipped: Path) -> None:
        self.meter = Meter("parcels", "demo", "parcels-1", closed=NOW.timestamp(), usage=Usage(0, 0, 0))
        self.rollout = Rollout(every=1)
        self.service = Service((FREE, DEAR), self.rollout, shipped)
        self.app = make_app(self.service, self.meter, lambda: NOW)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "shipped")


@pytest.fixture
async def client(world: World) -> Any:
    async with TestClient(TestServer(world.app)) as connected:
        yield connected


async def document(answer: Awaitable[Any], status: int = 200) -> Any:
    response = await answer
    assert response.status == status, await response.text()
    return await response.json()


async def test_records_are_created_listed_newest_first_and_read(client: Client) -> None:
    made = [await document(client.post("/records", json={"to": f"street {n}"}), 201) for n in range(LISTED + 2)]

    listed = await document(client.get("/records"))
    assert [r["number"] for r in listed["records"]] == [r["number"] for r in reversed(made)][:LISTED]
    assert await document(client.get("/records/1")) == {"number": 1, "to": "street 0", "state": "accepted"}


async def test_it_forgets_the_oldest_so_that_it_does_not_get_slower_by_itself(client: Client) -> None:
    for number in range(KEPT + 1):
        await document(client.post("/records", json={"to": str(number)}), 201)

    assert (await document(client.get("/records")))["total"] == KEPT
    await document(client.get("/records/1"), 404)
    await document(client.get("/records/2"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"to": 7}', b"{}"])
async def test_what_is_no_record_is_refused(client: Client, body: bytes) -> None:
    answer = await document(client.post("/records", data=body, headers={"Content-Type": "application/json"}), 400)
    assert "record" in answer["error"]


async def test_dockerflow_says_the_release_and_that_it_is_well(client: Client) -> None:
    said = await document(client.get("/__version__"))

    assert said["version"] == "1.0.0"
    assert len(said["commit"]) == 40
    assert set(said) == {"source", "version", "commit", "build"}
    assert (await document(client.get("/__heartbeat__")))["status"] == "ok"
    assert (await client.get("/__lbheartbeat__")).status == 200


async def test_the_next_release_is_another_version_at_another_pace(world: World, client: Client) -> None:
    before = (await client.get("/records")).headers["X-Seal"]
    for second in range(60):
        world.rollout.request(1e9 + second / 100, load=True)
    world.service.release_if_due(2e9)

    assert (await document(client.get("/__version__")))["version"] == "1.1.0"
    assert world.service.release.cost == DEAR
    assert (await client.get("/records")).headers["X-Seal"] != before  # it is really hashed more often


async def test_it_goes_on_at_its_release_after_a_restart(world: World, tmp_path: Path) -> None:
    for second in range(60):
        world.rollout.request(second / 100, load=True)
    world.service.release_if_due(100)

    assert World(tmp_path / "shipped").service.release == world.service.release != World(tmp_path / "x").service.release


async def test_the_meter_sees_every_answer(world: World, client: Client) -> None:
    for path in ("/records", "/records/77", "/nowhere"):
        await client.get(path)

    series = world.meter.close((NOW + timedelta(seconds=1)).timestamp(), Usage(0, 0, 0))
    counts = [s["points"][0] for s in series if s["metric"] == "aws.elb.request_count"]
    assert counts == [{"timestamp": int(NOW.timestamp()), "value": 3.0}]


async def test_only_the_records_are_load(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[bool] = []
    monkeypatch.setattr(Rollout, "request", lambda _self, _at, *, load: loads.append(load))

    for path in ("/__heartbeat__", "/__version__", "/records"):
        await client.get(path)

    assert loads == [False, False, True]

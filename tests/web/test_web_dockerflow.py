"""What operators ask: Dockerflow's three addresses, and Prometheus'."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from dogdriver.model import Status
from tests.web.conftest import Client
from tests.web.seeded import START, SeededSite, ended_run


async def test_the_version_is_what_it_was_given(client: Client) -> None:
    answer = await client.get("/__version__")
    assert await answer.json() == {
        "source": "https://example.com/dogdriver", "version": "0.1.0", "commit": None, "build": None,
    }  # fmt: skip


async def test_the_heartbeat_of_a_daemon_that_is_well(site: SeededSite, client: Client) -> None:
    site.parts = {"datadog": {"state": "off", "message": "no keys"}, "scheduler": {"state": "ok", "last_error": None}}
    assert await (await client.get("/__lbheartbeat__")).json() == {"status": "ok"}
    answer = await client.get("/__heartbeat__")
    assert answer.status == 200
    assert await answer.json() == {"status": "ok", "checks": {"database": "ok"}, "details": {}}


@pytest.mark.parametrize(
    ("said", "status", "level"),
    [
        ({"last_error": "403", "last_error_at": START}, 200, "warning"),
        ({"last_error": "403", "last_error_at": START, "last_success": START - timedelta(hours=1)}, 200, "warning"),
        ({"last_error": "403", "last_error_at": START, "last_success": START + timedelta(hours=1)}, 200, "ok"),
        ({"last_error": "403"}, 200, "warning"),
    ],
)
async def test_a_neighbour_that_is_down_is_a_warning(
    site: SeededSite, client: Client, said: dict[str, object], status: int, level: str
) -> None:
    site.parts = {"datadog": said}
    answer = await client.get("/__heartbeat__")
    assert answer.status == status
    assert (await answer.json())["status"] == level


async def test_a_daemon_that_cannot_work_is_an_error(site: SeededSite, client: Client, tmp_path: Path) -> None:
    site.parts = {"scheduler": {"last_error": "KeyError"}}
    answer = await client.get("/__heartbeat__")
    assert answer.status == 500
    assert (await answer.json())["details"]["scheduler"]["message"] == "KeyError"
    site.parts = {}
    (tmp_path / "dogdriver.db").rename(tmp_path / "elsewhere")
    answer = await client.get("/__heartbeat__")
    assert answer.status == 500
    assert (await answer.json())["checks"] == {"database": "error"}


async def test_prometheus_reads_the_queue_the_runs_the_neighbours_and_the_requests(site: SeededSite) -> None:
    site.parts = {"datadog": {"last_success": START}, "bucket": {"last_success": START.isoformat()}, "x": None}
    for number, status in enumerate((Status.DONE, Status.DONE, Status.FAILED)):
        await site.keep(ended_run(f"{number:031x}f", "kintowe", START, "1.0.0", status=status, reason="x"))
    await site.keep(ended_run("f" * 32, "kintowe", START - timedelta(days=2), "1.0.0"))
    await site.pipeline.trigger("kintowe")
    async with TestClient(TestServer(site.app())) as client:
        for path in ("/", "/p/kintowe", "/p/unknown", "/no/such/page", "/api/v1/runs"):
            await client.get(path)
        text = await (await client.get("/metrics")).text()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["dogdriver_queue_length", "queued"] == 1
    assert found["dogdriver_queue_length", "running"] == 0
    assert found["dogdriver_runs_day", "done"] == 2
    assert found["dogdriver_runs_day", "failed"] == 1
    assert found["dogdriver_last_success_timestamp_seconds", "datadog"] == START.timestamp()
    assert found["dogdriver_last_success_timestamp_seconds", "bucket"] == START.timestamp()
    assert found["dogdriver_http_requests_total", "/p/{project}", "200", "GET"] == 1
    assert found["dogdriver_http_requests_total", "/p/{project}", "404", "GET"] == 1
    assert found["dogdriver_http_requests_total", "404", "any", "none"] == 1
    assert not re.search("kintowe|unknown", text)  # a label per address would grow without end

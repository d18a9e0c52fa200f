"""A daemon as a process of its own, with a bucket that somebody else has filled: what people and programs see of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dogdriver.storage.s3 import S3Bucket, open_bucket
from tests.archive.made import job, put_job, put_result
from tests.archive.s3 import S3Server
from tests.archive.shared import Daemon as Shared
from tests.archive.test_legacy import RESULT
from tests.end_to_end.parts import Daemon

PATIENCE = 180.0  # seconds; a daemon that is busy on a busy machine takes its time
STRANGE = "dogdriver/v1/inbox/<script>alert('x')</script>.json"


class Filler(Shared):
    """As much of a daemon as it takes to fill a bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self.bucket = bucket


@pytest.fixture(name="filler")
async def _filler(own_s3: S3Server) -> AsyncIterator[Filler]:
    async with open_bucket("shared") as bucket:
        await bucket._client.create_bucket(Bucket="shared")
        yield Filler(bucket)


@pytest.fixture(name="daemon")
async def _daemon(own_s3: S3Server, filler: Filler, tmp_path: Path) -> AsyncIterator[Daemon]:
    environ = {**own_s3.variables, "DOGDRIVER_BUCKET": "shared", "DOGDRIVER_SOURCE": "paris", "DOGDRIVER_SYNC": "1"}
    environ["DOGDRIVER_SETTLE"] = "1"  # without keys it leaves the inbox to others for as long
    daemon = Daemon(tmp_path / "data", environ)
    yield daemon
    await daemon.end()


async def _bucket(daemon: Daemon, **wanted: Any) -> dict[str, Any]:
    """What the status says of the bucket, once it says what is wanted: the daemon looks once a second."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found: dict[str, Any] = (await daemon.get("/api/v1/status"))["bucket"]
            if {name: found.get(name) for name in wanted} == wanted:
                return found
            await asyncio.sleep(0.1)


async def test_what_a_bucket_holds_is_on_the_dashboard(own_s3: S3Server, filler: Filler, daemon: Daemon) -> None:
    for n in range(3):
        await put_result(filler, "fjord-api", 1462000000 + n, RESULT)
    await put_result(filler, "fjord-api", 1462000003, {name: RESULT[name] for name in ("CPU", "source")})
    await put_result(filler, "fjord-api", 1462000004, RESULT)
    await put_result(filler, "fjord", 1462000000, RESULT)
    await put_job(filler, job(5, 1))
    await filler.bucket.put(STRANGE, b"{}")
    await daemon.start()
    state = await _bucket(daemon, state="ok", archived=6, message="2 object(s) could not be used")
    assert {one["key"] for one in state["rejected"]} == {"job-6f1f2a5c-3a11-4a64-8d5f-0d3c5b8a9e01.json", STRANGE}
    assert state["last_success"] is not None
    assert state["last_error"] is None
    listed = (await daemon.get("/api/projects"))["projects"]
    assert [one["name"] for one in listed] == ["fjord", "fjord-api"], "known from history alone"
    assert listed[1] == {"name": "fjord-api", "sources": ["marseille"], "best_source": "marseille"}
    assert [one["name"] for one in (await daemon.get("/api/v1/projects"))["projects"]] == ["fjord", "fjord-api"]
    answer = await daemon.get("/api/runs/fjord-api/CPU")
    assert answer["data"] == [
        {"value": 41.5, "label": str(1462000000 + n), "release": release}
        for n, release in enumerate(("1.2.0", "", "", "", "1.2.0"))
    ], "one without a version has none, and the next one begins again"
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.url}/status") as page:
        text = await page.text()
    assert page.status == 200
    assert "end (1) is before start (5)" in text
    assert "<script>alert" not in text
    own_s3.kill()
    state = await _bucket(daemon, state="failing")
    assert "cannot be reached" in state["last_error"]
    own_s3.start()
    await _bucket(daemon, state="ok")
    log = daemon.log
    assert "Traceback" not in log
    for secret in ("AKIATESTTESTTEST", "a-secret-of-the-tests"):
        assert secret not in log
        assert secret not in text
        for file in daemon.data.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


async def test_a_wrong_bucket_is_said_and_stops_nothing(own_s3: S3Server, daemon: Daemon) -> None:
    daemon.environ = {**daemon.environ, "DOGDRIVER_BUCKET": "nowhere"}
    await daemon.start()
    state = await _bucket(daemon, state="failing")
    assert state["last_error"] == "there is no bucket nowhere; create it, or fix DOGDRIVER_BUCKET"
    assert (await daemon.get("/api/v1/projects"))["projects"] == []

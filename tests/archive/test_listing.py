"""What a look costs as the bucket grows: as many requests with a hundred thousand objects as with a thousand."""

import json
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from dogdriver.archive import Archive
from dogdriver.archive.downloads import OVERLAP
from dogdriver.archive.objects import RUNS, archive_key, archive_object, identity
from dogdriver.model import Run, Status
from tests.archive.made import made_elsewhere
from tests.archive.shared import SYNC
from tests.archive.shelf import PAGE, Shelf
from tests.world import START, World


def finished(number: int, source: str) -> Run:
    run = made_elsewhere(START + timedelta(minutes=number), source=source, name=str(number), metrics={})
    # A failed run: what is counted here are requests, and judging would take its time.
    return structs.replace(run, status=Status.FAILED, reason="for the count", client=None)


def shelve(shelf: Shelf, run: Run, writer: str, at: datetime) -> None:
    shelf[archive_key(writer, at, run.id)] = archive_object(run)


async def look(world: World, archive: Archive) -> None:
    world.clock.now = max(world.clock.now + timedelta(seconds=SYNC), START + timedelta(days=10))  # behind all of them
    while await archive.sync_next():
        pass


@pytest.fixture(name="shelf")
def _shelf() -> Shelf:
    return Shelf()


@pytest.fixture(name="archive")
def _archive(world: World, shelf: Shelf) -> Archive:
    return Archive(replace(world.pipeline._context, source="here"), world.store, shelf, sync=SYNC)


@pytest.mark.parametrize("objects", [1_000, 5_000])
async def test_a_look_costs_the_same_however_much_there_is(
    world: World, shelf: Shelf, archive: Archive, objects: int
) -> None:
    for number in range(objects):
        writer = ("oslo", "rome")[number % 2]
        shelve(shelf, finished(number, writer), writer, START + timedelta(minutes=number))
    await look(world, archive)
    assert shelf.read == objects
    costs = []
    for _ in range(8):
        before = shelf.requests
        await look(world, archive)
        costs.append(shelf.requests - before)
    assert costs == [7] * 8, "two inboxes, the writers, two of them, two pages of the rounds"
    assert shelf.read == objects


async def test_what_comes_late_or_out_of_order_comes_in(world: World, shelf: Shelf, archive: Archive) -> None:
    """A writer restored from a backup, or two by mistake under one name: keys behind those that were seen."""
    number = 0
    for number in range(3 * OVERLAP):
        shelve(shelf, finished(number, "oslo"), "oslo", START + timedelta(minutes=number))
    await look(world, archive)
    late = finished(number + 1, "oslo")
    shelve(shelf, late, "oslo", START + timedelta(minutes=number - OVERLAP // 2, seconds=1))
    before = shelf.requests
    await look(world, archive)
    assert await world.store.runs.get(late.id) is not None
    assert shelf.requests - before == 7, "found in the overlap, at once"
    later = finished(number + 2, "oslo")
    shelve(shelf, later, "oslo", START - timedelta(days=1))
    for _ in range(3):
        await look(world, archive)
    assert await world.store.runs.get(later.id) is not None, "found by the full scan"
    assert shelf.read == 3 * OVERLAP + 2


async def test_a_restart_lists_only_what_is_new(world: World, shelf: Shelf, archive: Archive) -> None:
    for number in range(5 * PAGE):
        shelf[f"shop-{1462000000 + number}.json"] = b'{"CPU": 1}'
    await look(world, archive)
    again = Archive(replace(world.pipeline._context, source="here"), world.store, shelf, sync=SYNC)
    before = shelf.requests, shelf.read
    await look(world, again)
    assert (shelf.requests - before[0], shelf.read - before[1]) == (5, 0)


async def test_strange_keys_beside_ours_are_no_hindrance(world: World, shelf: Shelf, archive: Archive) -> None:
    for key in ("README", "a.json", "-.json", "x/y-1462000000.json", f"{RUNS}loose.json", f"{RUNS}oslo/nonsense"):
        shelf[key] = b"{}"
    shelf["shop-1462000000.json"] = b'{"CPU": 1}'
    for _ in range(3):
        await look(world, archive)
    assert await world.store.runs.get(identity("shelf", "shop-1462000000.json")) is not None
    assert shelf.read == 3, "each once"
    version = world.store.commits.number
    await look(world, archive)
    assert world.store.commits.number == version, "what changes nothing spoils no kept answer"
    assert {one.key for one in await world.store.archive.rejected()} == {f"{RUNS}loose.json", f"{RUNS}oslo/nonsense"}


def test_s3_is_imported_only_where_there_is_a_bucket(tmp_path: Path, starts_processes: None) -> None:
    """It costs 60 MB and a second."""
    script = """
import asyncio, json, sys
from aiohttp import web
from dogdriver import app, settings

async def main():
    environ = json.loads(sys.argv[1])
    runner = web.AppRunner(app.create_app(settings.load(environ), {}, address="http://127.0.0.1:1"))
    await runner.setup()
    print(json.dumps([name in sys.modules for name in ("aiobotocore", "botocore")]))
    await runner.cleanup()

asyncio.run(main())
"""
    found: list[list[bool]] = []
    for more in ({}, {"DOGDRIVER_BUCKET": "shared", "DOGDRIVER_SOURCE": "here"}):
        environ = {"DOGDRIVER_DATA": str(tmp_path / str(len(found))), **more}
        command = [sys.executable, "-c", script, json.dumps(environ)]
        nowhere = {**os.environ, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}  # noqa: TID251
        out = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2], env=nowhere
        )
        [answer] = [line for line in out.stdout.splitlines() if line.startswith("[")]
        found.append(json.loads(answer))
    assert found == [[False, False], [True, True]]


def test_ids_of_objects_without_one_are_the_same_for_everybody() -> None:
    assert identity("b", "shop-1.json") == uuid.uuid5(uuid.NAMESPACE_URL, "s3://b/shop-1.json").hex
    assert identity("b", "shop-1.json") != identity("c", "shop-1.json")


async def test_what_was_made_by_a_clock_that_is_ahead_comes_in_when_its_time_has_come(
    world: World, shelf: Shelf, archive: Archive
) -> None:
    run = finished(15 * 24 * 60, "oslo")
    shelve(shelf, run, "oslo", START)
    await look(world, archive)
    assert await world.store.runs.get(run.id) is None
    [rejected] = (await archive.status())["rejected"]
    assert "ahead of the clock here" in rejected["reason"]
    world.clock.forward(15 * 86400)
    await look(world, archive)
    assert await world.store.runs.get(run.id) is not None
    assert (await archive.status())["rejected"] == []

"""The bucket: the first dogDriver's 5,000 results imported by a real daemon, and what a look costs as a bucket grows.

    .venv/bin/python -m bench.bucket [results]

The daemon and the S3 servers are processes of their own: moto, and then the leanest one, which answers after 10 ms as
S3 does, to show what the daemon itself takes. The documents of `/api/runs` are compared with those computed here from
the objects alone. Goal: 20 times faster than the first dogDriver's cold page; a restart reads none again.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiobotocore.session import get_session

from dogdriver.archive import Archive
from dogdriver.demo.standin import serve_standin
from tests.archive.s3 import S3Server
from tests.archive.shelf import Shelf
from tests.archive.test_listing import finished, look, shelve
from tests.end_to_end.parts import TICKS, Daemon, answers
from tests.ports import free_port
from tests.world import START, World

PROJECTS = ("shop", "shop-api", "kinto", "a-b-c", "balrog", "push", "absearch")
METRICS = {"CPU": "cpu", "RPS": "rps", "ART": "art"}
FIRST = 1_462_000_000
DELAY = 0.01  # seconds


def made(results: int) -> dict[str, dict[str, Any]]:
    """What the first dogDriver would have left behind, by key."""
    dice = random.Random(7)
    objects = {}
    for number in range(results):
        project = PROJECTS[number % len(PROJECTS)]
        document: dict[str, Any] = {
            "CPU": round(dice.uniform(20, 80), 3), "RPS": round(dice.uniform(50, 500), 3),
            "ART": round(dice.uniform(20, 300), 3),
        }  # fmt: skip
        if number % 13:
            document["version"] = f"1.{number // (len(PROJECTS) * 40)}.0"
        if number % 10:
            document["source"] = ("marseille", "oregon")[number % 3 == 0]
        objects[f"{project}-{FIRST + 600 * number + dice.randrange(60)}.json"] = document
    return objects


def expected(objects: dict[str, dict[str, Any]]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """By project, source and metric: computed from the objects alone, in another way than the daemon does it."""
    rows = defaultdict(list)
    for key, document in objects.items():
        project, _, seconds = key.removesuffix(".json").rpartition("-")
        rows[project, document.get("source", "unknown")].append((int(seconds), document))
    wanted: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for (project, source), found in rows.items():
        for metric in METRICS:
            data: list[dict[str, Any]] = []
            previous = None
            for start, document in sorted(found, key=lambda row: row[0]):
                version = document.get("version", "")
                shown = "" if version == previous else version
                data.append({"value": document[metric], "label": str(start), "release": shown})
                previous = version
            wanted[project, source, metric] = data
    return wanted


def s3_client(server: S3Server) -> Any:
    variables = server.variables
    return get_session().create_client(
        "s3", endpoint_url=server.url, region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


async def fill(server: S3Server, objects: dict[str, dict[str, Any]]) -> None:
    async with s3_client(server) as client:
        await client.create_bucket(Bucket="bench")
        waiting = iter(objects.items())

        async def put() -> None:
            for key, document in waiting:
                await client.put_object(Bucket="bench", Key=key, Body=json.dumps(document).encode())

        await asyncio.gather(*(put() for _ in range(8)))


async def plain_reads(server: S3Server, keys: list[str]) -> float:
    """Objects a second that the server itself gives to the leanest client: what an import cannot be faster than."""
    async with s3_client(server) as client:
        urls = [
            await client.generate_presigned_url("get_object", Params={"Bucket": "bench", "Key": key}) for key in keys
        ]
    waiting = iter(urls)
    async with aiohttp.ClientSession() as session:

        async def get() -> None:
            for url in waiting:
                async with session.get(url) as answer:
                    await answer.read()

        began = time.perf_counter()
        await asyncio.gather(*(get() for _ in range(16)))
        return len(urls) / (time.perf_counter() - began)


def rss(daemon: Daemon) -> float:
    """Resident memory in MB."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def processor(daemon: Daemon) -> float:
    """Seconds that it has computed."""
    assert daemon.process is not None
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def bucket_state(daemon: Daemon) -> dict[str, Any]:
    return dict((await daemon.get("/api/v1/status"))["bucket"])


async def until_imported(daemon: Daemon, results: int) -> dict[str, Any]:
    while True:
        state = await bucket_state(daemon)
        if state["requests"] is not None and state["archived"] >= results:
            return state
        await asyncio.sleep(0.1)


async def imported(folder: Path, results: int) -> None:
    objects = made(results)
    server = S3Server(folder / "s3")
    server.start()
    daemon = Daemon(folder / "data", {**server.variables, "DOGDRIVER_BUCKET": "bench", "DOGDRIVER_SOURCE": "here"})
    bare = Daemon(folder / "bare", {})
    try:
        await fill(server, objects)
        print(f"the server alone gives {await plain_reads(server, list(objects)[:1000]):.0f} objects a second")
        await bare.start()
        print(f"a daemon without a bucket: {rss(bare):.0f} MB")
        await bare.end()
        began = time.perf_counter()
        await daemon.start()
        up = time.perf_counter() - began
        state = await until_imported(daemon, results)
        took = time.perf_counter() - began - up
        print(
            f"{results} results imported in {took:.1f} s ({1000 * took / results:.2f} s for 1,000) after {up:.1f} s"
            f" of start, with {state['requests']} requests; {rss(daemon):.0f} MB"
        )
        checked = 0
        for (project, source, metric), data in expected(objects).items():
            answer = await daemon.get(f"/api/runs/{project}/{metric}?source={source}")
            assert answer["data"] == data, (project, source, metric)
            checked += len(data)
        names = [one["name"] for one in (await daemon.get("/api/projects"))["projects"]]
        assert names == sorted(PROJECTS), names
        assert {one["name"] for one in (await daemon.get("/api/v1/projects"))["projects"]} == set(PROJECTS)
        print(f"{checked} points of /api/runs equal to those computed from the objects; all projects are listed")
        await daemon.end()
        began = time.perf_counter()
        await daemon.start()
        state = await until_imported(daemon, results)
        print(f"started again: {state['requests']} requests, {time.perf_counter() - began:.1f} s with the start")
    finally:
        for one in (daemon, bare):
            if one.process is not None and one.process.returncode is None:
                await one.kill()
        server.kill()


async def lean(folder: Path, results: int) -> None:
    file, port = folder / "objects.json", free_port()
    file.write_text(json.dumps(made(results)))
    command = [sys.executable, "-m", "bench.lean_s3", str(port), str(file), str(DELAY)]
    server = await asyncio.create_subprocess_exec(*command)
    variables = {**S3Server(folder, port).variables, "DOGDRIVER_BUCKET": "bench", "DOGDRIVER_SOURCE": "here"}
    daemon = Daemon(folder / "data", variables)
    try:
        await answers(f"http://127.0.0.1:{port}/bench", server)
        await daemon.start()
        began, before = time.perf_counter(), processor(daemon)
        await until_imported(daemon, results)
        took, computed = time.perf_counter() - began, processor(daemon) - before
        print(f"from a server that answers after {1000 * DELAY:.0f} ms: {took:.1f} s ({1000 * took / results:.2f} s for"
              f" 1,000), of which the daemon computed {computed:.1f} s")  # fmt: skip
    finally:
        if daemon.process is not None:
            await daemon.kill()
        server.kill()
        await server.wait()


async def listing(folder: Path, objects: int) -> None:
    world = World(folder)
    async with serve_standin(world.clock, api_key="api-key", app_key="app-key") as standin:
        world.standin = standin
        await world.open()
        shelf = Shelf()
        archive = Archive(replace(world.pipeline._context, source="here"), world.store, shelf, sync=30.0)  # noqa: SLF001 - a bench
        for number in range(objects):
            writer = ("oslo", "rome")[number % 2]
            shelve(shelf, finished(number, writer), writer, START + timedelta(minutes=number))
        began = time.perf_counter()
        await look(world, archive)
        first, took = shelf.requests - shelf.read, time.perf_counter() - began
        costs = []
        for _ in range(20):
            before = shelf.requests
            await look(world, archive)
            costs.append(shelf.requests - before)
        print(f"{objects:>7} objects: the first look {first} lists and {shelf.read} objects in {took:.1f} s, each later"
              f" one {min(costs)} to {max(costs)} requests")  # fmt: skip
        await world.close()


async def main() -> None:
    results = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder:
        await imported(Path(folder), results)
        place = Path(folder) / "lean"
        place.mkdir()
        await lean(place, results)
        for objects in (1_000, 10_000, 100_000):
            place = Path(folder) / str(objects)
            place.mkdir()
            await listing(place, objects)


if __name__ == "__main__":
    asyncio.run(main())

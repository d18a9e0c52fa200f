"""The dashboard while a run saturates its loop: the median time of its answers, as a ratio to the idle daemon's.

    python -m bench.dashboard [--workers 100] [--isolation thread|process] [--rounds 3]

Starts a daemon and a service under test as processes of their own; idle and loaded rounds alternate, so that a machine
whose speed drifts does not favour either. The goal is a ratio of at most 3.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.end_to_end.parts import Daemon, answers
from tests.ports import free_port

TARGET = """
import asyncio, sys
from aiohttp import web

async def thing(request):
    return web.Response(text="thing")

async def version(request):
    return web.json_response({"version": "1.0.0"})

app = web.Application()
app.router.add_get("/thing", thing)
app.router.add_get("/__version__", version)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""

LOADTEST = """
import os
from molotov import scenario

@scenario()
async def ask(session):
    async with session.get(os.environ["SERVER"] + "/thing") as answer:
        assert answer.status == 200
"""

PROJECTS = """
[defaults]
schedule = "off"
[[project]]
name = "thing"
isolation = "{isolation}"
[project.deployments]
stage = "http://127.0.0.1:{port}"
[project.test]
url = "{test}"
env = {{ SERVER = "{{endpoint}}" }}
"""

PAGES = ("/", "/api/v1/projects", "/p/thing")


@contextlib.asynccontextmanager
async def target(port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TARGET, str(port))
    try:
        await answers(f"http://127.0.0.1:{port}/thing", process)
        yield
    finally:
        process.terminate()
        await process.wait()


async def times(daemon: Daemon, seconds: float) -> dict[str, list[float]]:
    """One request after the other, for so long; ms by page."""
    found: dict[str, list[float]] = {page: [] for page in PAGES}
    end = time.perf_counter() + seconds
    async with aiohttp.ClientSession() as session:
        while time.perf_counter() < end:
            for page in PAGES:
                began = time.perf_counter()
                async with session.get(daemon.url + page) as answer:
                    await answer.read()
                    assert answer.status == 200, page
                found[page].append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.01)
    return found


async def loaded(daemon: Daemon, seconds: float) -> tuple[dict[str, list[float]], Any]:
    """The same in the middle of a run."""
    status, asked = await daemon.post("/api/v1/runs", {"project": "thing"})
    assert status == 202, asked
    run = asked["run"]["id"]
    while (await daemon.get(f"/api/v1/runs/{run}"))["run"]["status"] == "queued":
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    found = await times(daemon, seconds)
    while (document := (await daemon.get(f"/api/v1/runs/{run}"))["run"])["status"] in {"running", "pending"}:
        await asyncio.sleep(0.2)
    return found, document


async def measure(workers: int, isolation: str, rounds: int) -> None:
    with TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        (home / "test").mkdir()
        (home / "test" / "loadtest.py").write_text(LOADTEST)
        entry = {"scenario": "loadtest.py", "workers": workers, "duration": 12}
        (home / "test" / "molotov.json").write_text(json.dumps({"molotov": {"tests": {"dogdriver": entry}}}))
        projects = home / "projects.toml"
        projects.write_text(PROJECTS.format(isolation=isolation, port=port, test=home / "test"))
        daemon = Daemon(home / "data", {"DOGDRIVER_PROJECTS": str(projects)})
        async with target(port):
            await daemon.start()
            idle: dict[str, list[float]] = {page: [] for page in PAGES}
            busy: dict[str, list[float]] = {page: [] for page in PAGES}
            for _ in range(rounds):
                for page, found in (await times(daemon, 5)).items():
                    idle[page] += found
                more, document = await loaded(daemon, 5)
                for page, found in more.items():
                    busy[page] += found
            await daemon.end()
    client = document["client"]
    print(f"{workers} workers, isolation {isolation}, {rounds} rounds; the last run: {document['status']}, ", end="")
    print(f"{client['rps']:.0f} requests/s, load thread {client['cpu']:.2f} of a processor")
    print(f"{'page':<20} {'idle p50':>9} {'busy p50':>9} {'ratio':>6} {'idle p99':>9} {'busy p99':>9}  (ms)")
    for page in PAGES:
        a, b = statistics.median(idle[page]), statistics.median(busy[page])
        tails = [statistics.quantiles(found[page], n=100)[98] for found in (idle, busy)]
        print(f"{page:<20} {a:9.2f} {b:9.2f} {b / a:6.2f} {tails[0]:9.2f} {tails[1]:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--isolation", choices=("thread", "process"), default="thread")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.workers, arguments.isolation, arguments.rounds))


if __name__ == "__main__":
    main()

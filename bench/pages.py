"""What pages and API take, as ratios to a bare aiohttp handler that sends the same bytes after one read of SQLite.

    nice python -m bench.pages [--projects 212] [--runs 200] [--big 10000]

Each of so many projects has so many runs of six metrics, one of them has *big*; their newest releases are judged twice.
Both servers and the client are in one process, on loopback, and take turns; memory is that of a daemon of its own.
Not measured here: what a browser draws.
"""

import argparse
import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from dogdriver.calculator import Calculator
from dogdriver.model import Filter, Load, MetricState, MetricValue, Run, Status, Trigger
from dogdriver.pipeline.looks import Looks
from dogdriver.storage import Store, open_store
from dogdriver.storage import transitions as life
from dogdriver.storage.database import NAME, connect, locked
from tests.end_to_end.parts import Daemon
from tests.web.seeded import FixedCatalog, SeededSite, project

START = datetime(2026, 1, 1, tzinfo=UTC)
LEVELS = {"cpu": 40.0, "rps": 400.0, "art": 20.0, "client.rps": 400.0, "client.p50": 18.0, "client.p95": 40.0}
PLAIN = {"Accept-Encoding": "identity"}
TIMES = 15


def made(name: str, number: int, chance: Random, status: Status = Status.DONE) -> Run:
    at = START + timedelta(hours=number)
    return Run(
        id=f"{chance.getrandbits(128):032x}", project=name, deployment="stage", test="dogdriver", source="paris",
        status=status, trigger=Trigger.SCHEDULE, created=at, started=at, ended=at + timedelta(minutes=5),
        release=f"1.{number // 10}", version=f"1.{number // 10}", load=Load(5, 1, 300.0), content="tree",
        metrics={
            metric: MetricValue(MetricState.SETTLED, round(chance.gauss(level, level / 50), 4), 5, 5)
            for metric, level in LEVELS.items()
        },
    )  # fmt: skip


def fill(data: Path, names: list[str], runs: int, big: int, chance: Random) -> int:
    total = 0
    with locked(data):
        database = connect(data / NAME)
        database.execute("BEGIN IMMEDIATE")
        for place, name in enumerate(names):
            for number in range(big if place == 0 else runs):
                life.add(database, made(name, number, chance), None)
                total += 1
        database.execute("COMMIT")
        database.close()
    return total


async def judge(store: Store, catalog: FixedCatalog, names: list[str], calculator: Calculator) -> None:
    looks = Looks(store, calculator)
    for name in names:
        page = await store.runs.list(Filter(project=name), limit=1)
        for _ in range(2):
            await looks.look_again(page.runs[0], catalog.current.projects[name], START)


@asynccontextmanager
async def bare(data: Path, bodies: dict[str, bytes]) -> AsyncIterator[str]:
    """One read of SQLite, and the bytes."""
    database = connect(data / NAME)

    async def answer(request: web.Request) -> web.Response:
        database.execute("SELECT count(*) FROM state").fetchone()
        return web.Response(body=bodies[request.query["of"]], content_type="application/json")

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))
    database.close()


class Measured:
    """The client of both servers."""

    def __init__(self, site: str, rival: str, client: ClientSession, bodies: dict[str, bytes]) -> None:
        self._site, self._rival, self._client, self._bodies = site, rival, client, bodies

    async def get(self, path: str) -> float:
        """Ms."""
        began = time.perf_counter()
        async with self._client.get(self._site + path, headers=PLAIN) as answer:
            body = await answer.read()
            assert answer.status == 200, (path, body[:300])
        spent = (time.perf_counter() - began) * 1000
        self._bodies[path] = body
        return spent

    async def bare(self, path: str) -> float:
        began = time.perf_counter()
        async with self._client.get(self._rival, params={"of": path}) as answer:
            await answer.read()
        return (time.perf_counter() - began) * 1000

    async def row(self, title: str, path: str, before: Callable[[], Awaitable[Any]] | None = None) -> None:
        """Median and ratio; *before* each of our answers, something is written."""
        await self.get(path)
        ours, theirs = [], []
        for _ in range(TIMES):
            if before is not None:
                await before()
            ours.append(await self.get(path))
            theirs.append(await self.bare(path))
        show(title, self._bodies[path], median(ours), median(theirs))


def show(title: str, body: bytes, ours: float, theirs: float) -> None:
    wire = len(gzip.compress(body, 6)) / 1000
    print(f"{title:58} {len(body) / 1000:8.1f} {wire:8.1f} {ours:9.2f} {theirs:9.2f} {ours / theirs:7.1f}", flush=True)


async def measure(projects: int, runs: int, big: int) -> None:
    chance, names = Random(1), ["big", *(f"project{number:03}" for number in range(1, projects))]
    catalog = FixedCatalog(*(project(name) for name in names))
    calculator = Calculator()
    with TemporaryDirectory() as folder:
        data = Path(folder)
        async with open_store(data):
            pass
        began = time.perf_counter()
        total = fill(data, names, runs, big, chance)
        print(
            f"{projects} projects, {total} runs of {len(LEVELS)} metrics: {time.perf_counter() - began:.0f} s to fill"
        )
        async with open_store(data) as store:
            began = time.perf_counter()
            await judge(store, catalog, names, calculator)
            site = SeededSite(store, catalog=catalog)
            while await site.pipeline.show_next():
                pass
            print(f"judged twice, and cards: {time.perf_counter() - began:.0f} s")
        async with open_store(data) as store:
            await rows(data, SeededSite(store, catalog=catalog), calculator, chance)
        calculator.close()
        await memory(data)


async def rows(data: Path, site: SeededSite, calculator: Calculator, chance: Random) -> None:
    bodies: dict[str, bytes] = {}
    numbers = count(100_000)

    async def write() -> None:
        failed = made("project001", next(numbers), chance, Status.FAILED)
        await site.store.transitions.add(replace(failed, metrics={}, reason="a write"))

    async with (
        bare(data, bodies) as rival,
        TestServer(site.app(compute=calculator)) as server,
        ClientSession() as client,
    ):
        measured = Measured(str(server.make_url("/")).rstrip("/"), rival, client, bodies)
        print(f"{'':58} {'kB':>8} {'gzip kB':>8} {'ms':>9} {'bare ms':>9} {'ratio':>7}")
        for path in ("/api/v1/projects", "/"):
            first = await measured.get(path)
            bare_ones = [await measured.bare(path) for _ in range(TIMES)]
            show(f"{path}, first after a start", bodies[path], first, median(bare_ones))
        await measured.row("/api/v1/projects, after one write", "/api/v1/projects", write)
        await measured.row("/, after one write", "/", write)
        await measured.row("/p/big?runs=10000, uncached", "/p/big?runs=10000", write)
        await measured.row("series of 1,000 points, cached", "/api/v1/series/big/art")
        await measured.row("series of 1,000 points, uncached", "/api/v1/series/big/art", write)
        await measured.row("the first dogDriver's runs, cached", "/api/runs/big/art")
        await first_visit(measured, bodies)


async def first_visit(measured: Measured, bodies: dict[str, bytes]) -> None:
    """What a browser asks for to show a project with all its charts."""
    await measured.get("/p/project002")
    page = bodies["/p/project002"].decode()
    wanted = set(re.findall(r'"(/static/[^"]+)"', page)) | set(re.findall(r'data-series="([^"]+)"', page))
    modules = ("charts.js", "marks.js", "numbers.js", "scales.js", "vendor/uPlot.js")
    wanted |= {f"/static/{name}" for name in modules}
    for path in wanted:
        await measured.get(path.replace("&amp;", "&"))
    size = sum(len(gzip.compress(bodies[path.replace("&amp;", "&")], 6)) for path in {*wanted, "/p/project002"})
    print(f"first visit of a project: {size / 1000:.0f} kB compressed, {len(wanted) + 1} requests")


async def memory(data: Path) -> None:
    daemon = Daemon(data, {})
    await daemon.start()
    async with ClientSession() as client, client.get(daemon.url) as answer:
        await answer.read()
    assert daemon.process is not None
    print("memory of a daemon after its first overview:", resident(daemon.process.pid))
    await daemon.end()


def resident(process: int) -> str:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return str(re.findall(r"VmRSS:\s+(.*)", status)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=212)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--big", type=int, default=10_000)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.projects, arguments.runs, arguments.big))


if __name__ == "__main__":
    main()

"""`python -m bench.load`: what a load costs, beside `molotov -q`, and what it does to another loop of its process.

Both run the same test, which itself reports the CPU time between its global_setup and its global_teardown, so that
starting up counts for neither. Rounds alternate; the medians and the ratio of each round are printed.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

from dogdriver.model import Isolation, Job, Measured, Prepared, Snapshot
from dogdriver.runner import MolotovRunner
from tests.loadgen.service import Service

TEST = """
import json, os, time
import molotov
from molotov import scenario
URL, REPORT = os.environ['URL'], os.environ['REPORT']
@molotov.global_setup()
def begin(args):
    molotov.set_var('cpu', time.process_time())
@molotov.global_teardown()
def end():
    with open(REPORT, 'w') as file:
        json.dump({'cpu': time.process_time() - molotov.get_var('cpu'), 'requests': molotov.get_var('n')}, file)
@scenario()
async def one(session):
    molotov.set_var('n', (molotov.get_var('n') or 0) + 1)
    async with session.get(URL + '/users/17') as answer:
        await answer.read()
"""


def _serve(pipe: Connection) -> None:
    with Service() as service:
        pipe.send(service.url)
        pipe.recv()


@contextmanager
def service() -> Iterator[str]:
    """A server in a process of its own; gives its address."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,))
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def job(folder: Path, url: str, isolation: str, **entry: float) -> Job:
    (folder / "loadtest.py").write_text(TEST)
    prepared = Prepared(str(folder), None, entry, "bench", "0" * 40, None)
    env = {"URL": url, "REPORT": str(folder / "report.json")}
    return Job("bench", prepared, env, 1.0, Isolation(isolation))


def by_command_line(folder: Path, url: str, workers: int, seconds: int) -> float:
    """Requests per CPU second."""
    (folder / "loadtest.py").write_text(TEST)
    command = [
        str(Path(sys.executable).with_name("molotov")),
        "-q",
        "-w",
        str(workers),
        "-d",
        str(seconds),
        "loadtest.py",
    ]
    env = {**os.environ, "URL": url, "REPORT": str(folder / "report.json")}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    return _per_cpu_second(folder)


async def by_runner(folder: Path, url: str, workers: int, seconds: int, isolation: str) -> float:
    runner = MolotovRunner(folder / "data", lambda: datetime.now(UTC))
    await runner.load(
        job(folder, url, isolation, workers=workers, duration=seconds), cancelled=asyncio.Event(), watch=lambda _: None
    )
    return _per_cpu_second(folder)


def _per_cpu_second(folder: Path) -> float:
    report = json.loads((folder / "report.json").read_text())
    return float(report["requests"] / report["cpu"])


@asynccontextmanager
async def saturated(workers: int, isolation: str = "thread") -> AsyncIterator[list[Snapshot]]:
    """While this is entered, a load of *workers* goes as fast as it can in this process; gives its snapshots."""
    with service() as url, tempfile.TemporaryDirectory() as folder:
        runner = MolotovRunner(Path(folder) / "data", lambda: datetime.now(UTC))
        stop, loading = asyncio.Event(), asyncio.Event()
        snapshots: list[Snapshot] = []

        def watch(snapshot: Snapshot) -> None:
            snapshots.append(snapshot)
            if snapshot.requests:
                loading.set()

        wanted = job(Path(folder), url, isolation, workers=workers, duration=86400)
        load: asyncio.Task[Measured] = asyncio.create_task(runner.load(wanted, cancelled=stop, watch=watch))
        await loading.wait()
        try:
            yield snapshots
        finally:
            stop.set()
            await load


async def lags(seconds: float) -> list[float]:
    """By how many ms this loop is late, every 5 ms."""
    found, until = [], monotonic() + seconds
    while monotonic() < until:
        due = monotonic() + 0.005
        await asyncio.sleep(0.005)
        found.append((monotonic() - due) * 1000)
    return sorted(found)


def _shown(name: str, found: list[float]) -> None:
    p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
    print(f"{name:<28} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  longest {found[-1]:7.2f} ms", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=100)
    chosen = parser.parse_args()
    kinds = ("molotov -q", "thread", "process")
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with service() as url, tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.rounds):
            for kind in kinds if number % 2 else reversed(kinds):
                place = (Path(folder), url, chosen.workers, chosen.seconds)
                rate = by_command_line(*place) if kind == "molotov -q" else await by_runner(*place, kind)
                rates[kind].append(rate)
    for kind in kinds:
        ratios = sorted(ours / theirs for ours, theirs in zip(rates[kind], rates["molotov -q"], strict=True))
        print(
            f"{kind:<12} {statistics.median(rates[kind]):7.0f} requests per CPU second, ratio"
            f" {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )
    _shown("lag of this loop, idle", await lags(chosen.seconds))
    for isolation in ("thread", "process"):
        async with saturated(chosen.workers, isolation):
            _shown(f"while a {isolation} loads", await lags(chosen.seconds))


if __name__ == "__main__":
    asyncio.run(main())

"""A demo service as a process of its own, so that it and the load do not share a loop; it dies with its parent.

`start` is the parent's side, `main` the child's. Two things end the child: its standard input closes, and, where a
killed parent's pipe was inherited by somebody else, the kernel's signal.
"""

import argparse
import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web

from dogdriver.demo.feed import Feed, deliver_each_second
from dogdriver.demo.meter import Meter, Usage
from dogdriver.demo.releases import TRAINS
from dogdriver.demo.rollout import Rollout
from dogdriver.demo.service import Service, make_app
from dogdriver.errors import DogdriverError

STARTING = 20.0  # seconds
STOPPING = 5.0
ENVIRONMENT = "demo"
HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


@contextlib.asynccontextmanager
async def start(name: str, *, train: str, every: int, shipped: Path, datadog: str, api_key: str) -> AsyncIterator[str]:
    """Run the service *name* for as long as the context lasts; gives its address.

    *train* is one of TRAINS, *every* the load tests after which it moves on, *shipped* the file that remembers where it
    is, *datadog* the address its metrics go to. Raises DogdriverError where it does not come up.
    """
    options = {"name": name, "train": train, "every": every, "shipped": shipped, "datadog": datadog}
    words = [f"--{option}={value}" for option, value in options.items()]
    # Nothing of our own environment, for it may hold real keys; the demo's key does not show in the process list.
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "DD_API_KEY": api_key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dogdriver.demo.process", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        yield f"http://{HOST}:{await _port(process, name)}"
    finally:
        await _stop(process)


async def _port(process: asyncio.subprocess.Process, name: str) -> int:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        line = await asyncio.wait_for(process.stdout.readline(), STARTING)
        return int(line)
    except (TimeoutError, ValueError):
        raise DogdriverError(
            f"The demo's service {name} did not start; its error stands above. Start the demo again."
        ) from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOPPING)
    except TimeoutError:
        process.kill()
        await process.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m dogdriver.demo.process", description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--train", required=True, choices=sorted(TRAINS))
    parser.add_argument("--every", required=True, type=int, help="load tests between two releases")
    parser.add_argument("--shipped", required=True, type=Path, help="the file that counts the releases so far")
    parser.add_argument("--datadog", required=True, help="where the metrics go; DD_API_KEY is the key")
    options = parser.parse_args(arguments)
    _die_with_parent()
    logging.basicConfig(stream=sys.stderr, format=f"{options.name}: %(message)s")
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole group; the parent has said why
        asyncio.run(_serve(options, os.environ.get("DD_API_KEY", "")))  # noqa: TID251 - the wiring of this process


async def _serve(options: argparse.Namespace, api_key: str) -> None:
    name = options.name
    meter = Meter(name, ENVIRONMENT, f"{name}-1", closed=_now().timestamp(), usage=Usage.now())
    service = Service(TRAINS[options.train], Rollout(options.every), options.shipped)
    runner = web.AppRunner(make_app(service, meter, _now), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            feed = Feed(session, options.datadog, api_key)
            running = [
                tasks.create_task(deliver_each_second(meter, feed, _now)),
                tasks.create_task(service.release_when_due()),
            ]
            sys.stdout.write(f"{runner.addresses[0][1]}\n")
            sys.stdout.flush()
            await _end_of_input()
            for task in running:
                task.cancel()
    finally:
        await runner.cleanup()


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the wiring of this process


if __name__ == "__main__":
    main()

"""A real S3 server, and daemons that share a bucket in it."""

import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from dogdriver.demo.standin import Standin, serve_standin
from tests.archive.s3 import S3Server
from tests.archive.shared import Daemon
from tests.world import Clock

_names = (f"bucket{number}" for number in itertools.count())


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """What botocore knows of S3: each client reads it again, for a third of what these tests cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(functools.cache(JSONFileLoader().load_file)))
        yield


@pytest.fixture(scope="session", name="lasting_server")
def _lasting_server(starts_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(name="s3")
def _s3(lasting_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server that all tests share; each has buckets of its own."""
    _use(lasting_server, monkeypatch)
    return lasting_server


@pytest.fixture(name="own_s3")
def _own_s3(starts_processes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server that a test may kill."""
    server = S3Server(tmp_path / "s3")
    server.start()
    _use(server, monkeypatch)
    yield server
    server.kill()


def _use(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)


Start = Callable[..., Awaitable[Daemon]]


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="standin")
async def _standin(clock: Clock) -> AsyncIterator[Standin]:
    async with serve_standin(clock, api_key="api-key", app_key="app-key") as standin:
        yield standin


@pytest.fixture(name="start")
async def _start(tmp_path: Path, clock: Clock, standin: Standin) -> AsyncIterator[Start]:
    """Starts daemons by their source; all of one test share a bucket. Needs `s3` or `own_s3`."""
    bucket = next(_names)
    made: list[str] = []
    async with AsyncExitStack() as stack:

        async def start(source: str, *, data: str | None = None, **more: Any) -> Daemon:
            folder = tmp_path / (data or source)
            folder.mkdir(exist_ok=True)
            daemon = Daemon(folder, clock=clock, source=source, bucket_name=more.pop("bucket_name", bucket), **more)
            daemon.standin = standin
            await daemon.open()
            stack.push_async_callback(daemon.close)
            if daemon.bucket_name not in made:
                made.append(daemon.bucket_name)
                await daemon.bucket._client.create_bucket(Bucket=daemon.bucket_name)
            return daemon

        yield start

import asyncio
import json
import os
import shutil
import signal
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dogdriver import settings
from dogdriver.checkout import process as programs
from dogdriver.demo import process, repository
from dogdriver.demo.standin import serve_standin
from dogdriver.demo.world import SAMPLES, SOURCE, demo_world, document
from dogdriver.errors import DogdriverError
from dogdriver.metrics.query import default_metrics, render
from dogdriver.model import Clock

KEY = "a" * 32


def wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the world's own processes live on the wall clock


@pytest.fixture
def clock() -> Clock:
    return wall_clock


def projects(environ: Any) -> Any:
    return tomllib.loads(Path(environ["DOGDRIVER_PROJECTS"]).read_text(encoding="utf-8"))["project"]


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url, raise_for_status=True) as answer:
        return await answer.json()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children() -> set[int]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text(encoding="ascii").split()}
    return {pid for pid in found if b"dogdriver.demo.process" in Path(f"/proc/{pid}/cmdline").read_bytes()}


async def gone(pids: set[int]) -> None:
    """Returns when none of them is alive any more."""
    loop = asyncio.get_running_loop()
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            await asyncio.wait_for(ended.wait(), 120)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


async def written(file: Path) -> None:
    """Returns when *file* is there; another process writes it, so it can only be looked for."""
    async with asyncio.timeout(120):
        while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110 - no event reaches us
            await asyncio.sleep(0.05)


def command_lines(pids: set[int]) -> list[str]:
    return [Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") for pid in pids]


@pytest.mark.usefixtures("starts_processes")
async def test_the_world_starts_serves_and_leaves_no_process_behind(tmp_path: Path, clock: Clock) -> None:
    async with demo_world(tmp_path, clock) as environ, aiohttp.ClientSession() as session:
        running = children()
        read = settings.load(environ)
        assert read.source == SOURCE
        assert read.api_key
        assert read.app_key
        assert [p["name"] for p in projects(environ)] == [s.name for s in SAMPLES]
        for project in projects(environ):
            endpoint = project["deployments"]["demo"]
            assert (await get(session, f"{endpoint}/__version__"))["version"] == "1.0.0"
            assert (await get(session, f"{endpoint}/__heartbeat__"))["status"] == "ok"
            assert len(project["metric"]) == 3
        validate = f"{environ['DOGDRIVER_DATADOG_URL']}/api/v1/validate"
        async with session.get(validate, headers={"DD-API-KEY": environ["DD_API_KEY"]}) as answer:
            assert answer.status == 200
        assert len(running) == len(SAMPLES)

    assert not any(alive(pid) for pid in running)


@pytest.mark.usefixtures("starts_processes")
async def test_the_keys_do_not_show_in_the_process_list(tmp_path: Path, clock: Clock) -> None:
    async with demo_world(tmp_path, clock) as environ:
        lines = command_lines(children())
        assert len(lines) == len(SAMPLES)
        assert not any(environ[name] in line for line in lines for name in ("DD_API_KEY", "DD_APP_KEY"))


@pytest.mark.usefixtures("starts_processes")
async def test_a_service_changes_its_release_after_a_load_test_and_keeps_it_over_a_restart(
    tmp_path: Path, clock: Clock
) -> None:
    """What the service did is in the stand-in, as the default metrics read it."""
    options = {"train": "changing", "every": 1, "shipped": tmp_path / "shipped", "api_key": KEY}
    async with serve_standin(clock, api_key=KEY, app_key=KEY, delays={}) as standin, aiohttp.ClientSession() as session:
        async with process.start("parcels", datadog=standin.url, **options) as endpoint:  # type: ignore[arg-type]  # one dict for both
            begin = int(clock().timestamp())
            for _ in range(60):
                await get(session, f"{endpoint}/records")
            await written(tmp_path / "shipped")
            assert (await get(session, f"{endpoint}/__version__"))["version"] == "1.1.0"
            asked = {"from": begin, "to": int(clock().timestamp()) + 1}
            # The mean of a second is small where only the version was asked for, and great on a busy machine.
            expected = {"cpu": (0, 100), "rps": (1, 61), "art": (0.005, 60)}
            for metric in default_metrics(every=1):
                query = render(metric.query or "", {"project": "parcels", "deployment": "demo"})
                low, high = expected[metric.name]
                async with session.get(
                    f"{standin.url}/api/v1/query",
                    params={**asked, "query": query},
                    headers={"DD-API-KEY": KEY, "DD-APPLICATION-KEY": KEY},
                ) as answer:
                    series = (await answer.json())["series"]
                    assert len(series) == 1, query
                    points = [value for _, value in series[0]["pointlist"]]
                    assert all(0 <= value <= high for value in points), (query, points)
                    assert low <= max(points), (query, points)
        async with process.start("parcels", datadog=standin.url, **options) as endpoint:  # type: ignore[arg-type]  # one dict for both
            assert (await get(session, f"{endpoint}/__version__"))["version"] == "1.1.0"


@pytest.mark.usefixtures("starts_processes")
async def test_a_service_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = """
import asyncio, pathlib, sys
from dogdriver.demo import process

async def main():
    place, away = pathlib.Path(sys.argv[1]), "http://127.0.0.1:9"
    async with process.start("letters", train="steady", every=3, shipped=place, datadog=away, api_key="k"):
        children = pathlib.Path("/proc/self/task").glob("*/children")
        print(*(pid for one in children for pid in one.read_text().split()), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, str(tmp_path / "shipped"), stdout=asyncio.subprocess.PIPE, env=environ
    )
    assert started.stdout
    pids = {int(pid) for pid in (await asyncio.wait_for(started.stdout.readline(), 120)).split()}
    assert pids
    assert all(alive(pid) for pid in pids)

    started.send_signal(signal.SIGKILL)
    await started.wait()

    await gone(pids)


@pytest.mark.usefixtures("starts_processes")
async def test_a_service_that_cannot_start_is_said_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "shipped"
    broken.write_text("not a number", encoding="ascii")

    with pytest.raises(DogdriverError, match="service parcels did not start"):
        async with process.start(
            "parcels", train="changing", every=1, shipped=broken, datadog="http://127.0.0.1:9", api_key=KEY
        ):
            pass

    assert not children()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
@pytest.mark.usefixtures("starts_processes")
async def test_the_sample_test_is_a_repository_with_the_same_commit_each_time(tmp_path: Path) -> None:
    async def head() -> str:
        done = await programs.run(
            ["git", "rev-parse", "HEAD"], env=programs.environment({}), cwd=tmp_path / "loadtest", seconds=20
        )
        return done.out.strip()

    url = await repository.write(tmp_path / "loadtest")
    first = await head()
    again = await repository.write(tmp_path / "loadtest")

    assert url == again == f"file://{tmp_path}/loadtest"
    assert len(first) == 40
    assert await head() == first


@pytest.mark.usefixtures("starts_processes")
async def test_without_git_the_sample_test_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(repository._IDENTITY, "PATH", str(tmp_path))

    url = await repository.write(tmp_path / "loadtest")

    assert url == str(tmp_path / "loadtest")
    entry = json.loads((tmp_path / "loadtest/molotov.json").read_text(encoding="utf-8"))["molotov"]["tests"][
        "dogdriver"
    ]
    assert (tmp_path / "loadtest" / entry["scenario"]).is_file()


def test_the_projects_file_is_toml_whatever_the_place_is_called() -> None:
    place = '/tmp/a "quoted" [place]/\\loadtest'  # noqa: S108 - no file is made

    read = tomllib.loads(document(["http://127.0.0.1:1", "http://127.0.0.1:2"], place))

    assert read["project"][0]["test"]["url"] == place
    assert read["project"][1]["deployments"] == {"demo": "http://127.0.0.1:2"}

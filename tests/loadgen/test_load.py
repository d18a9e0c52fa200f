import asyncio
import random  # noqa: TID251 - its state is looked at
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogdriver.loadgen.interpreter import ENVIRON
from dogdriver.model import Clock, Phase, Snapshot, Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, GET, MakeJob, ignore, never


def here() -> Path:
    return Path.cwd()


def leftovers(directory: str) -> list[Path]:
    return list(Path(directory).rglob("__pycache__"))


@BOTH
async def test_counts_requests_and_executions(
    runner: MolotovRunner, job: MakeJob, service: Any, isolation: str
) -> None:
    wanted = job(GET, isolation=isolation, workers=2, max_runs=5)
    measured = await runner.load(wanted, cancelled=never(), watch=ignore)
    assert (measured.tally.ok, measured.tally.failed, measured.tally.requests, measured.tally.errors) == (10, 0, 10, 0)
    assert service.hits == {"/users/17": 10}
    assert measured.client.statuses == {"200": 10}
    assert [e.name for e in measured.client.endpoints] == ["GET /users/{id}"]
    assert measured.client.rps == pytest.approx(10 / measured.window.seconds, rel=1e-3)
    assert measured.stopped is None
    assert not measured.clock_stepped
    assert not [name for name in sys.modules if name.startswith("molotov")]


@BOTH
async def test_the_smoke_runs_each_scenario_once_without_those_of_weight_0(
    runner: MolotovRunner, job: MakeJob, service: Any, isolation: str
) -> None:
    code = """
@scenario(weight=5, delay=60)
async def one(session):
    await session.get(URL + '/one')
@scenario(weight=0)
async def never(session):
    await session.get(URL + '/never')
@scenario()
async def two(session):
    await session.get(URL + '/two')
"""
    measured = await runner.smoke(job(code, isolation=isolation, workers=9, processes=2, delay=60), cancelled=never())
    assert service.hits == {"/one": 1, "/two": 1}
    assert measured.tally.ok == 2


@pytest.mark.usefixtures("starts_processes")
async def test_processes_load_together(runner: MolotovRunner, job: MakeJob, service: Any) -> None:
    code = """
@molotov.global_setup()
def signup(args):
    molotov.set_var('account', molotov.json_request(URL + '/signup')['status'])
@molotov.global_teardown()
def leave():
    molotov.request(URL + '/leave')
@scenario()
async def one(session):
    await session.get(URL + f"/account/{molotov.get_var('account')}")
"""
    measured = await runner.load(job(code, workers=2, processes=3, max_runs=4), cancelled=never(), watch=ignore)
    assert service.hits == {"/signup": 1, "/account/200": 24, "/leave": 1}
    assert (measured.tally.ok, measured.tally.requests) == (24, 24)
    assert measured.client.endpoints[0].count == 24


@BOTH
async def test_the_habits_of_real_tests(runner: MolotovRunner, job: MakeJob, service: Any, isolation: str) -> None:
    """Helper modules, relative files, sys.path.append, the environment read at import, set_var, two runs in a row."""
    code = """
sys.path.append('.')
import helper
from stacks import more
WEIGHT = int(os.environ['WEIGHT_OFF'])
with open('stacks/one.json') as file:
    DATA = file.read()
print('imported', os.environ['MINE'])
@molotov.setup()
async def setup(worker_id, args):
    return {'headers': {'X-Worker': str(worker_id)}}
@molotov.setup_session()
async def session_setup(worker_id, session):
    molotov.get_var('n', factory=lambda: [])
@scenario(weight=WEIGHT)
async def off(session):
    raise ValueError
@scenario(weight=helper.WEIGHT)
async def on(session):
    assert molotov.get_context(session).worker_id == 0
    with open('stacks/one.json') as file:
        assert file.read() == DATA
    await session.get(URL + '/' + os.environ['MINE'])
"""
    files = {"helper.py": "WEIGHT = 3", "stacks/one.json": "[1]", "stacks/__init__.py": "", "stacks/more.py": ""}
    wanted = job(
        code, isolation=isolation, files=files, max_runs=3, verbose=2, console=True, quiet=True, debug=True,
        statsd=True, env={"MINE": "job", "WEIGHT_OFF": "0"},
    )  # fmt: skip
    wanted.prepared.entry["env"] = {"MINE": "entry"}  # type: ignore[index]  # a dict, in fact
    before, folder, drawn = dict(ENVIRON), here(), random.getstate()
    path, modules = list(sys.path), set(sys.modules)
    lines: list[str] = []
    for _ in range(2):
        measured = await runner.load(wanted, cancelled=never(), watch=lambda s: lines.extend(s.lines))
        assert measured.tally.ok == 3, lines
    assert service.hits == {"/job": 6}
    assert lines.count("imported job") == 2
    assert (dict(ENVIRON), here(), random.getstate(), sys.path) == (before, folder, drawn, path)
    assert not {name for name in set(sys.modules) - modules if name in {"helper", "loadtest", "stacks", "stacks.more"}}
    assert not leftovers(wanted.prepared.directory)


@BOTH
async def test_snapshots_come_and_lines_are_masked_and_bounded(
    tmp_path: Path, clock: Clock, job: MakeJob, isolation: str
) -> None:
    code = """
print('the key is hush-hush')
@scenario()
async def one(session):
    for _ in range(150):
        print('line')
    await session.get(URL + '/')
    await asyncio.sleep(0.01)
    raise ValueError('hush-hush')
"""
    runner = MolotovRunner(tmp_path / "data", clock, grace=60.0, mask=lambda text: text.replace("hush-hush", "***"))
    seen: list[tuple[Snapshot, bool]] = []
    enough = asyncio.Event()

    def watch(snapshot: Snapshot) -> None:
        seen.append((snapshot, threading.current_thread() is threading.main_thread()))
        if snapshot.state is Phase.LOADING and snapshot.failed:
            enough.set()

    measured = await runner.load(job(code, isolation=isolation, duration=86400), cancelled=enough, watch=watch)
    snapshots = [snapshot for snapshot, _ in seen]
    assert all(main for _, main in seen)
    loading = [s for s in snapshots if s.state == "loading" and s.requests]
    assert loading
    assert loading[0].rps
    assert loading[0].p50 is not None
    assert 0 < loading[0].progress <= 1
    lines = [line for s in snapshots for line in s.lines]
    assert "the key is ***" in lines
    assert all(len(s.lines) <= 51 for s in snapshots)
    assert any(line.startswith("… and ") for line in lines)
    assert "hush-hush" not in repr((snapshots, measured))
    assert measured.client.failures[0][0] == "ValueError: ***"


@BOTH
async def test_sys_exit_in_a_scenario_ends_the_run(runner: MolotovRunner, job: MakeJob, isolation: str) -> None:
    code = "@scenario()\nasync def one(session):\n    sys.exit('enough')\n"
    measured = await runner.load(job(code, isolation=isolation, workers=3), cancelled=never(), watch=ignore)
    assert measured.stopped is Stopped.EXIT
    assert measured.reason == "the test ended the run: SystemExit: enough (loadtest.py:7)"


@pytest.mark.usefixtures("starts_processes")
async def test_a_process_that_dies_ends_the_run(runner: MolotovRunner, job: MakeJob) -> None:
    code = "@scenario()\nasync def one(session):\n    os.kill(os.getpid(), 11)\n"
    measured = await runner.load(job(code, isolation="process"), cancelled=never(), watch=ignore)
    assert (measured.stopped, measured.client.rps) == (Stopped.EXIT, None)
    assert measured.reason == "the test's process ended by itself, killed by SIGSEGV"
    measured = await runner.load(job(code, processes=2), cancelled=never(), watch=ignore)
    assert measured.stopped is Stopped.EXIT
    assert "of 2 of the load ended by itself" in (measured.reason or "")


@BOTH
async def test_the_guard_stops_a_load_that_fails(runner: MolotovRunner, job: MakeJob, isolation: str) -> None:
    code = "@scenario()\nasync def one(session):\n    await asyncio.sleep(0.01)\n    assert False\n"
    measured = await runner.load(
        job(code, isolation=isolation, guard=0.5, workers=2, duration=86400), cancelled=never(), watch=ignore
    )
    assert measured.stopped is Stopped.GUARD
    assert measured.client.error_ratio == 1.0
    assert measured.reason == "100% of the executions of the last minute failed, so the load was ended"


@BOTH
async def test_fail_decides_success(runner: MolotovRunner, job: MakeJob, isolation: str) -> None:
    code = "@scenario()\nasync def one(session):\n    assert False\n"
    for fail, failed in ((3, True), (4, False)):
        wanted = job(code, isolation=isolation, max_runs=3, fail=fail)
        assert (await runner.load(wanted, cancelled=never(), watch=ignore)).failed is failed


async def test_a_wall_clock_that_is_set_is_noticed_and_not_followed(tmp_path: Path, job: MakeJob) -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    readings = iter([start, start + timedelta(hours=1)])
    runner = MolotovRunner(tmp_path / "data", lambda: next(readings), grace=60.0)
    measured = await runner.load(job(GET, max_runs=1), cancelled=never(), watch=ignore)
    assert measured.clock_stepped
    assert start <= measured.window.start <= measured.window.end < start + timedelta(minutes=30)


@BOTH
async def test_errors_of_requests_are_counted_once(runner: MolotovRunner, job: MakeJob, isolation: str) -> None:
    code = """
@scenario()
async def one(session):
    await session.get(URL + '/status/503')
    await session.get(URL + '/drop')
"""
    measured = await runner.load(job(code, isolation=isolation, max_runs=2), cancelled=never(), watch=ignore)
    assert (measured.tally.failed, measured.tally.requests, measured.tally.errors) == (2, 4, 4)
    assert measured.client.statuses == {"503": 2}
    ((message, count),) = measured.client.failures
    assert (message.startswith("GET /drop: ServerDisconnectedError"), count) == (True, 2)
    assert [(s.name, s.count, s.errors) for s in measured.client.scenarios] == [("one", 4, 4)]


async def test_no_request_is_a_rate_of_zero_and_no_latency(runner: MolotovRunner, job: MakeJob) -> None:
    measured = await runner.load(
        job("@scenario()\nasync def one(session): pass\n", max_runs=2), cancelled=never(), watch=ignore
    )
    assert (measured.client.rps, measured.client.p50, measured.client.histogram) == (0.0, None, None)
    assert [(s.name, s.count, s.p50) for s in measured.client.scenarios] == [("one", 0, None)]

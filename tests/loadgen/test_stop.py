"""Loads that are told to end, in every state in which that can happen."""

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from dogdriver.model import Job, Measured, Phase, Snapshot, Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, MakeJob, ignore, until


def scenario(body: str) -> str:
    return f"@scenario()\nasync def one(session):\n    open('executing', 'w').close()\n{body}"


async def cancelled_when_executing(runner: MolotovRunner, wanted: Job) -> Measured:
    """Its scenario tells that it was begun by making the file `executing`."""
    cancelled = asyncio.Event()
    load = asyncio.create_task(runner.load(wanted, cancelled=cancelled, watch=ignore))
    executing = Path(wanted.prepared.directory) / "executing"
    assert await until(lambda: load.done() or executing.exists())
    cancelled.set()
    return await load


def load_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("load ")]


@BOTH
@pytest.mark.parametrize(
    ("body", "processes"),
    [
        ("    await session.get(URL + '/')\n    await asyncio.sleep(0.05)\n", 1),
        ("    await session.get(URL + '/hang')\n", 1),
        pytest.param("    await session.get(URL + '/hang')\n", 2, marks=pytest.mark.processes),
        ("    await asyncio.sleep(3600)\n", 1),
        ("    from molotov.util import cancellable_sleep\n    while True: await cancellable_sleep(3600)\n", 1),
        ("    while True:\n        try: await asyncio.sleep(3600)\n        except asyncio.CancelledError: pass\n", 1),
    ],
)
async def test_ends_when_it_is_told_to(
    impatient: MolotovRunner, job: MakeJob, isolation: str, body: str, processes: int
) -> None:
    wanted = job(scenario(body), isolation=isolation, processes=processes, workers=2, duration=86400)
    measured = await cancelled_when_executing(impatient, wanted)
    assert measured.stopped is Stopped.CANCELLED
    assert await until(lambda: not load_threads())  # on a busy machine it may be given up just before it ends


@pytest.mark.usefixtures("starts_processes")
async def test_a_blocked_thread_is_left_and_the_next_test_runs_in_a_process(
    impatient: MolotovRunner, job: MakeJob, tmp_path: Path
) -> None:
    runner = impatient
    release = tmp_path / "release"
    body = f"    while not os.path.exists({str(release)!r}): time.sleep(0.05)\n"
    here = Path.cwd()
    measured = await cancelled_when_executing(runner, job(scenario(body), duration=86400))
    assert measured.stopped is Stopped.CANCELLED
    assert "left behind, blocked at loadtest.py:8" in (measured.reason or "")
    assert Path.cwd() == here
    lines: list[str] = []
    code = scenario("    print('pid', os.getpid())\n")
    second = await runner.load(job(code, max_runs=1), cancelled=asyncio.Event(), watch=lambda s: lines.extend(s.lines))
    assert second.tally.ok == 1
    assert any(line.startswith("a thread of an earlier test is still blocked") for line in lines)
    assert f"pid {os.getpid()}" not in lines
    release.touch()
    assert await until(lambda: not load_threads())
    third = await runner.load(job(code, max_runs=1), cancelled=asyncio.Event(), watch=lambda s: lines.extend(s.lines))
    assert third.tally.ok == 1
    assert f"pid {os.getpid()}" in lines


@pytest.mark.usefixtures("starts_processes")
async def test_a_blocked_process_is_killed(impatient: MolotovRunner, job: MakeJob) -> None:
    code = scenario("    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(3600)\n")
    wanted = job("import signal\n" + code, isolation="process", duration=86400)
    measured = await cancelled_when_executing(impatient, wanted)
    assert measured.stopped is Stopped.CANCELLED
    assert measured.client.rps is None


IMPORT_UNTIL_STOPPED = """
import gc
from dogdriver.loadgen.engine import StopSignal
def known_here():
    signals = [each for each in gc.get_objects() if isinstance(each, StopSignal)]
    return any(each.is_set for each in signals)
while not (os.path.exists('stopping') and known_here()): time.sleep(0.01)
"""


@BOTH
async def test_cancelled_before_it_loads(runner: MolotovRunner, job: MakeJob, isolation: str, service: Any) -> None:
    """Its import goes on until the stop has come to where it will load: in a process that takes a moment."""
    code = IMPORT_UNTIL_STOPPED + "@scenario()\nasync def one(session):\n    await session.get(URL + '/')\n"
    wanted = job(code, isolation=isolation, duration=86400)

    def watch(snapshot: Snapshot) -> None:
        if snapshot.state is Phase.STOPPING:
            (Path(wanted.prepared.directory) / "stopping").touch()

    cancelled = asyncio.Event()
    cancelled.set()
    measured = await runner.load(wanted, cancelled=cancelled, watch=watch)
    assert measured.stopped is Stopped.CANCELLED
    assert measured.tally.ok == 0
    assert not service.hits


@BOTH
async def test_a_cancelled_task_leaves_nothing_running(
    runner: MolotovRunner, job: MakeJob, isolation: str, service: Any
) -> None:
    wanted = job(scenario("    await session.get(URL + '/')\n"), isolation=isolation, duration=600)
    loading = asyncio.Event()
    task = asyncio.create_task(
        runner.load(
            wanted, cancelled=asyncio.Event(), watch=lambda s: loading.set() if s.state is Phase.LOADING else None
        )
    )
    await loading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not load_threads()
    assert (
        await runner.load(job(scenario("    pass\n"), max_runs=1), cancelled=asyncio.Event(), watch=ignore)
    ).tally.ok


async def test_a_blocking_scenario_does_not_block_this_loop(runner: MolotovRunner, job: MakeJob) -> None:
    """The scenario blocks until this loop has released it, which it could not if it were blocked, too."""
    body = "    while not os.path.exists('released'): time.sleep(0.01)\n    time.sleep(1.3)\n"
    wanted = job(scenario(body), max_runs=1)
    load = asyncio.create_task(runner.load(wanted, cancelled=asyncio.Event(), watch=ignore))
    folder = Path(wanted.prepared.directory)
    assert await until((folder / "executing").exists)
    (folder / "released").touch()
    measured = await load
    assert (measured.client.stall or 0) > 1000
    assert measured.client.grade == "invalid"
    assert "stood still" in measured.client.reasons[0]


OVERDUE = """
executing = 0
@scenario()
async def one(session):
    global executing
    executing += 1
    if executing == 2:  # both workers are: now the loop's clock goes forward
        loop = asyncio.get_running_loop()
        before = loop.time
        loop.time = lambda: before() + 86400
    await asyncio.Event().wait()
"""


async def test_the_overdue_are_ended_and_count_as_failed(impatient: MolotovRunner, job: MakeJob) -> None:
    measured = await impatient.load(job(OVERDUE, duration=3600, workers=2), cancelled=asyncio.Event(), watch=ignore)
    assert (measured.stopped, measured.tally.ok, measured.tally.failed) == (None, 0, 2)
    assert "2 scenarios were still running" in (measured.reason or "")


@pytest.mark.usefixtures("starts_processes")
async def test_the_child_sees_no_secret(runner: MolotovRunner, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_API_KEY", "hush-hush")
    lines: list[str] = []
    code = "import json\nprint('env', json.dumps(sorted(os.environ)))\n" + scenario("    pass\n")
    await runner.load(
        job(code, isolation="process", max_runs=1), cancelled=asyncio.Event(), watch=lambda s: lines.extend(s.lines)
    )
    (shown,) = [line for line in lines if line.startswith("env ")]
    names = set(json.loads(shown[4:]))
    assert "URL" in names
    allowed = {
        "URL",
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    }
    assert not {n for n in names - allowed if not n.startswith(("LC_", "PYTHON")) and not n.endswith("_NUM_THREADS")}

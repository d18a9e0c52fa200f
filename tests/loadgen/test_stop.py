"""Loads that are told to end, in every state in which that can happen."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.orphans import Orphans, started_at
from dogdriver.model import Clock, Job, Measured, Phase, Snapshot, Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.conftest import until

MakeJob = Callable[..., Job]
BOTH = pytest.mark.parametrize("isolation", ["thread", pytest.param("process", marks=pytest.mark.processes)])


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


def ignore(_: Snapshot) -> None:
    pass


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


@BOTH
async def test_cancelled_before_it_loads(runner: MolotovRunner, job: MakeJob, isolation: str, service: Any) -> None:
    cancelled = asyncio.Event()
    cancelled.set()
    wanted = job(scenario("    await session.get(URL + '/')\n"), isolation=isolation, duration=600)
    measured = await runner.load(wanted, cancelled=cancelled, watch=ignore)
    assert measured.stopped is Stopped.CANCELLED
    assert measured.tally.ok == 0


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
    assert not {n for n in names - allowed if not n.startswith(("LC_", "PYTHON"))}


DAEMON = """
import asyncio, json, sys
from datetime import UTC, datetime
from pathlib import Path
from dogdriver.model import Isolation, Job, Prepared
from dogdriver.runner import MolotovRunner
folder, url, isolation, processes = sys.argv[1:]
prepared = Prepared(folder, None, {"workers": 2, "duration": 600, "processes": int(processes)}, "t", "0", None)
runner = MolotovRunner(Path(folder) / "data", lambda: datetime.now(UTC))
job = Job("r", prepared, {"URL": url}, 1.0, Isolation(isolation))
asyncio.run(runner.load(job, cancelled=asyncio.Event(), watch=lambda s: print(s.requests, flush=True)))
"""


async def all_gone(known: list[dict[str, Any]]) -> bool:
    return await until(lambda: not any(started_at(item["pid"]) == item["born"] for item in known))


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize(("isolation", "processes"), [("thread", 1), ("process", 1), ("process", 2)])
async def test_nothing_goes_on_loading_when_the_daemon_is_killed(
    tmp_path: Path, service: Any, isolation: str, processes: int
) -> None:
    (tmp_path / "loadtest.py").write_text(
        "import asyncio, os\nfrom molotov import scenario\n"
        "@scenario()\nasync def one(session):\n"
        "    await session.get(os.environ['URL'] + '/')\n    await asyncio.sleep(0.01)\n"
    )
    daemon = subprocess.Popen(  # noqa: ASYNC220 - it is not waited for
        [sys.executable, "-c", DAEMON, str(tmp_path), service.url, isolation, str(processes)], stdout=subprocess.PIPE
    )
    assert daemon.stdout is not None
    with daemon.stdout as said:
        while int(said.readline()) == 0:
            pass
        known = json.loads((tmp_path / "data" / "load.json").read_text()) if isolation == "process" else []
        daemon.send_signal(signal.SIGKILL)
        await asyncio.to_thread(daemon.wait)
    assert len(known) == {"thread": 0, "process": 1 if processes == 1 else 3}[isolation]
    assert await all_gone(known)
    assert await until(lambda: not service.connected)  # each of them keeps its connection for as long as it lives
    assert service.total > 0


HELPER = """
import subprocess, sys
def helper():
    made = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    with open('helper.pid', 'w') as file:
        file.write(str(made.pid))
"""


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize("processes", [1, 2])
async def test_a_process_that_dies_takes_with_it_what_it_has_started(
    runner: MolotovRunner, job: MakeJob, processes: int
) -> None:
    """The helper holds the pipe of the test's output, for which nobody must wait."""
    code = "helper()\n@scenario()\nasync def one(session):\n    os._exit(3)\n"
    wanted = job(HELPER + code, isolation="process", workers=1, duration=600, processes=processes)
    measured = await runner.load(wanted, cancelled=asyncio.Event(), watch=ignore)
    assert measured.stopped is Stopped.EXIT
    assert measured.reason
    assert "ended by itself" in measured.reason
    assert await all_gone(_helper(wanted.prepared.directory))


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize("noted", [0, 1], ids=["the leader", "the members"])
async def test_what_cannot_be_put_on_record_does_not_load(
    runner: MolotovRunner, job: MakeJob, service: Any, monkeypatch: pytest.MonkeyPatch, noted: int
) -> None:
    record, left = Orphans.record, noted

    def full(orphans: Orphans, pids: list[int]) -> None:
        nonlocal left
        if not left:
            raise OSError(28, "No space left on device")
        left -= 1
        record(orphans, pids)

    monkeypatch.setattr(Orphans, "record", full)
    wanted = job(scenario("    await session.get(URL + '/')\n"), isolation="process", processes=2, duration=600)
    with pytest.raises(LoadTestError, match=r"cannot be noted in the data directory \(No space left on device\)"):
        await runner.load(wanted, cancelled=asyncio.Event(), watch=ignore)
    assert not service.hits


@pytest.mark.usefixtures("starts_processes")
async def test_recover_ends_what_the_processes_had_started(tmp_path: Path, clock: Clock) -> None:
    said = "import subprocess, sys; made = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    leader = subprocess.Popen(  # noqa: ASYNC220 - it is not waited for
        [sys.executable, "-c", f"{said}; print(made.pid, flush=True); made.wait()"],
        start_new_session=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert leader.stdout is not None
    with leader.stdout as out:
        helper = int(out.readline())
    known = [{"pid": helper, "born": started_at(helper)}]
    Orphans(tmp_path / "load.json").record([leader.pid])
    leader.kill()  # as the kernel does when the daemon dies
    await asyncio.to_thread(leader.wait)
    assert started_at(helper) == known[0]["born"]
    await MolotovRunner(tmp_path, clock).recover()
    assert await all_gone(known)


def _helper(directory: str) -> list[dict[str, Any]]:
    pid = int((Path(directory) / "helper.pid").read_text())
    return [{"pid": pid, "born": started_at(pid)}] if started_at(pid) else []


@pytest.mark.usefixtures("starts_processes")
async def test_recover_ends_recorded_processes_and_no_others(tmp_path: Path, clock: Clock) -> None:
    runner = MolotovRunner(tmp_path, clock)
    await runner.recover()
    ours, other = (
        subprocess.Popen(  # noqa: ASYNC220 - they are not waited for
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        for _ in range(2)
    )
    orphans = Orphans(tmp_path / "load.json")
    orphans.record([ours.pid])
    known = json.loads((tmp_path / "load.json").read_text())
    (tmp_path / "load.json").write_text(json.dumps([*known, {"pid": other.pid, "born": "another time"}, "junk"]))
    try:
        await runner.recover()
        assert await asyncio.to_thread(ours.wait) == -signal.SIGKILL
        assert other.poll() is None
        assert not (tmp_path / "load.json").exists()
    finally:
        other.kill()
        other.wait()
    (tmp_path / "load.json").write_text("not json")
    await runner.recover()

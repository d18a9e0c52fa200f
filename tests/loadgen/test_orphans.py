"""Nothing of a load outlives its daemon, or the process that started it."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.orphans import Orphans, started_at
from dogdriver.model import Clock, Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import GET, MakeJob, ignore, until

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
    wanted = job(GET, isolation="process", processes=2, duration=600)
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

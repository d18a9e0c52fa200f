"""Tests that cannot be run, and what is said of them."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.supervisor import Limits
from dogdriver.model import Clock, Phase, Snapshot
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, GET, MakeJob, ignore, never


@BOTH
@pytest.mark.parametrize(
    ("code", "entry", "said"),
    [
        ("x = unknown\n", {}, "raised NameError: name 'unknown' is not defined (loadtest.py:5)"),
        ("def f(:\n", {}, "(loadtest.py:5)"),
        ("sys.exit(3)\n", {}, "raised SystemExit: 3 (loadtest.py:5)"),
        ("import helper\n", {}, "ModuleNotFoundError: No module named 'helper' (loadtest.py:5)"),
        ("", {}, "registers no scenario"),
        ("@scenario(weight=0)\nasync def one(session): pass\n", {}, "registers no scenario"),
        (GET, {"single_mode": "two"}, "no scenario 'two' for single_mode; there are one"),
        (GET, {"use_extension": ["missing.py"]}, "the extension missing.py of entry dogdriver raised"),
        (GET, {"scenario": "../other.py"}, "lies outside the test's folder"),
        (GET + "@molotov.setup()\nasync def s(w, a): raise ValueError('no account')\n", {}, "no account"),
        (GET + "@molotov.setup()\nasync def s(w, a): return 3\n", {}, "setup fixture of entry dogdriver failed"),
        (GET + "@molotov.setup_session()\nasync def s(w, n): raise ValueError('x')\n", {}, "the setup_session fixture"),
        (
            GET + "@molotov.global_setup()\ndef s(a): raise OSError('db')\n",
            {},
            "global_setup fixture of entry dogdriver",
        ),
        (GET + "@molotov.scenario_picker()\ndef p(w, s): raise OSError('db')\n", {}, "every worker of entry dogdriver"),
        (GET + "@molotov.setup()\nasync def s(w, a): return {'bad': 1}\n", {}, "every worker of entry dogdriver"),
    ],
)
async def test_a_test_that_cannot_run_says_why(
    runner: MolotovRunner, job: MakeJob, isolation: str, code: str, entry: dict[str, Any], said: str
) -> None:
    with pytest.raises(LoadTestError) as raised:
        await runner.load(job(code, isolation=isolation, max_runs=1, **entry), cancelled=never(), watch=ignore)
    assert said in raised.value.message
    assert not [name for name in sys.modules if name.startswith("molotov")]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"workerz": 3}, "unknown option workerz; the known ones are"),
        ({"workers": 0}, "workers of entry dogdriver of molotov.json must be a whole number from 1, not 0"),
        ({"workers": True}, "workers"),
        ({"duration": "300"}, "must be a number of seconds, not '300'"),
        ({"single_mode": "one", "single_run": True}, "both single_mode and single_run"),
    ],
)
def test_describe_refuses_nonsense(runner: MolotovRunner, job: MakeJob, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadTestError, match=r"molotov\.json") as raised:
        runner.describe(job(GET, **entry).prepared)
    assert said in raised.value.message


def test_describe_says_what_shapes_the_load(runner: MolotovRunner, job: MakeJob) -> None:
    load = runner.describe(job(GET, workers=3, duration=5, verbose=1, console=True, delay=0.5, fail=None).prepared)
    assert (load.workers, load.processes, load.duration) == (3, 1, 5.0)
    assert load.options == {"delay": 0.5, "scenario": "loadtest.py"}
    assert runner.describe(job(GET, sizing=True).prepared).workers == 500


@pytest.mark.usefixtures("starts_processes")
async def test_a_setup_that_hangs_is_cut_off(
    tmp_path: Path, clock: Clock, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = 0.0

    def watch(snapshot: Snapshot) -> None:
        nonlocal skipped
        if snapshot.state is Phase.GLOBAL_SETUP:
            skipped = 3600.0

    monkeypatch.setattr("dogdriver.loadgen.supervisor.monotonic", lambda: time.monotonic() + skipped)
    runner = MolotovRunner(tmp_path / "data", clock, grace=1.0, limits=Limits(setup=3600.0))
    code = GET + "@molotov.global_setup()\ndef s(args): time.sleep(3600)\n"
    with pytest.raises(LoadTestError, match="global_setup of entry dogdriver took longer than 3600 s"):
        await runner.load(job(code, isolation="process"), cancelled=never(), watch=watch)


@pytest.mark.usefixtures("starts_processes")
async def test_a_teardown_that_hangs_is_cut_off(tmp_path: Path, clock: Clock, job: MakeJob) -> None:
    runner = MolotovRunner(tmp_path / "data", clock, grace=1.0, limits=Limits(teardown=0.1))
    code = GET + "@molotov.global_teardown()\ndef s(): time.sleep(3600)\n"
    measured = await runner.load(job(code, isolation="process", max_runs=2), cancelled=never(), watch=ignore)
    assert (measured.tally.ok, measured.stopped) == (2, None)

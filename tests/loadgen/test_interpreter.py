"""What a test changes in the interpreter is put back, also while the daemon's own thread goes on importing."""

import gc
import logging
import os
import socket
import sys
import threading
import time
import warnings
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen import molotov
from dogdriver.loadgen.interpreter import InterpreterState
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, GET, MakeJob, ignore, never, until

_names = count()


def imported() -> None:
    """What another thread may do between any two steps of ours."""
    name = f"imported_meanwhile_{next(_names)}"
    sys.modules[name] = ModuleType(name)
    sys.path_importer_cache[f"/nowhere/{name}"] = None
    logging.getLogger(name)


class Name(str):
    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        imported()
        return False


class Module(ModuleType):
    @property
    def __file__(self) -> str:  # type: ignore[override]  # found while somebody looks
        imported()
        return "/nowhere.py"


def test_molotovs_modules_are_found_while_others_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, Name("looked_at"), ModuleType("looked_at"))
    assert all(name.split(".")[0] == "molotov" for name in molotov.modules())


def test_a_tests_modules_are_forgotten_while_others_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = InterpreterState(str(tmp_path), None)
    state.enter({}, str(tmp_path))
    try:
        mine = ModuleType("of_the_test")
        mine.__file__ = str(tmp_path / "of_the_test.py")
        monkeypatch.setitem(sys.modules, "of_the_test", mine)
        monkeypatch.setitem(sys.modules, "looked_at", Module("looked_at"))
    finally:
        assert state.restore() == []
    assert "of_the_test" not in sys.modules


@BOTH
async def test_the_installed_requirements_are_importable_in_that_run_only(
    runner: MolotovRunner, job: MakeJob, isolation: str, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        site = tmp_path / f"site{version}"
        (site / "required").mkdir(parents=True)
        (site / "required" / "__init__.py").write_text(f"VERSION = {version}")
        wanted = job(f"import required\nassert required.VERSION == {version}\n" + GET, isolation=isolation, max_runs=1)
        wanted = replace(wanted, prepared=replace(wanted.prepared, site=str(site)))
        assert (await runner.load(wanted, cancelled=never(), watch=ignore)).tally.ok == 1
    assert "required" not in sys.modules


@BOTH
async def test_uvloop_that_is_not_there(runner: MolotovRunner, job: MakeJob, isolation: str, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "uvloop.py").write_text("raise ImportError('not here')")
    wanted = job(GET, isolation=isolation, uvloop=True)
    wanted = replace(wanted, prepared=replace(wanted.prepared, site=str(tmp_path / "site")))
    with pytest.raises(LoadTestError, match="asks for uvloop, which is not installed"):
        await runner.load(wanted, cancelled=never(), watch=ignore)


async def test_what_a_test_sets_in_the_interpreter_is_put_back(
    runner: MolotovRunner, job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    code = """
import gc, logging, logging.config, socket, warnings
gc.disable()
gc.set_threshold(1, 1, 1)
os.umask(0)
sys.setrecursionlimit(500)
os.environ['TZ'] = 'Asia/Tokyo'
time.tzset()
logging.config.dictConfig({'version': 1, 'root': {'level': 'CRITICAL'}})
logging.getLogger('dogdriver').setLevel('CRITICAL')
logging.captureWarnings(True)
socket.setdefaulttimeout(0.001)
warnings.simplefilter('ignore')
"""
    ours = logging.getLogger("dogdriver.runner")

    def state() -> dict[str, Any]:
        mask = os.umask(0o077)
        os.umask(mask)
        return {
            "memory": (gc.isenabled(), gc.get_threshold()),
            "mask": mask,
            "depth": sys.getrecursionlimit(),
            "zone": (time.tzname, time.timezone),
            "log": (ours.isEnabledFor(logging.INFO), ours.disabled, list(logging.getLogger().handlers)),
            "warnings": (warnings.showwarning, list(warnings.filters)),
            "socket": socket.getdefaulttimeout(),
        }

    before = state()
    measured = await runner.load(job(code + GET, max_runs=1), cancelled=never(), watch=ignore)
    assert measured.tally.ok == 1
    assert state() == before


async def test_a_test_that_closes_its_output_leaves_the_daemon_s_open(
    runner: MolotovRunner, job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "sys.stdout.close()\nsys.stderr.close()\n" + GET
    measured = await runner.load(job(code, max_runs=1), cancelled=never(), watch=ignore)
    assert measured.tally.ok == 1
    print("still here", file=sys.stderr)  # noqa: T201 - the daemon's log goes this way
    assert "still here" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is ended by SystemExit
async def test_what_stays_behind_is_said(runner: MolotovRunner, job: MakeJob, caplog: pytest.LogCaptureFixture) -> None:
    wait = """
import threading
def wait(released=os.path.abspath('released')):
    while not os.path.exists(released): time.sleep(0.01)
threading.Thread(target=wait, name='stray', daemon=True).start()
"""
    wanted = job(wait + GET, max_runs=1)
    await runner.load(wanted, cancelled=never(), watch=ignore)
    (Path(wanted.prepared.directory) / "released").touch()
    assert "the test left threads running in the daemon: stray" in caplog.text
    assert await until(lambda: not [thread for thread in threading.enumerate() if thread.name == "stray"])

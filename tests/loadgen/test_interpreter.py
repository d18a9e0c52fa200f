"""The daemon's own thread goes on importing while a test comes and goes."""

import logging
import sys
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from dogdriver.loadgen import molotov
from dogdriver.loadgen.interpreter import InterpreterState

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

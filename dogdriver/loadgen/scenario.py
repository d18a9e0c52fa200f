"""The test's own code: imported as Molotov's command line imports it, with errors that name the place."""

import importlib
import sys
import traceback
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import TracebackType
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.failures import describe


class Scenario:
    """The code of the test called *name* in *directory*."""

    def __init__(self, name: str, directory: str, library: Any) -> None:
        self._name = name
        self._directory = Path(directory).resolve()
        self._library = library

    def load(self, scenario: str, extensions: list[str] | None, single: str | None) -> None:
        """Import the extensions, then the scenario. Raises LoadTestError also where that registers no scenario."""
        for extension in extensions or ():
            self._import(extension, "extension", "the extension")
        self._import(scenario, "loadtest", "the scenario file")
        names = [item["name"] for item in self._library.api.get_scenarios()]
        if not names:
            raise LoadTestError(
                f"entry {self._name}: {scenario} registers no scenario (one with a weight of 0 does not count);"
                " decorate at least one coroutine with @molotov.scenario"
            )
        if single and single not in names:
            raise LoadTestError(
                f"entry {self._name}: there is no scenario {single!r} for single_mode; there are {', '.join(names)}"
            )

    def fixture(self, name: str, *args: Any) -> None:
        """Call a synchronous fixture, if there is one. Raises LoadTestError where it raises."""
        function = self._library.api.get_fixture(name)
        if function is not None:
            self._guarded(f"the {name} fixture of entry {self._name}", lambda: function(*args))

    def _import(self, spelled: str, module_name: str, what: str) -> None:
        path = (self._directory / spelled).resolve()
        if not path.is_relative_to(self._directory):
            raise LoadTestError(f"entry {self._name}: {what} {spelled} lies outside the test's folder; move it inside")
        label = f"{what} {spelled} of entry {self._name}"
        if not path.is_file():
            self._guarded(label, lambda: importlib.import_module(spelled))
            return
        spec = spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise LoadTestError(f"entry {self._name}: {what} {spelled} is not a Python file; name one that ends in .py")
        folder = str(path.parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        # As in Molotov, the module is not put into sys.modules.
        loader, module = spec.loader, module_from_spec(spec)
        self._guarded(label, lambda: loader.exec_module(module))

    def _guarded(self, what: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except LoadTestError:
            raise
        except BaseException as error:
            traceback.print_exc()  # into the run's log
            raise LoadTestError(f"{what} raised {self.told(error)}; fix the test") from error

    def told(self, error: BaseException) -> str:
        """`NameError: name 'x' is not defined (loadtest.py:12)`: the innermost place in the test's own folder."""
        place = self._place(error)
        return f"{describe(error)} ({place})" if place else describe(error)

    def _place(self, error: BaseException) -> str | None:
        if isinstance(error, SyntaxError) and error.filename:
            return self._shown(error.filename, error.lineno)
        places = [self._shown(frame.filename, frame.lineno) for frame in traceback.extract_tb(_frames(error))]
        return next((place for place in reversed(places) if place), None)

    def _shown(self, filename: str, line: int | None) -> str | None:
        path = Path(filename)
        path = path if path.is_absolute() else self._directory / path
        try:
            return f"{path.resolve().relative_to(self._directory)}:{line}"
        except ValueError:
            return None


def _frames(error: BaseException) -> TracebackType | None:
    return error.__traceback__

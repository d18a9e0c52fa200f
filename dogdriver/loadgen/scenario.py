"""The test's own code: imported as Molotov's command line imports it, with errors that name the place."""

import importlib
import sys
import traceback
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.molotov import Console, Library
from dogdriver.loadgen.protocol import LoadSpec
from dogdriver.loadgen.recording import describe_error


class LoadTest:
    """One test: its code, and the private import of Molotov in which that registers itself.

    *args* are Molotov's, as its fixtures get them.
    """

    def __init__(self, spec: LoadSpec) -> None:
        self.library = Library.fresh()
        self.console = Console(self.library.util)
        self.args = self.library.args(spec.options, self.console)
        self._name = spec.name
        self._directory = Path(spec.directory).resolve()
        self._smoke = spec.smoke

    def load(self) -> None:
        """Import the extensions, then the scenario. Raises LoadTestError also where that registers no scenario."""
        args = self.args
        for extension in args.use_extension or ():
            self._import(extension, "extension", "the extension")
        self._import(args.scenario, "loadtest", "the scenario file")
        names = [item["name"] for item in self.library.api.get_scenarios()]
        if not names:
            raise LoadTestError(
                f"entry {self._name}: {args.scenario} registers no scenario (one with a weight of 0 does not count);"
                " decorate at least one coroutine with @molotov.scenario"
            )
        single = args.single_mode
        if single and single not in names:
            raise LoadTestError(
                f"entry {self._name}: there is no scenario {single!r} for single_mode; there are {', '.join(names)}"
            )
        if self._smoke:
            self._once_each()

    def global_setup(self) -> None:
        """The fixture of that name, if there is one; it may block. Raises LoadTestError where it raises."""
        self._call_fixture("global_setup", self.args)

    def global_teardown(self) -> None:
        """The fixture of that name, if there is one; it may block. Where it raises that is printed, as in Molotov."""
        try:
            self._call_fixture("global_teardown")
        except LoadTestError as error:
            self.console.print(error.message)

    @property
    def goal(self) -> int | None:
        """How many executions there will be in one loop; None where time alone ends the load."""
        args = self.args
        if args.single_run:
            return int(args.workers * len(self.library.api.get_scenarios()))
        return args.workers * args.max_runs if args.max_runs else None

    def describe(self, error: BaseException) -> str:
        """`NameError: name 'x' is not defined (loadtest.py:12)`: the innermost place in the test's own folder."""
        place = self._place(error)
        return f"{describe_error(error)} ({place})" if place else describe_error(error)

    def _once_each(self) -> None:
        """Instead of what the entry asks for: one worker, which executes each scenario once."""
        args = self.args
        args.workers, args.ramp_up, args.delay, args.sizing, args.exception = 1, 0.0, 0.0, False, False
        args.duration = 86400
        args.max_runs = 1 if args.single_mode else None
        args.single_run = not args.single_mode
        for item in self.library.api.get_scenarios():
            item["delay"] = 0.0

    def _call_fixture(self, name: str, *args: Any) -> None:
        function = self.library.api.get_fixture(name)
        if function is not None:
            self._call(f"the {name} fixture of entry {self._name}", lambda: function(*args))

    def _import(self, location: str, module_name: str, what: str) -> None:
        path = (self._directory / location).resolve()
        if not path.is_relative_to(self._directory):
            raise LoadTestError(f"entry {self._name}: {what} {location} lies outside the test's folder; move it inside")
        label = f"{what} {location} of entry {self._name}"
        if not path.is_file():
            self._call(label, lambda: importlib.import_module(location))
            return
        spec = spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise LoadTestError(
                f"entry {self._name}: {what} {location} is not a Python file; name one that ends in .py"
            )
        folder = str(path.parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        # As in Molotov, the module is not put into sys.modules.
        loader, module = spec.loader, module_from_spec(spec)
        self._call(label, lambda: loader.exec_module(module))

    def _call(self, what: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except LoadTestError:
            raise
        except BaseException as error:
            traceback.print_exc()  # into the run's log
            raise LoadTestError(f"{what} raised {self.describe(error)}; fix the test") from error

    def _place(self, error: BaseException) -> str | None:
        if isinstance(error, SyntaxError) and error.filename:
            return self._relative(error.filename, error.lineno)
        places = [self._relative(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        return next((place for place in reversed(places) if place), None)

    def _relative(self, filename: str, line: int | None) -> str | None:
        path = Path(filename)
        path = path if path.is_absolute() else self._directory / path
        try:
            return f"{path.resolve().relative_to(self._directory)}:{line}"
        except ValueError:
            return None

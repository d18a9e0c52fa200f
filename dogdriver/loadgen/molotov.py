"""Molotov itself, and the only file that knows it: a private import for each run, its worker and tracer instrumented.

A private import, because Molotov keeps its scenarios, fixtures and stop flag in globals.
"""

import asyncio
import importlib
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from types import ModuleType
from typing import Any, Protocol, Self

from dogdriver.loadgen.recorder import Recorder
from dogdriver.loadgen.recording import describe_error

NAME = "molotov"
FIXTURES = "(fixtures)"
"""Under this name requests are counted that no scenario made."""


def modules() -> dict[str, ModuleType]:
    """What is imported of Molotov now, by name."""
    imported = sys.modules.copy()  # in one go: the daemon's own thread imports things meanwhile
    return {name: module for name, module in imported.items() if name == NAME or name.startswith(f"{NAME}.")}


@dataclass(frozen=True, slots=True)
class Library:
    """The modules of one import. The test finds the same in sys.modules, until the interpreter's state is restored."""

    api: Any
    listeners: Any
    session: Any
    util: Any
    worker: Any
    run: Any

    @classmethod
    def fresh(cls) -> Self:
        """Molotov imported anew, whatever was imported of it before."""
        for name in modules():
            del sys.modules[name]
        parts = ("api", "listeners", "session", "util", "worker", "run")
        return cls(**{part: importlib.import_module(f"{NAME}.{part}") for part in parts})

    def args(self, options: Mapping[str, Any], console: Any) -> Namespace:
        """What the fixtures get as `args`: the command line's, with the entry's options."""
        args: Namespace = self.run._parser().parse_args([])  # noqa: SLF001 - the only list of its defaults; molotov is pinned
        for name, value in options.items():
            setattr(args, name, value)
        args.shared_console = console
        return args


class Console:
    """Stands in for Molotov's: no terminal, prints to wherever the test's own prints go."""

    def __init__(self, util: Any) -> None:
        self._printable = util.printable_error

    def print(self, data: str) -> None:
        print(data)  # noqa: T201 - the test's output is caught as it is printed

    def print_error(self, error: BaseException | str, tb: Any = None) -> None:
        lines = [error] if isinstance(error, str) else self._printable(error, tb)
        print("\n".join(lines))  # noqa: T201 - see above

    def print_block(self, start: str, callable: Any, end: str = "OK") -> Any:  # noqa: A002 - Molotov's signature
        self.print(f"{start}...")
        try:
            return callable()
        finally:
            self.print(end)


class Counter:
    """Stands in for Molotov's, which lives in shared memory: one loop, one process."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        self.value = 0

    def __iadd__(self, other: int) -> Self:
        self.value += other
        return self

    def __isub__(self, other: int) -> Self:
        self.value -= other
        return self

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Counter) else other)


def counters() -> dict[str, Counter]:
    """All that Molotov's workers count in, by Molotov's names."""
    names = (
        "WORKER", "REACHED", "RATIO", "OK", "FAILED", "MINUTE_OK", "MINUTE_FAILED", "MAX_WORKERS",
        "SETUP_FAILED", "SESSION_SETUP_FAILED", "PROCESS",
    )  # fmt: skip
    return {name: Counter() for name in names}


class Activity:
    """What a worker is at: the scenario that it executes, and the error of its last request that got no answer."""

    __slots__ = ("executing", "request_error", "scenario")

    def __init__(self) -> None:
        self.scenario = FIXTURES
        self.request_error: BaseException | None = None
        self.executing = False


_ACTIVITY: ContextVar[Activity] = ContextVar("activity")
_NO_WORKER = Activity()


class WorkerListener(Protocol):
    """Who is told what a worker cannot deal with."""

    def worker_died(self, error: Exception) -> None:
        """A worker ended in *error*, outside its scenarios."""

    def exit_requested(self, error: BaseException) -> None:
        """The test wants the whole process to end."""


def worker_class(library: Library, recorder: Recorder, listener: WorkerListener) -> Any:
    """A subclass of Molotov's Worker that tells *recorder* what it executes, and *listener* what would end it."""

    class InstrumentedWorker(library.worker.Worker):  # type: ignore[misc,name-defined]  # the class of this run's own import
        def print(self, line: str) -> None:
            """What each worker says of itself would drown what the test says."""

        async def run(self) -> None:
            self.activity = Activity()
            _ACTIVITY.set(self.activity)
            try:
                await super().run()
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a picker or a session option does
                listener.worker_died(error)
            except BaseException as error:  # noqa: BLE001 - sys.exit in a scenario must not end the daemon
                listener.exit_requested(error)

        async def send_event(self, event: str, **options: Any) -> None:
            _follow(self.activity, recorder, event, options)
            if self.eventer._listeners:  # noqa: SLF001 - saves two calls for each execution
                await super().send_event(event, **options)

        def _reached_tolerance(self, current_time: int) -> bool:
            try:
                return bool(super()._reached_tolerance(current_time))
            except ZeroDivisionError:  # Molotov 2.6 divides by the number of successes
                self.results["REACHED"].value = 1
                self.results["RATIO"].value = 100 * 100
                return True

    return InstrumentedWorker


def _follow(activity: Activity, recorder: Recorder, event: str, options: Mapping[str, Any]) -> None:
    if event == "scenario_start":
        picked = options["scenario"]  # None where a picker names one that is not there
        activity.scenario = picked["name"] if picked else FIXTURES
        activity.executing, activity.request_error = True, None
        if picked:
            recorder.executes(activity.scenario)
        return
    if event == "scenario_failure":
        error = options["exception"]
        if not recorder.executed_in_vain(error) and error is not activity.request_error:
            recorder.failed(describe_error(error))
    if event in {"scenario_failure", "scenario_success"}:
        activity.executing, activity.scenario = False, FIXTURES


def instrument_sessions(library: Library, recorder: Recorder) -> list[Any]:
    """Have all requests of this import recorded; gives the list into which its sessions come as they are opened."""

    class InstrumentedTracer(library.session.SessionTracer):  # type: ignore[misc,name-defined]  # the class of this run's own import
        def __init__(self, loop: Any, console: Any, verbose: int, statsd: Any) -> None:
            super().__init__(loop, console, verbose, statsd)
            self.on_request_exception.append(self._request_exception)
            # Molotov's own listener prints at verbosity 2 only, which is off here, and costs a call for each request.
            listeners = self.eventer._listeners  # noqa: SLF001 - it has no other way out
            listeners[:] = [it for it in listeners if not isinstance(it, library.listeners.StdoutListener)]
            self._listeners = listeners

        async def send_event(self, event: str, **options: Any) -> None:
            if self._listeners:
                await super().send_event(event, **options)

        async def _request_start(self, _session: Any, trace_config_ctx: Any, params: Any) -> None:
            trace_config_ctx.url = params.url
            trace_config_ctx.start = perf_counter()

        async def _request_end(self, _session: Any, trace_config_ctx: Any, params: Any) -> None:
            seconds = perf_counter() - trace_config_ctx.start
            response, scenario = params.response, _ACTIVITY.get(_NO_WORKER).scenario
            recorder.answered(scenario, params.method, trace_config_ctx.url.raw_path, response.status, seconds)
            if self._listeners:
                await super().send_event("response_received", response=response, request=response.request)

        async def _request_exception(self, _session: Any, trace_config_ctx: Any, params: Any) -> None:
            activity = _ACTIVITY.get(_NO_WORKER)
            activity.request_error = params.exception
            recorder.unanswered(activity.scenario, params.method, trace_config_ctx.url.raw_path, params.exception)

    sessions: list[Any] = []
    open_session = library.worker.get_session

    def get_session(*args: Any, **options: Any) -> Any:
        session = open_session(*args, **options)
        sessions.append(session)
        return session

    library.worker.get_session = get_session
    library.session.SessionTracer = InstrumentedTracer
    return sessions

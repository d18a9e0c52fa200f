"""Molotov's worker and tracer, of one private import, with what dogDriver must see and survive."""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Protocol

from dogdriver.loadgen.failures import describe
from dogdriver.loadgen.molotov import Library
from dogdriver.loadgen.recorder import Recorder

FIXTURES = "(fixtures)"
"""Under this name requests are counted that no scenario made."""


class Step:
    """What a worker is at: the scenario that runs, and the error of its last request that got no answer."""

    __slots__ = ("broke", "busy", "scenario")

    def __init__(self) -> None:
        self.scenario = FIXTURES
        self.broke: BaseException | None = None
        self.busy = False


_STEP: ContextVar[Step] = ContextVar("step")
_NOWHERE = Step()


class Foreman(Protocol):
    """Who is told what a hand cannot deal with."""

    def died(self, error: Exception) -> None:
        """A worker ended in *error*, outside its scenarios."""

    def exited(self, error: BaseException) -> None:
        """The test wants the whole process to end."""


def worker_class(library: Library, recorder: Recorder, foreman: Foreman) -> Any:
    class Hand(library.worker.Worker):  # type: ignore[misc,name-defined]  # the class of this run's own import
        def print(self, line: str) -> None:
            """What each worker says of itself would drown what the test says."""

        async def run(self) -> None:
            self.doing = Step()
            _STEP.set(self.doing)
            try:
                await super().run()
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a picker or a session option does
                foreman.died(error)
            except BaseException as error:  # noqa: BLE001 - sys.exit in a scenario must not end the daemon
                foreman.exited(error)

        async def send_event(self, event: str, **options: Any) -> None:
            _note(recorder, self.doing, event, options)
            if self.eventer._listeners:  # noqa: SLF001 - saves two calls for each execution
                await super().send_event(event, **options)

        def _reached_tolerance(self, current_time: int) -> bool:
            try:
                return bool(super()._reached_tolerance(current_time))
            except ZeroDivisionError:  # Molotov 2.6 divides by the number of successes
                self.results["REACHED"].value = 1
                self.results["RATIO"].value = 100 * 100
                return True

    return Hand


def _note(recorder: Recorder, doing: Step, event: str, options: Mapping[str, Any]) -> None:
    if event == "scenario_start":
        picked = options["scenario"]  # None where a picker names one that is not there
        doing.scenario = picked["name"] if picked else FIXTURES
        doing.busy, doing.broke = True, None
        if picked:
            recorder.executes(doing.scenario)
        return
    if event == "scenario_failure" and options["exception"] is not doing.broke:
        recorder.failed(describe(options["exception"]))
    if event in {"scenario_failure", "scenario_success"}:
        doing.busy, doing.scenario = False, FIXTURES


def tracer_class(library: Library, recorder: Recorder, sessions: list[Any]) -> Any:
    class Tracer(library.session.SessionTracer):  # type: ignore[misc,name-defined]  # the class of this run's own import
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
            response = params.response
            recorder.answered(
                _STEP.get(_NOWHERE).scenario, params.method, trace_config_ctx.url.raw_path, response.status, seconds
            )
            if self._listeners:
                await super().send_event("response_received", response=response, request=response.request)

        async def _request_exception(self, _session: Any, trace_config_ctx: Any, params: Any) -> None:
            doing = _STEP.get(_NOWHERE)
            doing.broke = params.exception
            recorder.unanswered(doing.scenario, params.method, trace_config_ctx.url.raw_path, params.exception)

    def get_session(*args: Any, **options: Any) -> Any:
        session = opened(*args, **options)
        sessions.append(session)
        return session

    opened = library.worker.get_session
    library.worker.get_session = get_session
    return Tracer

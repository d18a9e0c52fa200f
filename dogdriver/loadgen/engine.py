"""The core that a thread and a child process share: one event loop, and the workers that load in it."""

import asyncio
import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.molotov import counters, instrument_sessions, worker_class
from dogdriver.loadgen.protocol import Heartbeat, LoadSpec, PhaseStarted, Result, Send
from dogdriver.loadgen.recorder import Recorder
from dogdriver.loadgen.scenario import LoadTest
from dogdriver.model import Phase

HEARTBEAT = 1.0
"""Seconds between two of them."""
RETRY = 0.1
"""Seconds between two attempts to end workers: a scenario may sleep again, or catch its cancellation."""
GRACEFUL = 0.3
"""The share of the grace time in which scenarios may end by themselves."""
FORCED = 0.7
"""The share of the grace time after which nothing more is tried."""


_ABANDONED: list[asyncio.Task[Any]] = []
"""Tasks that could not be ended. A coroutine that catches everything, freed in a thread without a loop, never ends."""


class StopSignal:
    """Set once, in any thread and at any time; awaited by one loop."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def set(self) -> None:
        """From any thread."""
        self.is_set = True
        if self._waiting is not None:
            loop, event = self._waiting
            with suppress(RuntimeError):  # the loop is closed: there is nothing left to stop
                loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        """Until it is set, also where that was before."""
        event = asyncio.Event()
        self._waiting = asyncio.get_running_loop(), event
        if not self.is_set:
            await event.wait()


def run_test(spec: LoadSpec, send: Send, load: Callable[[LoadTest, asyncio.AbstractEventLoop], None]) -> None:
    """The test from its import to its global_teardown, with *load* between; blocks. Raises LoadTestError."""
    with event_loop(spec) as loop:
        send(PhaseStarted(Phase.IMPORT))
        test = LoadTest(spec)
        test.load()
        send(PhaseStarted(Phase.GLOBAL_SETUP))
        test.global_setup()
        try:
            load(test, loop)
        finally:
            send(PhaseStarted(Phase.GLOBAL_TEARDOWN))
            test.global_teardown()


@contextmanager
def event_loop(spec: LoadSpec) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of the kind that the test asks for, as this thread's own. Raises LoadTestError where there is none."""
    if spec.options["uvloop"]:
        try:
            import uvloop  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - only where a test asks for it
        except ImportError:
            raise LoadTestError(
                f"entry {spec.name} asks for uvloop, which is not installed; add it to its requirements"
            ) from None
        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        _give_up(task for task in asyncio.all_tasks(loop) if not task.done())
        loop.set_exception_handler(lambda _loop, _context: None)  # tasks given up have been reported
        loop.close()
        asyncio.set_event_loop(None)


class Engine:
    """One member's load of an imported test, in one loop, in the thread that calls `run`.

    *member* is its number among the processes of the load.
    """

    def __init__(self, spec: LoadSpec, test: LoadTest, stop: StopSignal, send: Send, *, member: int = 0) -> None:
        self._spec = spec
        self._test = test
        self._stop = stop
        self._send = send
        self._member = member
        self._counters = counters()
        self._recorder = Recorder()
        self._sessions = instrument_sessions(test.library, self._recorder)
        self._exit_reason: str | None = None
        self._worker_errors: list[str] = []
        self._overdue = 0

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """The load; blocks. Raises LoadTestError where the test's fixtures fail or nothing could be executed."""
        self._send(PhaseStarted(Phase.LOADING))
        loading = loop.create_task(self._load(loop))
        while True:
            try:
                loop.run_until_complete(loading)
                break
            except Exception:
                raise
            except BaseException as error:  # sys.exit in a callback, which ends the loop and not the load
                if loading.done():
                    raise
                self.exit_requested(error)
        self._raise_failures()

    def worker_died(self, error: Exception) -> None:
        """WorkerListener's: the others go on, and where nobody could execute anything the run fails with *error*."""
        described = self._test.describe(error)
        self._worker_errors.append(described)
        self._recorder.failed(f"a worker ended: {described}")

    def exit_requested(self, error: BaseException) -> None:
        """WorkerListener's: all workers are stopped; the first *error* is the reason."""
        self._exit_reason = self._exit_reason or f"the test ended the run: {self._test.describe(error)}"
        self._stop.set()

    async def _load(self, loop: asyncio.AbstractEventLoop) -> None:
        began = monotonic()
        self._test.library.util.set_timer()
        workers = self._workers(loop)
        lag = self._recorder.loop_lag
        beside = [asyncio.create_task(work) for work in (lag.measure(), self._send_heartbeats(), self._send_events())]
        running = {asyncio.create_task(worker.run()) for worker in workers}
        loop.call_later(self._spec.limit, self._end_overdue, workers)
        abandoned = await self._finish(running)
        ended = monotonic()
        lag.stop()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        self._send_result(began, ended, abandoned)
        await self._clean_up()

    def _workers(self, loop: asyncio.AbstractEventLoop) -> list[Any]:
        args, console = self._test.args, self._test.console
        self._counters["PROCESS"].value = 1
        worker = worker_class(self._test.library, self._recorder, self)
        step = args.ramp_up / args.workers
        return [
            worker(number, self._counters, console, args, None, number * step, loop) for number in range(args.workers)
        ]

    def _end_overdue(self, workers: list[Any]) -> None:
        """The load's own time is long over."""
        if self._stop.is_set:
            return
        activities = [worker.activity for worker in workers if hasattr(worker, "activity")]
        overdue = [activity.scenario for activity in activities if activity.executing]
        self._overdue = len(overdue)
        for name in overdue:
            self._recorder.failed(f"{name} was still running {self._spec.limit:g} s after the load began")
        self._counters["FAILED"] += len(overdue)
        self._stop.set()

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            counts, recorder = self._counters, self._recorder
            self._send(
                Heartbeat(
                    self._member, counts["WORKER"].value, counts["OK"].value, self._failed,
                    recorder.requests, recorder.errors, recorder.take_recent(), self._test.goal,
                )
            )  # fmt: skip

    @property
    def _failed(self) -> int:
        """Executions that failed for another reason than this machine's own troubles."""
        return max(0, self._counters["FAILED"].value - self._recorder.own_failures)

    async def _send_events(self) -> None:
        """Molotov's event once a second, for the test's listeners."""
        sender = self._test.library.listeners.EventSender(self._test.console)
        while True:
            await sender.send_event("current_workers", workers=self._counters["WORKER"].value)
            await asyncio.sleep(1)

    def _send_result(self, began: float, ended: float, abandoned: int) -> None:
        counts, recorder = self._counters, self._recorder
        reached = counts["REACHED"].value == 1
        self._send(
            Result(
                member=self._member, began=began, ended=ended,
                ok=counts["OK"].value, failed=self._failed,
                requests=recorder.requests, errors=recorder.errors, recording=recorder.recording(),
                exited=self._exit_reason, overdue=self._overdue, abandoned=abandoned,
                sizing=(counts["RATIO"].value / 100, counts["MAX_WORKERS"].value) if reached else None,
            )
        )  # fmt: skip

    def _raise_failures(self) -> None:
        counts, name = self._counters, self._spec.name
        failed = [label for label in ("SETUP_FAILED", "SESSION_SETUP_FAILED") if counts[label].value]
        if failed and not self._exit_reason:
            fixture = "setup" if failed[0] == "SETUP_FAILED" else "setup_session"
            why = next(iter(self._test.library.util.stop_reason()), "")
            raise LoadTestError(f"the {fixture} fixture of entry {name} failed: {str(why) or 'an error'}; fix the test")
        if self._worker_errors and not counts["OK"].value and not counts["FAILED"].value:
            raise LoadTestError(
                f"every worker of entry {name} ended before its first scenario: {self._worker_errors[0]}"
            )

    async def _finish(self, running: set[asyncio.Task[Any]]) -> int:
        """Wait for the workers, until asked to end them. Returns how many could not be ended."""
        util = self._test.library.util
        if self._stop.is_set:
            util.stop()
        stopping = asyncio.create_task(self._stop.wait())
        while running and not stopping.done():
            done, _ = await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
        stopping.cancel()
        if running:
            running = await self._end(running)
        if running:
            # Nothing of these tasks will ever run again; their connections must not stay open.
            await asyncio.gather(*(session.close() for session in self._sessions), return_exceptions=True)
        _give_up(running)
        util.stop()
        return len(running)

    async def _end(self, running: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
        """Asked, then cancelled, again and again; gives those that are left."""
        util, grace, began = self._test.library.util, self._spec.grace, monotonic()
        util.stop()
        while running and (passed := monotonic() - began) < FORCED * grace:
            # Molotov's sleep swallows a cancellation, so its sleepers are woken first.
            util.cancellable_sleep.cancel_all()
            if passed >= GRACEFUL * grace:
                for task in running:
                    task.cancel()
            _, running = await asyncio.wait(running, timeout=RETRY)
        return running

    async def _clean_up(self) -> None:
        """End what the scenarios started in the background and left."""
        seconds = self._spec.grace * (1 - FORCED) / 2
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=min(1.0, seconds))
        _give_up(task for task in rest if not task.done())
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().shutdown_asyncgens(), seconds)


def _give_up(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is reported by us
        _ABANDONED.append(task)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))  # nor may the end of the interpreter free it

"""An engine in a thread of the daemon's own process."""

import asyncio
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.engine import Engine, StopSignal, run_test
from dogdriver.loadgen.interpreter import InterpreterState
from dogdriver.loadgen.output import LogBuffer, OutputRouter
from dogdriver.loadgen.protocol import Finished, Harmed, LoadSpec, LogLine, Message, SetupFailed
from dogdriver.loadgen.scenario import LoadTest
from dogdriver.loadgen.verbosity import LogLimit

SWITCH_INTERVAL = 0.0005
"""Seconds after which the load's thread gives way to the daemon's. With Python's own 5 ms the daemon's loop was late by
40 ms (99th percentile) beside 100 workers, with this by 17; the load's rate was the same."""

_KEPT_ALIVE: deque[tuple[OutputRouter, OutputRouter]] = deque(maxlen=16)
"""print() of Python 3.11 borrows sys.stdout: a stream that is freed while another thread prints to it is a crash."""


class ThreadExecutor:
    """`messages` is filled in the loop that constructs this."""

    members = 1

    def __init__(self, spec: LoadSpec, log: LogBuffer, harmed: Callable[[str], None]) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self._spec = spec
        self._log = log
        self._harmed = harmed
        self._loop = asyncio.get_running_loop()
        self._stop = StopSignal()
        self._state = InterpreterState(spec.directory, spec.site)
        self._finished = False
        # A daemon thread: one that a test blocks for ever must not keep the daemon from ending.
        self._thread = threading.Thread(target=self._run, name=f"load {spec.name}", daemon=True)

    @property
    def alive(self) -> bool:
        """The thread is still at it, after it was given up."""
        return self._thread.is_alive() and not self._finished

    async def start(self) -> None:
        """Start the thread; what becomes of it comes as messages."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the load to end."""
        self._stop.set()

    async def close(self) -> str | None:
        """Give up a thread that has not ended: the daemon's interpreter is restored without it."""
        if self._finished:
            await asyncio.to_thread(self._thread.join)  # it has sent its last message
        if not self._thread.is_alive():
            return None
        place = self._place()
        self._state.restore()
        if not self._finished:
            self._harmed(f"held its thread{place}")
        for sentence in self._state.harms():
            self._harmed(sentence)
        if not self._thread.is_alive():
            return None
        return f"a thread of the test could not be ended and is left behind{place}; isolation = process prevents this"

    def _run(self) -> None:
        spec = self._spec
        daemons = self._state.daemons
        limit: LogLimit | None = None
        try:
            self._state.enter(spec.env, spec.scenario_folder, shared=True)
            limit = LogLimit(self._log.allowance, daemons)
            streams = OutputRouter(sys.stdout, self._log, daemons), OutputRouter(sys.stderr, self._log, daemons)
            sys.stdout, sys.stderr = streams
            _KEPT_ALIVE.append(streams)
            sys.setswitchinterval(SWITCH_INTERVAL)
            run_test(spec, self._send, self._load)
        except LoadTestError as error:
            self._send(SetupFailed(error.message))
        except BaseException as error:  # noqa: BLE001 - nobody else would ever hear of it
            traceback.print_exc()
            self._send(SetupFailed(f"entry {spec.name} could not be run: {type(error).__name__}: {error}"))
        finally:
            if limit is not None:
                limit.remove()
            for sentence in self._state.restore():
                self._send(LogLine(sentence))
            for sentence in self._state.harms():
                self._send(Harmed(sentence))
            self._finished = True
            self._send(Finished())

    def _load(self, test: LoadTest, loop: asyncio.AbstractEventLoop) -> None:
        Engine(self._spec, test, self._stop, self._send).run(loop)

    def _send(self, message: Message) -> None:
        with suppress(RuntimeError):  # the daemon's loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self.messages.put_nowait, message)

    def _place(self) -> str:
        """Where in the test's folder the thread is."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - the documented way to ask
        directory = Path(self._spec.directory).resolve()
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            path = path if path.is_absolute() else directory / path
            if path.is_relative_to(directory):
                return f", blocked at {path.relative_to(directory)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

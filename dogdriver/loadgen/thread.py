"""A crew in a thread of the daemon's own process."""

import asyncio
import sys
import threading
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.engine import Crew
from dogdriver.loadgen.interpreter import Surroundings
from dogdriver.loadgen.output import Lines, Tee
from dogdriver.loadgen.protocol import Broken, Message, Note, Order, Over

_KEPT: deque[tuple[Tee, Tee]] = deque(maxlen=16)
"""print() of Python 3.11 borrows sys.stdout: a stream that is freed while another thread prints to it is a crash."""

SWITCH = 0.0005
"""Seconds after which the load's thread gives way to the daemon's. With Python's own 5 ms the daemon's loop was late by
40 ms (99th percentile) beside 100 workers, with this by 17; the load's rate was the same."""


class ThreadHost:
    """`messages` is filled in the loop that constructs this."""

    members = 1

    def __init__(self, order: Order, lines: Lines) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self._order = order
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._crew = Crew(order, self._tell)
        self._surroundings = Surroundings(order.directory, order.site)
        # A daemon thread: one that a test blocks for ever must not keep the daemon from ending.
        self._finished = False
        self._thread = threading.Thread(target=self._run, name=f"load {order.name}", daemon=True)

    async def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._crew.stop()

    async def end(self) -> str | None:
        """Give up a thread that has not ended: the daemon's surroundings are restored without it."""
        if self._finished:
            await asyncio.to_thread(self._thread.join)  # it has told its last word
        if not self._thread.is_alive():
            return None
        self._surroundings.restore()
        place = self._place()
        return f"a thread of the test could not be ended and is left behind{place}; isolation = process prevents this"

    @property
    def alive(self) -> bool:
        """The thread is still at it, after it was given up."""
        return self._thread.is_alive() and not self._finished

    def _run(self) -> None:
        order, surroundings, lines = self._order, self._surroundings, self._lines
        threads = set(threading.enumerate()) - {threading.current_thread()}
        try:
            folder = str((Path(order.directory) / order.options["scenario"]).parent)
            surroundings.enter(order.env, folder)
            sys.stdout, sys.stderr = streams = Tee(sys.stdout, lines, threads), Tee(sys.stderr, lines, threads)
            _KEPT.append(streams)
            sys.setswitchinterval(SWITCH)
            self._work()
        except LoadTestError as error:
            self._tell(Broken(error.message))
        except BaseException as error:  # noqa: BLE001 - nobody else would ever hear of it
            traceback.print_exc()
            self._tell(Broken(f"entry {order.name} could not be run: {type(error).__name__}: {error}"))
        finally:
            for sentence in surroundings.restore():
                self._tell(Note(sentence))
            self._finished = True
            self._tell(Over())

    def _work(self) -> None:
        crew = self._crew
        try:
            crew.prepare()
            try:
                crew.work()
            finally:
                crew.teardown()
        finally:
            crew.close()

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the daemon's loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self.messages.put_nowait, message)

    def _place(self) -> str:
        """Where in the test's folder the thread is."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - the documented way to ask
        directory = Path(self._order.directory).resolve()
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            path = path if path.is_absolute() else directory / path
            if path.is_relative_to(directory):
                return f", blocked at {path.relative_to(directory)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

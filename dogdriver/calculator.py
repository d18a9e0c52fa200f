"""Where statistics run: a process beside the daemon's, so that neither its loop nor a load's interpreter does them."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import connection, get_context, parent_process
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LESS_URGENT = 10  # of nice: a load and the pages go first
LONGEST = 600.0  # seconds that one call may take; the largest histories take less than one


class Calculator:
    """Called with a function of a module and what it is given, it gives what that returns; it works on one at a time.

    The process is started with the first call. One that was killed, or does not answer, is replaced, and what it was at
    is done again, once. Raises TimeoutError where the second does not answer either.
    """

    def __init__(self) -> None:
        self._process: ProcessPoolExecutor | None = None

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = partial(work, *args, **kwargs)
        try:
            return await self._run(call)
        except (BrokenProcessPool, TimeoutError):
            self.close()
            return await self._run(call)

    async def _run(self, call: Callable[[], T]) -> T:
        if self._process is None:
            self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)
        async with asyncio.timeout(LONGEST):
            return await asyncio.get_running_loop().run_in_executor(self._process, call)

    def close(self) -> None:
        """End the process; what it is at is of no use any more."""
        process, self._process = self._process, None
        if process is None:
            return
        for one in list((process._processes or {}).values()):  # noqa: SLF001 - a pool has no other way to end at once
            one.terminate()
        process.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    """In the process: the terminal's signals are the daemon's to answer, and it does not outlive the daemon."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.nice(LESS_URGENT)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

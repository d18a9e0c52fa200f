"""How a load is made to end: asked, then cancelled, again and again, then left."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

AGAIN = 0.1
"""Seconds between two attempts: a scenario may sleep again, or catch its cancellation."""
POLITE = 0.3
"""The share of the grace time in which scenarios may end by themselves."""
FIRM = 0.7
"""The share of the grace time after which nothing more is tried."""


class Stopping:
    """Of one loop. `ask` may be called in any thread, also before there is a loop."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: asyncio.Event | None = None
        self.asked = False

    def ask(self) -> None:
        self.asked = True
        loop, wanted = self._loop, self._wanted
        if loop is not None and wanted is not None:
            with suppress(RuntimeError):  # the loop is closed: there is nothing left to stop
                loop.call_soon_threadsafe(wanted.set)

    async def finish(self, tasks: Iterable[asyncio.Task[Any]], util: Any, sessions: list[Any]) -> int:
        """Wait for *tasks*, until asked to end them. Returns how many could not be ended."""
        self._wanted, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self.asked:
            util.stop()
            self._wanted.set()
        pending = set(tasks)
        asking = asyncio.create_task(self._wanted.wait())
        while pending and not asking.done():
            done, _ = await asyncio.wait({*pending, asking}, return_when=asyncio.FIRST_COMPLETED)
            pending -= done
        asking.cancel()
        if pending:
            pending = await self._end(pending, util)
        if pending:
            # Nothing of these tasks will ever run again; their connections must not stay open.
            await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)
            for task in pending:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is reported by us
        util.stop()
        return len(pending)

    async def clear(self) -> None:
        """End what the scenarios started in the background and left."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=min(1.0, self._grace * (1 - FIRM) / 2))
        for task in rest:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is reported by us
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().shutdown_asyncgens(), self._grace * (1 - FIRM) / 2)

    async def _end(self, pending: set[asyncio.Task[Any]], util: Any) -> set[asyncio.Task[Any]]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        util.stop()
        while pending and (past := loop.time() - began) < FIRM * self._grace:
            # Molotov's sleep swallows a cancellation, so its sleepers are woken first.
            util.cancellable_sleep.cancel_all()
            if past >= POLITE * self._grace:
                for task in pending:
                    task.cancel()
            _, pending = await asyncio.wait(pending, timeout=AGAIN)
        return pending

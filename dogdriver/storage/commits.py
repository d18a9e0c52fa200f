"""The number of the last commit that changed something, and a way to wait for the next one."""

import asyncio
from contextlib import suppress


class Commits:
    """Counted since the database was opened. Made in the loop whose tasks wait; announced from the writer's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._next = asyncio.Event()  # one for each announcement, so that a late sleeper never misses his

    @property
    def number(self) -> int:
        """How many there were so far; what is computed from the database is true for this number."""
        return self._number

    async def after(self, number: int) -> int:
        """Wait until there was a later commit than *number*; gives the number of the newest one."""
        while self._number <= number:
            await self._next.wait()
        return self._number

    def announce(self) -> None:
        """Count one commit more and wake who waits. For the one thread that writes."""
        self._number += 1
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

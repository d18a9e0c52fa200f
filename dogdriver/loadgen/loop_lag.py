"""How well the load loop itself keeps time: a ticker's lag, the longest stall, its thread's share of a processor."""

import asyncio
from time import monotonic, thread_time

from dogdriver.loadgen.histogram import Latencies

TICK = 0.02
"""Seconds between two looks."""
SLICE = 1.0
"""Seconds over which the share of the processor is taken."""
BUSY = 0.95
"""A slice with a greater share is a saturated one."""


class Pulse:
    """Beats in the loop whose health it measures. *stall*, *cpu*, *saturated* and *wall* are seconds."""

    def __init__(self) -> None:
        self.lag = Latencies()
        self.stall = 0.0
        self.cpu = 0.0
        self.saturated = 0.0
        self.wall = 0.0
        self._due: float | None = None
        self._began = self._cpu_began = 0.0

    async def beat(self) -> None:
        """Until cancelled."""
        self._began, self._cpu_began = monotonic(), thread_time()
        while True:
            self._due = monotonic() + TICK
            await asyncio.sleep(TICK)
            now = monotonic()
            self.observe(now - self._due)
            if now - self._began >= SLICE:
                self._cut(now)

    def observe(self, lag: float) -> None:
        """A beat came *lag* seconds late."""
        lag = max(lag, 0.0)
        self.lag.record(lag)
        self.stall = max(self.stall, lag)

    def stop(self) -> None:
        """The last slice; a beat that is overdue now has its lag counted. In the thread of the loop."""
        if self._due is None:
            return
        now = monotonic()
        if now > self._due:
            self.observe(now - self._due)
        self._due = None
        self._cut(now)

    def account(self, wall: float, cpu: float) -> None:
        """A slice of *wall* seconds in which the thread had the processor for *cpu* seconds."""
        self.wall += wall
        self.cpu += cpu
        if cpu > BUSY * wall:
            self.saturated += wall

    def _cut(self, now: float) -> None:
        used = thread_time()
        self.account(now - self._began, used - self._cpu_began)
        self._began, self._cpu_began = now, used

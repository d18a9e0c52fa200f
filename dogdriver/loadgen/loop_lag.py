"""How well the load loop itself keeps time: a ticker's lag, the longest stall, its thread's share of a processor."""

import asyncio
from time import monotonic, thread_time

from dogdriver.loadgen.histogram import Latencies

TICK = 0.02
"""Seconds between two ticks."""
SLICE = 1.0
"""Seconds over which the share of the processor is taken."""
SATURATED = 0.95
"""A slice with a greater share of a processor is a saturated one."""


class LoopLag:
    """Ticks in the loop that it measures. *lags* are those of the ticks; *stall*, the longest of them, *cpu*,
    *saturated* and *wall* are seconds."""

    def __init__(self) -> None:
        self.lags = Latencies()
        self.stall = 0.0
        self.cpu = 0.0
        self.saturated = 0.0
        self.wall = 0.0
        self._due: float | None = None
        self._slice_began = self._cpu_began = 0.0

    async def measure(self) -> None:
        """Until cancelled."""
        self._slice_began, self._cpu_began = monotonic(), thread_time()
        while True:
            self._due = monotonic() + TICK
            await asyncio.sleep(TICK)
            now = monotonic()
            self.tick(now - self._due)
            if now - self._slice_began >= SLICE:
                self._end_slice(now)

    def tick(self, lag: float) -> None:
        """A tick came *lag* seconds late."""
        lag = max(lag, 0.0)
        self.lags.record(lag)
        self.stall = max(self.stall, lag)

    def stop(self) -> None:
        """The last slice; a tick that is overdue now has its lag counted. In the thread of the loop."""
        if self._due is None:
            return
        now = monotonic()
        if now > self._due:
            self.tick(now - self._due)
        self._due = None
        self._end_slice(now)

    def account(self, wall: float, cpu: float) -> None:
        """A slice of *wall* seconds in which the thread had the processor for *cpu* seconds."""
        self.wall += wall
        self.cpu += cpu
        if cpu > SATURATED * wall:
            self.saturated += wall

    def _end_slice(self, now: float) -> None:
        used = thread_time()
        self.account(now - self._slice_began, used - self._cpu_began)
        self._slice_began, self._cpu_began = now, used

"""When a load does more harm than good: the error guard."""

from collections import deque

from dogdriver.model import Tally

WINDOW = 60.0
"""Seconds over which the failures are counted."""
LEAST_EXECUTIONS = 20
"""Fewer in the window say little."""


class Guard:
    """Looks at a load's tallies as they grow; *limit* is the share (0..1) of failed executions that it lets pass."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._seen: deque[tuple[float, Tally]] = deque([(0.0, Tally())])

    def check(self, elapsed: float, tally: Tally) -> float | None:
        """The share (0..1) that failed of the last minute's executions, where it passes the limit.

        *tally* is what there is *elapsed* seconds after the start of the load.
        """
        self._seen.append((elapsed, tally))
        while len(self._seen) > 1 and self._seen[1][0] <= elapsed - WINDOW:
            self._seen.popleft()
        _, before = self._seen[0]
        failed = tally.failed - before.failed
        executed = failed + tally.ok - before.ok
        if executed < LEAST_EXECUTIONS:
            return None
        ratio = failed / executed
        return ratio if ratio > self._limit else None

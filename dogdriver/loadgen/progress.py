"""A load as it goes on: the beats of its members together, the snapshots made of them, and the guard."""

from collections import deque

from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.protocol import Beat, Result
from dogdriver.model import Phase, Snapshot

MINUTE = 60.0
LEAST = 20
"""The guard looks at a minute with at least so many executions; fewer say little."""


class Progress:
    """Of *members* loops. Times are seconds since the start of the load."""

    def __init__(self, *, members: int, duration: float, guard: float) -> None:
        self._members = members
        self._duration = duration
        self._guard = guard
        self._beats: dict[int, Beat] = {}
        self._fresh: set[int] = set()
        self._recent = Latencies()
        self._before = (0.0, 0)  # when, and how many requests there were
        self._minute: deque[tuple[float, int, int]] = deque([(0.0, 0, 0)])

    @property
    def complete(self) -> bool:
        """Every member has had its beat since the last snapshot."""
        return len(self._fresh) == self._members

    def hear(self, beat: Beat) -> None:
        self._beats[beat.member] = beat
        self._fresh.add(beat.member)
        self._recent.add(beat.recent)

    def finish(self, result: Result) -> None:
        """A member's last word."""
        goal = self._beats[result.member].goal if result.member in self._beats else None
        self._beats[result.member] = Beat(
            result.member, 0, result.ok, result.failed, result.requests, result.errors, {}, goal
        )

    def counted(self) -> tuple[int, int, int, int]:
        """ok, failed, requests, errors so far."""
        beats = self._beats.values()
        return (
            sum(b.ok for b in beats), sum(b.failed for b in beats),
            sum(b.requests for b in beats), sum(b.errors for b in beats),
        )  # fmt: skip

    def snapshot(self, state: Phase, elapsed: float, lines: tuple[str, ...]) -> Snapshot:
        ok, failed, requests, errors = self.counted()
        then, earlier = self._before
        p50, p95 = self._recent.quantiles(0.5, 0.95)
        rate = (requests - earlier) / (elapsed - then) if self._fresh and elapsed > then else None
        if self._fresh:
            self._before = (elapsed, requests)
        self._recent = Latencies()
        self._fresh.clear()
        return Snapshot(
            state=state, progress=self._share(elapsed, ok + failed), elapsed=elapsed,
            workers=sum(b.workers for b in self._beats.values()), rps=rate, p50=p50, p95=p95,
            ok=ok, failed=failed, requests=requests, errors=errors, lines=lines,
        )  # fmt: skip

    def breach(self, elapsed: float) -> float | None:
        """The error ratio of the last minute, where it passes the guard."""
        ok, failed, _, _ = self.counted()
        self._minute.append((elapsed, ok, failed))
        while len(self._minute) > 1 and self._minute[1][0] <= elapsed - MINUTE:
            self._minute.popleft()
        _, ok_then, failed_then = self._minute[0]
        executed = ok + failed - ok_then - failed_then
        if executed < LEAST:
            return None
        ratio = (failed - failed_then) / executed
        return ratio if ratio > self._guard else None

    def _share(self, elapsed: float, executed: int) -> float:
        goals = [beat.goal for beat in self._beats.values() if beat.goal]
        by_count = executed / (sum(goals) / len(goals) * self._members) if goals else 0.0
        return max(0.0, min(1.0, max(by_count, elapsed / self._duration if self._duration else 0.0)))

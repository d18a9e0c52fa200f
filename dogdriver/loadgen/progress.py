"""A load as it goes on, and what comes of it: its members' heartbeats together, then their results together."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.protocol import Heartbeat, LoadSpec, Result
from dogdriver.loadgen.recording import masked
from dogdriver.loadgen.summary import summarize, unmeasured
from dogdriver.model import Clock, Load, Measured, Phase, Snapshot, Stopped, Tally, Window
from dogdriver.model.text import shortened

LONGEST_REASON = 1200
"""Characters of a sentence in which the test's own words may be."""

CLOCK_DRIFT = 0.5
"""Seconds by which the wall clock may drift from the monotonic one during a load."""


class Progress:
    """What the *members* of a load have told so far. *duration*: seconds of load that were asked for."""

    def __init__(self, *, members: int, duration: float) -> None:
        self._members = members
        self._duration = duration
        self._began: float | None = None
        self._heartbeats: dict[int, Heartbeat] = {}
        self._fresh: set[int] = set()
        self._recent = Latencies()
        self._before = (0.0, 0)  # when the last rate was taken, and how many requests there were

    @property
    def began(self) -> float | None:
        """The reading of the monotonic clock at which the load began; None: it has not."""
        return self._began

    @property
    def elapsed(self) -> float:
        """Seconds since the load began."""
        return 0.0 if self._began is None else monotonic() - self._began

    @property
    def complete(self) -> bool:
        """Every member has had its heartbeat since the last snapshot."""
        return len(self._fresh) == self._members

    @property
    def tally(self) -> Tally:
        """All members' counts so far."""
        all_of_them = self._heartbeats.values()
        return Tally(
            ok=sum(each.ok for each in all_of_them),
            failed=sum(each.failed for each in all_of_them),
            requests=sum(each.requests for each in all_of_them),
            errors=sum(each.errors for each in all_of_them),
        )

    def begin(self) -> None:
        """The load begins now."""
        self._began = monotonic()

    def update(self, heartbeat: Heartbeat) -> None:
        """What one member told last."""
        self._heartbeats[heartbeat.member] = heartbeat
        self._fresh.add(heartbeat.member)
        self._recent.add(heartbeat.recent)

    def finish(self, result: Result) -> None:
        """A member's final counts."""
        last = self._heartbeats.get(result.member)
        self._heartbeats[result.member] = Heartbeat(
            result.member, 0, result.ok, result.failed, result.requests, result.errors, {}, last.goal if last else None
        )

    def snapshot(self, phase: Phase, elapsed: float, lines: tuple[str, ...]) -> Snapshot:
        """What came since the last snapshot, *elapsed* seconds into the load; *lines* are the test's own."""
        tally = self.tally
        then, earlier = self._before
        p50, p95 = self._recent.quantiles(0.5, 0.95)
        rate = (tally.requests - earlier) / (elapsed - then) if self._fresh and elapsed > then else None
        if self._fresh:
            self._before = (elapsed, tally.requests)
        self._recent = Latencies()
        self._fresh.clear()
        return Snapshot(
            state=phase, progress=self._share(elapsed, tally.ok + tally.failed), elapsed=elapsed,
            workers=sum(each.workers for each in self._heartbeats.values()), rps=rate, p50=p50, p95=p95,
            ok=tally.ok, failed=tally.failed, requests=tally.requests, errors=tally.errors, lines=lines,
        )  # fmt: skip

    def _share(self, elapsed: float, executed: int) -> float:
        goals = [each.goal for each in self._heartbeats.values() if each.goal]
        by_count = executed / (sum(goals) / len(goals) * self._members) if goals else 0.0
        return max(0.0, min(1.0, max(by_count, elapsed / self._duration if self._duration else 0.0)))


class LoadClock:
    """Times of a load: the wall clock is read once, and from then on the monotonic clock counts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._monotonic = clock(), monotonic()

    def time(self, reading: float) -> datetime:
        """When the monotonic clock read *reading*; aware, UTC."""
        return self._wall + timedelta(seconds=reading - self._monotonic)

    def stepped(self) -> bool:
        """Whether somebody has set the wall clock since."""
        passed = monotonic() - self._monotonic
        return abs((self._clock() - self._wall).total_seconds() - passed) > CLOCK_DRIFT


class Outcome:
    """Filled while the load goes on; the first reason to stop counts. *stall*: seconds that a loop may stand still."""

    def __init__(self, spec: LoadSpec, load: Load, mask: Callable[[str], str], *, stall: float) -> None:
        self._spec = spec
        self._load = load
        self._mask = mask
        self._stall = stall
        self._results: list[Result] = []
        self._reasons: list[str] = []
        self._stopped: Stopped | None = None
        self._setup_error: str | None = None
        self._left_behind: str | None = None

    def finish(self, result: Result) -> None:
        """A member has ended its load."""
        self._results.append(result)

    def stop(self, stopped: Stopped | None, reason: str) -> None:
        """The load does not run its course; *stopped* is None where that is nobody's wish."""
        self._stopped = self._stopped or stopped
        self._reasons.append(reason)

    def fail(self, sentence: str) -> None:
        """The test cannot be run; the first *sentence* is the one that is told."""
        self._setup_error = self._setup_error or sentence

    def leave_behind(self, sentence: str) -> None:
        """Something of the test could not be ended."""
        self._left_behind = sentence

    def measured(self, tally: Tally, began: float | None, clock: LoadClock) -> Measured:
        """All of it as one value. Raises LoadTestError where the test could not be run.

        *tally* and *began* (a reading of the monotonic clock) are what is known where a member gave no result.
        """
        stepped = clock.stepped()
        if self._setup_error is not None and self._stopped is not Stopped.CANCELLED:
            raise LoadTestError(self._sentence(self._setup_error))
        if results := self._results:
            start, end = min(each.began for each in results), max(each.ended for each in results)
            recordings = [masked(each.recording, self._mask) for each in results]
            client = summarize(recordings, tally, end - start, stall=self._stall)
        else:
            end = monotonic()
            start = end if began is None else began
            client = unmeasured(tally)
        fail = self._spec.options["fail"]
        return Measured(
            window=Window(clock.time(start), clock.time(end)),
            load=self._load,
            tally=tally,
            client=client,
            stopped=self._stopped,
            reason=self._reason(),
            failed=fail is not None and not self._spec.smoke and tally.failed >= fail,
            clock_stepped=stepped,
        )

    def _reason(self) -> str | None:
        reasons = list(self._reasons)
        if overdue := sum(each.overdue for each in self._results):
            reasons.append(f"{overdue} scenarios were still running long after the end of the load and count as failed")
        if abandoned := sum(each.abandoned for each in self._results):
            reasons.append(f"{abandoned} workers caught their cancellation and were cut off")
        reached = [each.sizing for each in self._results if each.sizing is not None]
        reasons += [f"sizing: {percent:.1f} % errors with {workers} workers" for percent, workers in reached]
        if self._left_behind:
            reasons.append(self._left_behind)
        return self._sentence("; ".join(reasons)) if reasons else None

    def _sentence(self, text: str) -> str:
        return shortened(" ".join(self._mask(text).split()), LONGEST_REASON)

"""The daemon's side of one load: hears what it tells, keeps its times, stops it, and says what came of it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from dogdriver.loadgen.guard import Guard
from dogdriver.loadgen.output import LogBuffer
from dogdriver.loadgen.progress import LoadClock, Outcome, Progress
from dogdriver.loadgen.protocol import (
    Finished,
    Harmed,
    Heartbeat,
    LoadSpec,
    LogLine,
    Message,
    PhaseStarted,
    Result,
    SetupFailed,
)
from dogdriver.model import Clock, Load, Measured, Phase, Snapshot, Stopped

LOG = logging.getLogger(__name__)
LATE = 1.5
"""Seconds without a full round of heartbeats after which a snapshot is made without them."""


class Executor(Protocol):
    """What runs an engine, or several: a thread, a process with its children."""

    members: int
    messages: asyncio.Queue[Message]

    async def start(self) -> None:
        """Begin. Raises LoadTestError where that is not possible."""

    def stop(self) -> None:
        """Ask the load to end."""

    async def close(self) -> str | None:
        """Make an end of it, whatever it does; a sentence where that did not work. May be called again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: import and global_setup together; global_teardown; the smoke as a whole."""

    setup: float = 300.0
    teardown: float = 60.0
    smoke: float = 120.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A phase, and the reading of the monotonic clock up to which it may last."""

    phase: Phase
    deadline: float


class Reporter:
    """Makes the snapshots for *watch*: one for every round of heartbeats, or every LATE seconds without."""

    def __init__(
        self, progress: Progress, log: LogBuffer, mask: Callable[[str], str], watch: Callable[[Snapshot], None]
    ) -> None:
        self._progress = progress
        self._log = log
        self._mask = mask
        self._watch = watch
        self._late = monotonic() + LATE

    @property
    def late(self) -> float:
        """The reading of the monotonic clock at which a snapshot is due whether all heartbeats came or not."""
        return self._late

    @property
    def due(self) -> bool:
        """Whether a snapshot should be made now."""
        return self._progress.complete or monotonic() >= self._late

    def report(self, phase: Phase, *, last: bool = False) -> None:
        """A snapshot, now; the *last* one has also a line that was not finished."""
        self._late = monotonic() + LATE
        lines = self._log.drain(self._mask, last=last)
        self._watch(self._progress.snapshot(phase, self._progress.elapsed, lines))


class Supervisor:
    """One load, from the start of its executor to its end.

    *guard*: the share (0..1) of failed executions above which the load is stopped. *stall*: the seconds that its loop
    may stand still. *mask* takes the known secrets out of a text. *watch* is called in this loop.
    """

    def __init__(
        self,
        spec: LoadSpec,
        load: Load,
        executor: Executor,
        *,
        guard: float,
        stall: float,
        log: LogBuffer,
        limits: Limits,
        clock: Clock,
        mask: Callable[[str], str],
        watch: Callable[[Snapshot], None],
        harmed: Callable[[str], None],
    ) -> None:
        self._harmed = harmed
        self._spec = spec
        self._executor = executor
        self._limits = limits
        self._log = log
        self._mask = mask
        self._clock = LoadClock(clock)
        self._progress = Progress(members=executor.members, duration=load.duration)
        self._reporter = Reporter(self._progress, log, mask, watch)
        self._guard = Guard(guard)
        self._outcome = Outcome(spec, load, mask, stall=stall)
        self._stage = Stage(Phase.IMPORT, monotonic() + limits.setup)
        self._finished = False

    async def run(self, cancelled: asyncio.Event) -> Measured:
        """The whole load. Raises LoadTestError where the test cannot be run."""
        cancelling = asyncio.create_task(cancelled.wait())
        receiving: asyncio.Task[Message] | None = None
        try:
            await self._executor.start()
            while not self._finished:
                receiving = receiving or asyncio.create_task(self._executor.messages.get())
                waiting = {receiving} if self._stopping else {receiving, cancelling}
                await asyncio.wait(waiting, timeout=self._seconds_left(), return_when=asyncio.FIRST_COMPLETED)
                if receiving.done():
                    self._receive(receiving.result())
                    receiving = None
                if cancelling.done() and not self._stopping:
                    self._stop(Stopped.CANCELLED, "cancelled")
                if self._reporter.due and not self._finished:
                    self._reporter.report(self._stage.phase)
                    self._apply_guard()
                await self._keep_deadline()
        finally:
            for task in (cancelling, receiving):
                if task is not None:
                    task.cancel()
            await self._close()
        return self._outcome.measured(self._progress.tally, self._progress.began, self._clock)

    @property
    def _stopping(self) -> bool:
        return self._stage.phase is Phase.STOPPING

    def _receive(self, message: Message) -> None:
        match message:
            case PhaseStarted(phase=phase):
                self._enter(phase)
            case Heartbeat():
                self._progress.update(message)
            case Result():
                self._receive_result(message)
            case SetupFailed(message=sentence):
                self._outcome.fail(sentence)
            case LogLine(message=sentence):
                self._say(sentence)
            case Harmed(message=sentence):
                self._harmed(sentence)
                self._say(f"the test {sentence}")
            case Finished(error=error):
                self._finished = True
                if error is not None and not self._stopping:
                    self._outcome.stop(Stopped.EXIT, error)

    def _receive_result(self, message: Result) -> None:
        self._outcome.finish(message)
        self._progress.finish(message)
        if message.abandoned:
            self._harmed(f"caught the cancellation of {message.abandoned} workers, which could not be ended")
        if message.exited and not self._stopping:
            self._stop(Stopped.EXIT, message.exited)

    def _enter(self, phase: Phase) -> None:
        """Several members tell of the same phase; a load that is stopping stays so whatever they tell."""
        if self._stopping or phase is self._stage.phase:
            return
        deadline = self._stage.deadline  # import and global_setup share one
        if phase is Phase.LOADING:
            self._progress.begin()
            deadline = monotonic() + self._spec.limit + self._spec.grace
        elif phase is Phase.GLOBAL_TEARDOWN:
            deadline = monotonic() + self._limits.teardown
        self._stage = Stage(phase, deadline)
        self._reporter.report(phase)

    def _stop(self, stopped: Stopped | None, reason: str) -> None:
        self._outcome.stop(stopped, reason)
        self._executor.stop()
        self._stage = Stage(Phase.STOPPING, monotonic() + self._spec.grace)
        self._reporter.report(Phase.STOPPING)

    def _apply_guard(self) -> None:
        if self._stage.phase is not Phase.LOADING or self._spec.smoke:
            return
        ratio = self._guard.check(self._progress.elapsed, self._progress.tally)
        if ratio is not None:
            sentence = f"{ratio:.0%} of the executions of the last minute failed, so the load was ended"
            self._stop(Stopped.GUARD, sentence)

    def _seconds_left(self) -> float:
        return max(0.0, min(self._stage.deadline, self._reporter.late) - monotonic())

    async def _keep_deadline(self) -> None:
        if self._finished or monotonic() < self._stage.deadline:
            return
        if self._stage.phase is Phase.LOADING:
            self._stop(None, f"the load did not end by itself within {self._spec.limit:g} s and was ended")
        else:
            await self._cut_off()

    async def _cut_off(self) -> None:
        left = await self._executor.close()
        self._finished = True
        phase = self._stage.phase
        if phase is Phase.GLOBAL_TEARDOWN:
            self._say(f"global_teardown did not end within {self._limits.teardown:g} s and was cut off")
        elif phase is not Phase.STOPPING:
            self._outcome.fail(
                f"the {phase} of entry {self._spec.name} took longer than {self._limits.setup:g} s and was cut off"
                f"{'; ' + left if left else ''}"
            )
        if left:
            self._outcome.leave_behind(left)
            LOG.error("%s", self._mask(left))

    def _say(self, sentence: str) -> None:
        self._log.append(sentence)
        LOG.warning("%s: %s", self._spec.name, self._mask(sentence))

    async def _close(self) -> None:
        """Also when this task is cancelled, the load gets its grace time, and nothing is left running."""
        if not self._finished:
            self._executor.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._drain()), self._spec.grace)
        await asyncio.shield(self._executor.close())
        self._reporter.report(self._stage.phase, last=self._finished)

    async def _drain(self) -> None:
        while not isinstance(await self._executor.messages.get(), Finished):
            pass


__all__ = ["Executor", "Limits", "Supervisor"]

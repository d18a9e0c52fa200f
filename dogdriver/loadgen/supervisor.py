"""The daemon's side of one load: hears the crew, keeps the times, stops it, and says what came of it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Protocol

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.outcome import Outcome
from dogdriver.loadgen.output import Lines
from dogdriver.loadgen.progress import Progress
from dogdriver.loadgen.protocol import Beat, Broken, Message, Note, Order, Over, PhaseStarted, Result
from dogdriver.model import Clock, Load, Measured, Phase, Snapshot, Stopped

LOG = logging.getLogger(__name__)
LATE = 1.5
"""Seconds without a beat after which a snapshot is made without it."""


class Host(Protocol):
    """Where a crew works."""

    members: int
    messages: asyncio.Queue[Message]

    async def start(self) -> None: ...

    def stop(self) -> None:
        """Ask the crew to end its load."""

    async def end(self) -> str | None:
        """Make an end of it, whatever it does; a sentence where that did not work. Idempotent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: import and global_setup together; global_teardown; the smoke as a whole."""

    setup: float = 300.0
    teardown: float = 60.0
    smoke: float = 120.0


class Supervisor:
    """One load, from the start of its host to its end."""

    def __init__(
        self,
        order: Order,
        load: Load,
        host: Host,
        *,
        guard: float,
        stall: float,
        lines: Lines,
        limits: Limits,
        clock: Clock,
        mask: Callable[[str], str],
        watch: Callable[[Snapshot], None],
    ) -> None:
        self._order = order
        self._host = host
        self._limits = limits
        self._lines = lines
        self._mask = mask
        self._watch = watch
        self._clock = clock
        self._wall, self._monotonic = clock(), monotonic()
        self._outcome = Outcome(order, load, mask, stall=stall)
        self._progress = Progress(members=host.members, duration=load.duration, guard=guard)
        self._phase = Phase.IMPORT
        self._deadline = monotonic() + limits.setup
        self._load_began: float | None = None
        self._spoken = monotonic()
        self._stopping = False
        self._over = False

    async def run(self, cancelled: asyncio.Event) -> Measured:
        """Raises LoadTestError where the test cannot be run."""
        wish = asyncio.create_task(cancelled.wait())
        getter: asyncio.Task[Message] | None = None
        try:
            await self._host.start()
            while not self._over:
                getter = getter or asyncio.create_task(self._host.messages.get())
                waiting = {getter} if self._stopping else {getter, wish}
                await asyncio.wait(waiting, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
                if getter.done():
                    self._hear(getter.result())
                    getter = None
                if wish.done() and not self._stopping:
                    self._stop(Stopped.CANCELLED, "cancelled")
                await self._look_at_the_clock()
        finally:
            for task in (wish, getter):
                if task is not None:
                    task.cancel()
            await self._end()
        return self._measured()

    def _hear(self, message: Message) -> None:
        match message:
            case PhaseStarted(phase=phase):
                self._enter(phase)
            case Beat():
                self._progress.hear(message)
                if self._progress.complete:
                    self._speak()
            case Result():
                self._outcome.results.append(message)
                self._progress.finish(message)
                if message.exited and not self._stopping:
                    self._stop(Stopped.EXIT, message.exited)
            case Broken(message=sentence):
                self._outcome.broken = self._outcome.broken or sentence
            case Note(message=sentence):
                self._note(sentence)
            case Over(how=how):
                self._over = True
                if how is not None and not self._stopping:
                    self._outcome.stop(Stopped.EXIT, how)

    def _enter(self, phase: Phase) -> None:
        if phase is self._phase:
            return
        self._phase = phase
        if self._stopping:
            return
        now = monotonic()
        if phase is Phase.LOADING:
            self._load_began = now
            self._deadline = float("inf") if self._order.limit is None else now + self._order.limit + self._order.grace
        elif phase is Phase.GLOBAL_TEARDOWN:
            self._deadline = now + self._limits.teardown
        self._speak()

    def _patience(self) -> float:
        now = monotonic()
        return max(0.0, min(self._deadline - now, self._spoken + LATE - now))

    async def _look_at_the_clock(self) -> None:
        now = monotonic()
        if now >= self._spoken + LATE:
            self._speak()
        if now < self._deadline or self._over:
            return
        if self._stopping or self._phase is not Phase.LOADING:
            await self._give_up()
        else:
            self._stop(None, f"the load did not end by itself within {self._order.limit:g} s and was ended")

    async def _give_up(self) -> None:
        left = await self._host.end()
        self._over = True
        if not self._stopping and self._phase is Phase.GLOBAL_TEARDOWN:
            self._note(f"global_teardown did not end within {self._limits.teardown:g} s and was cut off")
        elif not self._stopping:
            self._outcome.broken = (
                f"the {self._phase} of entry {self._order.name} took longer than {self._limits.setup:g} s"
                f" and was cut off{'; ' + left if left else ''}"
            )
        if left:
            self._outcome.left_behind = left
            LOG.error("%s", self._mask(left))

    def _stop(self, why: Stopped | None, reason: str) -> None:
        self._stopping = True
        self._outcome.stop(why, reason)
        self._host.stop()
        self._deadline = monotonic() + self._order.grace
        self._speak()

    def _speak(self) -> None:
        """A snapshot; after it the guard has its look."""
        self._spoken = monotonic()
        elapsed = self._spoken - self._load_began if self._load_began is not None else 0.0
        state = Phase.STOPPING if self._stopping else self._phase
        self._watch(self._progress.snapshot(state, elapsed, self._lines.take(self._mask, last=self._over)))
        if self._phase is Phase.LOADING and not self._stopping and not self._order.smoke:
            ratio = self._progress.breach(elapsed)
            if ratio is not None:
                self._stop(
                    Stopped.GUARD, f"{ratio:.0%} of the executions of the last minute failed, so the load was ended"
                )

    def _note(self, sentence: str) -> None:
        self._lines.add(sentence)
        LOG.warning("%s: %s", self._order.name, self._mask(sentence))

    async def _end(self) -> None:
        """Also when this task is cancelled, the crew gets its grace time, and nothing is left running."""
        if not self._over:
            self._host.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._drain()), self._order.grace)
        await asyncio.shield(self._host.end())
        self._speak()

    async def _drain(self) -> None:
        while not isinstance(await self._host.messages.get(), Over):
            pass

    def _measured(self) -> Measured:
        passed = monotonic() - self._monotonic
        stepped = abs((self._clock() - self._wall).total_seconds() - passed) > STEP
        outcome = self._outcome
        if outcome.broken is not None and outcome.stopped is not Stopped.CANCELLED:
            raise LoadTestError(self._mask(outcome.broken))
        return outcome.measured(
            lambda reading: self._wall + timedelta(seconds=reading - self._monotonic),
            self._progress.counted(),
            began=self._load_began,
            clock_stepped=stepped,
        )


STEP = 0.5
"""Seconds by which the wall clock may drift from the monotonic one during a load."""

__all__ = ["Host", "Limits", "Supervisor"]

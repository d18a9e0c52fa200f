"""What is kept for ever and what is not: verdicts stay; raw series behind old values go, and old runs where set so."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dogdriver.model import Clock

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
AT_ONCE = 200  # runs in one transaction, so that no other write waits long


class RawData(Protocol):
    """The part of the store that retention needs."""

    async def raw_before(self, at: datetime) -> Sequence[str]:
        """The runs that were created before *at*, wait for nothing, and still have raw series."""

    async def drop_raw(self, runs: Sequence[str]) -> int:
        """Drop the raw series of these runs; gives how many there were. Everything else stays."""


class OldRuns(Protocol):
    """The part of the store that retention of runs needs."""

    async def old(self, before: datetime | None, most: int | None) -> Sequence[str]:
        """Runs that were created before then, or are more than the newest *most* of a project, deployment, test and
        source; only those that have ended, of which nothing is still to be sent, and that the archive has, if any.
        """

    async def drop(self, runs: Sequence[str], at: datetime) -> int:
        """Delete these here; the bucket keeps what it has of them, and they are not read from there again."""


@dataclass(frozen=True, slots=True)
class RunsKept:
    """For how long runs are kept, and how many of a project, deployment, test and source; None: all."""

    age: timedelta | None = None
    most: int | None = None


ALL_RUNS = RunsKept()


class Retention:
    """A step for the scheduler's workers, once a day; *keep* is how long raw series stay, *kept* which runs do."""

    def __init__(
        self, values: RawData, clock: Clock, keep: timedelta, *, runs: OldRuns | None = None, kept: RunsKept = ALL_RUNS
    ) -> None:
        self._values, self._clock, self._keep = values, clock, keep
        self._old_runs, self._kept = runs, kept
        self._next: datetime | None = None
        self._next_runs: datetime | None = None
        self._runs: list[str] = []
        self._old: list[str] = []
        self._dropped = 0

    async def next(self) -> bool:
        """Drop some; False: that is all for today."""
        return await self._drop_runs() or await self._drop_raw()

    async def _drop_runs(self) -> bool:
        """First, for with a run go its raw series."""
        now = self._clock()
        if self._old_runs is None or self._kept == ALL_RUNS:
            return False
        if not self._old:
            if self._next_runs is not None and now < self._next_runs:
                return False
            self._next_runs = now + EVERY
            before = None if self._kept.age is None else now - self._kept.age
            self._old = list(await self._old_runs.old(before, self._kept.most))
            if not self._old:
                return False
            log.info("%d runs are older, or more, than are kept; their verdicts stay", len(self._old))
        batch, self._old = self._old[:AT_ONCE], self._old[AT_ONCE:]
        await self._old_runs.drop(batch, now)
        return True

    async def _drop_raw(self) -> bool:
        now = self._clock()
        if not self._runs:
            if self._next is not None and now < self._next:
                return False
            self._next = now + EVERY
            self._runs = list(await self._values.raw_before(now - self._keep))
            if not self._runs:
                return False
        batch, self._runs = self._runs[:AT_ONCE], self._runs[AT_ONCE:]
        self._dropped += await self._values.drop_raw(batch)
        if not self._runs:
            log.info(
                "dropped %d raw series older than %d days; values and verdicts stay", self._dropped, self._keep.days
            )
            self._dropped = 0
        return True

    async def due(self) -> datetime | None:
        """When to look again."""
        return self._next

"""What is kept for ever and what is not: values and verdicts stay, the raw series behind old values go."""

import logging
from collections.abc import Sequence
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


class Retention:
    """A step for the scheduler's workers, once a day; *keep* is how long raw series stay."""

    def __init__(self, values: RawData, clock: Clock, keep: timedelta) -> None:
        self._values, self._clock, self._keep = values, clock, keep
        self._next: datetime | None = None
        self._runs: list[str] = []
        self._dropped = 0

    async def next(self) -> bool:
        """Drop the raw series of some runs; False: that is all for today."""
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

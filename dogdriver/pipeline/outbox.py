"""What must reach somebody else in the end: kept in the database, retried with growing waits, given up only if refused.

The other side may get an errand twice (the daemon was killed between its answer and our note of it), never not at all.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from dogdriver.errors import KeysRefused, Refused, Unavailable
from dogdriver.model import Clock, Errand

log = logging.getLogger(__name__)

Sender = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Delivers a payload and gives what the other side answered. Raises Unavailable (try again) or Refused (never)."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
LEASE = timedelta(minutes=2)  # longer than any sender may take


class Errands(Protocol):
    """The part of the store that the outbox needs."""

    async def claim_errand(self, now: datetime, lease_end: datetime) -> Errand | None: ...

    async def close_errand(self, errand: Errand) -> None: ...


class Outbox:
    """Delivers one errand at a time; *senders* by kind."""

    def __init__(self, store: Errands, senders: Mapping[str, Sender], clock: Clock) -> None:
        self._store, self._senders, self._clock = store, senders, clock

    async def deliver_next(self) -> bool:
        """Try the errand that has been due longest; False: none is due."""
        now = self._clock()
        errand = await self._store.claim_errand(now, now + LEASE)
        if errand is None:
            return False
        tried = replace(errand, attempts=errand.attempts + 1)
        sender = self._senders.get(errand.kind)
        if sender is None:
            error = f"nothing here delivers {errand.kind}; set what it needs and restart"
            await self._store.close_errand(replace(tried, due=now + LONGEST_WAIT, error=error))
            return True
        try:
            result = await sender(errand.payload)
        except Unavailable as error:
            due = now + wait(tried.attempts, error.retry_after)
            await self._store.close_errand(replace(tried, due=due, error=error.message))
        except Refused as error:
            await self._store.close_errand(_refused(tried, error, now))
        except Exception as error:
            await self._store.close_errand(replace(tried, due=now + LONGEST_WAIT, error=type(error).__name__))
            raise
        else:
            await self._store.close_errand(replace(tried, state="sent", error=None, result=result))
        return True


def _refused(tried: Errand, error: Refused, now: datetime) -> Errand:
    """Final; but keys that are not taken may be corrected, so those errands are tried on until they are too old."""
    log.warning("%s %s was refused: %s", tried.kind, tried.key, error.message)
    if isinstance(error, KeysRefused):
        return replace(tried, due=now + LONGEST_WAIT, error=error.message)
    return replace(tried, state="refused", error=error.message)


def wait(attempts: int, retry_after: float | None) -> timedelta:
    """How long to wait after *attempts* failures: 5 s, doubled each time, at most an hour; longer only if told so."""
    own: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
    return max(own, timedelta(seconds=retry_after or 0))

"""What must reach somebody else in the end: kept in the database, retried with growing waits, given up only if refused.

The other side may get a message twice (the daemon was killed between its answer and our note of it), never not at all.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from dogdriver.errors import KeysRefused, Refused, Unavailable
from dogdriver.model import Clock, MessageKind, MessageState, OutboxMessage

log = logging.getLogger(__name__)

Sender = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Delivers a payload and gives what the other side answered. Raises Unavailable (try again) or Refused (never)."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
LEASE = timedelta(minutes=2)  # longer than any sender may take


class Messages(Protocol):
    """The part of the store that the outbox needs."""

    async def claim(self, now: datetime, lease_end: datetime) -> OutboxMessage | None:
        """The waiting message that has been due longest, its due moved to *lease_end*; None: none is due."""

    async def close(self, message: OutboxMessage) -> None:
        """Write its state, due, attempts, error and result back; a result's `url` becomes a link of its run."""


class Outbox:
    """Delivers one message at a time; *senders* by kind."""

    def __init__(self, messages: Messages, senders: Mapping[MessageKind, Sender], clock: Clock) -> None:
        self._messages, self._clock = messages, clock
        self._senders = {kind.value: sender for kind, sender in senders.items()}

    async def deliver_next(self) -> bool:
        """Try the message that has been due longest; False: none is due."""
        now = self._clock()
        message = await self._messages.claim(now, now + LEASE)
        if message is None:
            return False
        tried = replace(message, attempts=message.attempts + 1)
        sender = self._senders.get(message.kind)
        if sender is None:
            error = f"nothing here delivers {message.kind}; set what it needs and restart"
            await self._messages.close(replace(tried, due=now + LONGEST_WAIT, error=error))
            return True
        try:
            result = await sender(message.payload)
        except Unavailable as error:
            due = now + wait(tried.attempts, error.retry_after)
            await self._messages.close(replace(tried, due=due, error=error.message))
        except Refused as error:
            await self._messages.close(_refused(tried, error, now))
        except Exception as error:
            await self._messages.close(replace(tried, due=now + LONGEST_WAIT, error=type(error).__name__))
            raise
        else:
            await self._messages.close(replace(tried, state=MessageState.SENT, error=None, result=result))
        return True


def _refused(tried: OutboxMessage, error: Refused, now: datetime) -> OutboxMessage:
    """Final; but keys that are not taken may be corrected, so those messages are tried on until they are too old."""
    log.warning("%s %s was refused: %s", tried.kind, tried.key, error.message)
    if isinstance(error, KeysRefused):
        return replace(tried, due=now + LONGEST_WAIT, error=error.message)
    return replace(tried, state=MessageState.REFUSED, error=error.message)


def wait(attempts: int, retry_after: float | None) -> timedelta:
    """How long to wait after *attempts* failures: 5 s, doubled each time, at most an hour; longer only if told so."""
    own: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
    return max(own, timedelta(seconds=retry_after or 0))

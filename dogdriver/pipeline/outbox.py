"""What must reach somebody else in the end: kept in the database, retried with growing waits, given up only if refused.

The other side may get a message twice (the daemon was killed between its answer and our note of it), never not at all.
Where it matters whether it has one already, a sender of its own asks first.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from dogdriver.errors import KeysRefused, Refused, Unavailable
from dogdriver.model import Clock, Failures, MessageKind, MessageState, OutboxMessage
from dogdriver.pipeline.patience import patiently

log = logging.getLogger(__name__)

Sender = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Delivers a payload and gives what the other side answered. Raises Unavailable (try again) or Refused (never)."""
Resender = Callable[[Mapping[str, Any], int], Awaitable[Mapping[str, Any] | None]]
"""The same for a payload that may have arrived already: it was sent so many times without that this is known."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
LEASE = timedelta(minutes=2)  # longer than any sender may take
KEYS = timedelta(seconds=45)  # until keys that were refused are tried again, with one message of the kind


class Messages(Protocol):
    """The part of the store that the outbox needs."""

    async def claim(
        self, now: datetime, lease_end: datetime, *, held: Sequence[str] = (), only: str | None = None
    ) -> OutboxMessage | None:
        """The waiting message that has been due longest, its due moved to *lease_end*; None: none is due.

        Kinds that are *held* wait; *only* one kind is wanted. Until `close`, it counts as sent without that it is known
        whether it arrived.
        """

    async def close(self, message: OutboxMessage) -> None:
        """Write its state, due, attempts, error, result, unsure back; a result's `url` becomes a link of its run."""

    async def next_due(self, *, held: Sequence[str] = (), only: str | None = None) -> datetime | None:
        """When the next waiting message is due that is of no *held* kind (of *only* one where that is said)."""


class Outbox:
    """Delivers one message at a time; *senders* by kind, and *resenders* where a second time is another matter.

    *leave* is the kind that another outbox delivers, *only* the one that this one alone does.
    """

    def __init__(
        self,
        messages: Messages,
        senders: Mapping[MessageKind, Sender],
        clock: Clock,
        *,
        resenders: Mapping[MessageKind, Resender] | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        failures: Failures | None = None,
        leave: MessageKind | None = None,
        only: MessageKind | None = None,
    ) -> None:
        self._leave, self._only = [leave.value] if leave else [], only.value if only else None
        self._failures = failures
        self._messages, self._clock, self._pause = messages, clock, pause
        self._senders = {kind.value: sender for kind, sender in senders.items()}
        self._resenders = {kind.value: sender for kind, sender in (resenders or {}).items()}
        self._held: dict[str, datetime] = {}  # kinds whose keys are refused, and until when they wait

    async def deliver_next(self) -> bool:
        """Try the message that has been due longest; False: none is due."""
        now = self._clock()
        held = [*self._leave, *self._waiting(now)]
        message = await self._messages.claim(now, now + LEASE, held=held, only=self._only)
        if message is None:
            return False
        try:
            tried = await self._try(replace(message, attempts=message.attempts + 1), now)
        except Exception as error:
            tried = replace(message, attempts=message.attempts + 1, unsure=message.unsure + 1)
            await self._close(replace(tried, due=now + LONGEST_WAIT, error=type(error).__name__))
            raise
        await self._close(tried)
        return True

    async def next_due(self) -> datetime | None:
        """When the next message is due that does not wait for its keys, or the first of these is."""
        held = self._waiting(self._clock())
        due = await self._messages.next_due(held=[*self._leave, *held], only=self._only)
        return min([*([due] if due else []), *(self._held[kind] for kind in held)], default=None)

    async def _try(self, message: OutboxMessage, now: datetime) -> OutboxMessage:
        """*message* as it is after it was sent, or could not be."""
        sender, resender = self._senders.get(message.kind), self._resenders.get(message.kind)
        if sender is None:
            error = f"nothing here delivers {message.kind}; set what it needs and restart"
            return replace(message, due=now + LONGEST_WAIT, error=error)
        try:
            again = resender is not None and message.unsure
            result = await (
                resender(message.payload, message.unsure) if again and resender else sender(message.payload)
            )
        except Unavailable as error:
            due = now + wait(message.attempts, error.retry_after)
            return replace(message, due=due, error=error.message, unsure=message.unsure + error.unsure)
        except KeysRefused as error:
            self._log(message, error)
            self._held[message.kind] = now + KEYS  # they may be corrected; the others need not find out the same
            return replace(message, due=now + KEYS, error=error.message)
        except Refused as error:
            self._log(message, error)
            return replace(message, state=MessageState.REFUSED, error=error.message)
        self._held.pop(message.kind, None)
        return replace(message, state=MessageState.SENT, error=None, result=result)

    def _waiting(self, now: datetime) -> list[str]:
        return [kind for kind, until in self._held.items() if until > now]

    def _log(self, message: OutboxMessage, error: Refused) -> None:
        if message.error != error.message:  # once, and not every minute
            log.warning("%s %s was refused: %s", message.kind, message.key, error.message)

    async def _close(self, message: OutboxMessage) -> None:
        """What came of it must not be lost: it would be sent again."""
        what = f"the note that {message.kind} {message.key} is {message.state}"
        await patiently(what, partial(self._messages.close, message), self._pause, self._failures)


def wait(attempts: int, retry_after: float | None) -> timedelta:
    """How long to wait after *attempts* failures: 5 s, doubled each time, at most an hour; longer only if told so."""
    own: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
    return max(own, timedelta(seconds=retry_after or 0))

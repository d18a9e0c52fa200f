"""What must reach somebody else in the end, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class MessageKind(StrEnum):
    """Who a message is for: each kind has a sender of its own."""

    EVENT = "datadog.event"  # the start or the stop of a run, or a verdict, as an event in Datadog
    RESULTS = "datadog.series"  # the gauges of a run that is done, sent back to Datadog
    RECOLLECT = "recollect"  # to ourselves, a day later: read the metrics of a run once more
    NOTICE = "notice"  # to ourselves: what is told of a release, for each receiver that the project has now
    NOTIFY = "notify"  # one of these, for its receiver
    DELIVERY = "run"  # a client's run, for the daemon or the bucket that it was made for


class MessageState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"  # to be sent when it is due, for the first time or again
    SENT = "sent"  # the other side has it
    REFUSED = "refused"  # the other side will never take it: shown, and not tried again


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """*kind* picks the sender, *key* makes it one of its kind. *result* is what the other side answered.
    *unsure* counts the times that it was sent without that it is known whether it arrived.

    *kind* is a MessageKind; a database written by a newer dogDriver may hold others, which nothing here delivers.
    """

    kind: str
    key: str
    run: str | None
    payload: Mapping[str, Any]
    due: datetime
    created: datetime
    attempts: int = 0
    state: MessageState = MessageState.WAITING
    error: str | None = None
    result: Mapping[str, Any] | None = None
    unsure: int = 0

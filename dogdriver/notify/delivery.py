"""What a sender is given, and what it gives back: one notification for one receiver."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from dogdriver.model import Clock
from dogdriver.model.notify import Route
from dogdriver.settings import Secret


@dataclass(frozen=True, slots=True)
class World:
    """What senders work with; *smtp* and *smtp_from* are the mail server and the sender's address, where set."""

    session: aiohttp.ClientSession
    clock: Clock
    smtp: Secret | None = None
    smtp_from: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification on its way. *document* is what a webhook gets; *changes* are lines for people, one for each
    metric that differs. *identity* is the same however often it is sent. *url*, *secret*: the route's own, revealed.
    """

    route: Route
    document: Mapping[str, Any]
    changes: Sequence[str] = ()
    commit: str | None = None
    repository: str | None = None
    url: str | None = None
    secret: Secret | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        return str(self.document["id"])

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.document["at"])

    @property
    def title(self) -> str:
        """What it is about, in a line."""
        doc = self.document
        if doc["release"] is None:
            return f"dogDriver: test for {doc['project']}"
        words = {"verdict.withdrawn": "withdrawn", "verdict.recovered": "recovered"}
        said = words.get(doc["type"]) or str(doc["headline"]).replace("_", " ")
        return f"{doc['project']} {doc['release']} ({doc['deployment']}): {said}"


Send = Callable[[Delivery, World], Awaitable[Mapping[str, Any]]]
"""Gives what the receiver answered. Raises Unavailable (again, later) or Refused (never)."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One kind of receiver: the *kind* that a route names, the keys that a route of it *needs*, those that it may have
    beside them, and how it is sent to. A tuple among *needs* are keys of which exactly one is given.
    """

    kind: str
    send: Send
    needs: tuple[tuple[str, ...], ...] = ()
    may: tuple[str, ...] = ()
    check: Callable[[Route], None] = lambda _: None
    """Raises ValueError where a value cannot stand there."""

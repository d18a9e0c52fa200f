"""What is asked of the store, and the small things that it answers."""

from dataclasses import dataclass
from datetime import datetime

from dogdriver.model.run import Status


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are wanted; None: any."""

    project: str | None = None
    deployment: str | None = None
    test: str | None = None
    source: str | None = None
    release: str | None = None
    statuses: frozenset[Status] = frozenset()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A project + deployment + test + source that has runs, with how many are done and the newest of them."""

    project: str
    deployment: str
    test: str
    source: str
    runs: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Outstanding:
    """The messages that wait: how many, how many of them have failed so far, and the *error* of the most tried."""

    waiting: int
    failing: int
    error: str | None

"""The parts of the store that are read for people: by pages, the API and the command line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dogdriver.model import (
    Filter,
    Judged,
    Known,
    MessageState,
    OutboxMessage,
    Outstanding,
    Page,
    Point,
    Run,
    Scope,
    SeriesKey,
    Stay,
)
from dogdriver.pipeline.cards import Store as Cards


class Runs(Protocol):
    """What was kept of each run."""

    async def get(self, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""

    async def list(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created; metrics included without their readings. A bad cursor raises Invalid."""

    async def queue(self) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""

    async def next_due(self) -> datetime | None:
        """When the next pending run is due; None: none is pending."""

    async def projects(self) -> Sequence[str]:
        """Every project that has runs, sorted."""

    async def known(self, project: str | None = None) -> Sequence[Known]:
        """Everything that has runs, most runs first, most recent first among equals."""


class Series(Protocol):
    """The values of one metric over the runs of one scope."""

    async def points(
        self, key: SeriesKey, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        """The newest *limit* points, in order of time; runs that are done (judged) or ended badly (hollow)."""


class Values(Protocol):
    """The values of all metrics."""

    async def metrics(self, project: str) -> Sequence[str]:
        """Names of all metrics that have a value row for this project, sorted."""


class Releases(Protocol):
    """What each deployment was seen to run."""

    async def seen(self, project: str, deployment: str) -> Sequence[Stay]:
        """Each time that a release was there, in the order in which they began."""

    async def counts(self, scope: Scope) -> Mapping[str, int]:
        """The runs of each stay that are done or pending, by its name."""


class Verdicts(Protocol):
    """Every look at every release."""

    async def newest(self, scope: Scope) -> Sequence[Judged]:
        """The newest look per metric and release, oldest release first."""


class Outbox(Protocol):
    """What must reach somebody else in the end."""

    async def outstanding(self) -> Outstanding:
        """What waits to be sent, all of it."""

    async def list(self, *, state: MessageState | None = None, limit: int = 50) -> Sequence[OutboxMessage]:
        """Newest first, for the status page."""


class Store(Protocol):
    """All of them, over one database."""

    @property
    def runs(self) -> Runs: ...

    @property
    def series(self) -> Series: ...

    @property
    def values(self) -> Values: ...

    @property
    def releases(self) -> Releases: ...

    @property
    def verdicts(self) -> Verdicts: ...

    @property
    def cards(self) -> Cards: ...

    @property
    def outbox(self) -> Outbox: ...

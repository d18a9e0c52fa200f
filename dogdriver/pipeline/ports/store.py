"""The parts of the store that the pipeline needs. Every method is one transaction; nothing is half-written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dogdriver.model import (
    Judged,
    MetricValue,
    OutboxMessage,
    Point,
    Reading,
    Release,
    Run,
    Scope,
    SeriesKey,
    Status,
)


class Runs(Protocol):
    """What was kept of each run."""

    async def get(self, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""

    async def running(self) -> Sequence[Run]:
        """What is in status running, oldest first (for recovery)."""

    async def queue(self) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""


class Transitions(Protocol):
    """How a run goes from one status to the next."""

    async def add(self, run: Run, *, idempotency_key: str | None = None) -> tuple[Run, bool]:
        """Keep a new run. Returns it and True; or, for a queued run of the same project, deployment and test that is
        there already, or one with the same idempotency key, that one and False. A run that is not queued (made
        elsewhere) is kept under its own id; an id that exists returns the kept one and False.
        """

    async def claim(self, now: datetime, *, held: Sequence[str] = ()) -> Run | None:
        """Turn the oldest queued run that is not *held* into running, by a conditional UPDATE; None: there is none."""

    async def claim_due(self, now: datetime, lease_end: datetime) -> Run | None:
        """The pending run that has been due longest at *now*, its due moved to *lease_end*; None: there is none."""

    async def save(
        self,
        run: Run,
        *,
        expect: Status,
        values: Mapping[str, MetricValue] | None = None,
        judged: Sequence[Judged] = (),
        messages: Sequence[OutboxMessage] = (),
        release_seen: datetime | None = None,
    ) -> bool:
        """Write the row, with the *values* given (others stay), verdicts and messages, in one transaction.

        False, and nothing written, where the kept run is not in status *expect* any more. A message of a kind and key
        that exists is left as it is. With *release_seen* the run's release is recorded as observed then.
        """

    async def set_excluded(self, run_id: str, excluded: str | None) -> bool:
        """Set or take back the exclusion of a run that has ended; False where it has not. `save` leaves it alone."""


class Series(Protocol):
    """The values of one metric over the runs of one scope."""

    async def points(self, key: SeriesKey, *, limit: int | None = None) -> Sequence[Point]:
        """The newest *limit* points, in order of time; runs that are done (judged) or ended badly (hollow)."""

    async def readings(self, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        """The raw series of the newest *limit* settled values (for the usual gap)."""


class Values(Protocol):
    """The values of all metrics."""

    async def ever_had_data(self, project: str, metric: str) -> bool:
        """Whether any run of this project has a value of this metric."""


class Releases(Protocol):
    """What each deployment was seen to run."""

    async def see(self, project: str, deployment: str, release: Release, at: datetime) -> bool:
        """Record that *release* is there at *at*; True where another was seen last (new, or a return)."""

    async def label(self, project: str, deployment: str, version: str | None, commit: str | None) -> str:
        """The label for what a deployment says of itself, unique among the releases seen there (design: release)."""


class Verdicts(Protocol):
    """Every look at every release."""

    async def looks(self, key: SeriesKey, release: str) -> Sequence[Judged]:
        """All looks at one release of one series, oldest first."""

    async def newest(self, scope: Scope) -> Sequence[Judged]:
        """The newest look per metric and release, oldest release first."""

    async def save(self, judged: Sequence[Judged]) -> None:
        """Keep looks, and nothing else."""


class Commits(Protocol):
    """What was written, counted: whoever waits for something to change in the database, waits for the next one."""

    @property
    def number(self) -> int: ...

    async def after(self, number: int) -> int:
        """Wait until there was a later commit than *number*; gives the number of the newest one."""


class Store(Protocol):
    """All of them, over one database."""

    @property
    def runs(self) -> Runs: ...

    @property
    def transitions(self) -> Transitions: ...

    @property
    def series(self) -> Series: ...

    @property
    def values(self) -> Values: ...

    @property
    def releases(self) -> Releases: ...

    @property
    def verdicts(self) -> Verdicts: ...

"""The database, as the pipeline needs it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.model import (
    Errand,
    Filter,
    Judged,
    Known,
    MetricValue,
    Outstanding,
    Page,
    Point,
    Reading,
    Release,
    Run,
    Seen,
    SeriesKey,
    Status,
)


class Store(Protocol):
    """The database. Every method is one transaction; nothing is half-written.

    *version* counts commits since start: a cache of answers is keyed by it.
    """

    @property
    def version(self) -> int: ...

    # The life of a run
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
        errands: Sequence[Errand] = (),
        release_seen: datetime | None = None,
    ) -> bool:
        """Write the row, with the *values* given (others stay), verdicts and errands, in one transaction.

        False, and nothing written, where the kept run is not in status *expect* any more. An errand of a kind and key
        that exists is left as it is. With *release_seen* the run's release is recorded as observed then.
        """

    async def flag(self, run_id: str, excluded: str | None) -> bool:
        """Set or take back the exclusion of a run that has ended; False where it has not. `save` leaves it alone."""

    async def note(self, judged: Sequence[Judged]) -> None:
        """Keep looks, and nothing else."""

    # Reading runs
    async def run(self, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""

    async def runs(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created; metrics included without their readings. A bad cursor raises Invalid."""

    async def running(self) -> Sequence[Run]:
        """What is in status running, oldest first (for recovery)."""

    async def queue(self) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""

    async def next_due(self) -> datetime | None:
        """When the next pending run is due; None: none is pending."""

    async def last_scheduled(self, project: str, deployment: str) -> datetime | None:
        """When the newest run with trigger `schedule` was created."""

    # Reading series
    async def known(self, project: str | None = None) -> Sequence[Known]:
        """Everything that has runs, most runs first, most recent first among equals."""

    async def metrics(self, project: str) -> Sequence[str]:
        """Names of all metrics that have a value row for this project, sorted."""

    async def series(
        self, key: SeriesKey, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        """The newest *limit* points, in order of time; runs that are done (judged) or ended badly (hollow)."""

    async def ever_had_data(self, project: str, metric: str) -> bool:
        """Whether any run of this project has a value of this metric."""

    async def readings(self, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        """The raw series of the newest *limit* settled values (for the usual gap)."""

    # Releases
    async def releases(self, project: str, deployment: str) -> Sequence[Seen]:
        """In the order in which they were first observed."""

    async def see_release(self, project: str, deployment: str, release: Release, at: datetime) -> bool:
        """Record that *release* is there at *at*; True where another was seen last (new, or a return)."""

    async def label(self, project: str, deployment: str, version: str | None, commit: str | None) -> str:
        """The label for what a deployment says of itself, unique among the releases seen there (design: release)."""

    # Verdicts
    async def looks(self, key: SeriesKey, release: str) -> Sequence[Judged]:
        """All looks at one release of one series, oldest first."""

    async def verdicts(self, project: str, deployment: str, test: str, source: str) -> Sequence[Judged]:
        """The newest look per metric and release, oldest release first."""

    # Errands
    async def claim_errand(self, now: datetime, lease_end: datetime) -> Errand | None:
        """The waiting errand that has been due longest, its due moved to *lease_end*."""

    async def close_errand(self, errand: Errand) -> None:
        """Write its state, due, attempts, error and result back; a result's `url` becomes a link of its run."""

    async def next_errand(self) -> datetime | None:
        """When the next waiting errand is due."""

    async def outbox(self) -> Outstanding:
        """What waits to be sent, all of it."""

    async def errands(self, *, state: str | None = None, limit: int = 50) -> Sequence[Errand]:
        """Newest first, for the status page."""

    # Small things that must survive a restart
    async def recall(self, name: str) -> Any:
        """The JSON value kept under *name*, or None."""

    async def remember(self, name: str, value: Any) -> None: ...

    # The database itself
    async def ping(self) -> None:
        """Raises StoreError where it cannot be read and written, or was taken away."""

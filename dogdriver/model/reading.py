"""A metric of a run as Datadog tells it, and what that amounts to."""

from enum import StrEnum

from msgspec import Struct


class MetricState(StrEnum):
    """How far one metric of one run has come; all but WAITING are final."""

    WAITING = "waiting"  # its points may still come or change
    SETTLED = "settled"  # covered and stable: the value that counts
    PARTIAL = "partial"  # the deadline came first: the value of the points that there are
    NO_DATA = "no_data"  # the deadline came, and there was no point
    NOT_CONFIGURED = "not_configured"  # there were no keys to ask with
    REFUSED = "refused"  # its query, its unit or its reduction will not do

    @property
    def final(self) -> bool:
        return self is not MetricState.WAITING


class Series(Struct, frozen=True, forbid_unknown_fields=True):
    """One series of a Datadog answer: *points* are (unix seconds of the bucket's start, value or None)."""

    scope: str
    points: tuple[tuple[float, float | None], ...]


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """A Datadog answer to one query over one window, as it came. *interval* in seconds, *unit* as Datadog names it.

    *scale* turns values into the base unit of *family* (`time` → seconds); None where Datadog gave no unit.
    """

    query: str
    series: tuple[Series, ...]
    interval: float | None
    unit: str | None = None
    family: str | None = None
    scale: float | None = None
    unit_in_part: bool = False  # some of the series came without it

    @property
    def empty(self) -> bool:
        return not any(value is not None for series in self.series for _, value in series.points)


class MetricValue(Struct, frozen=True, forbid_unknown_fields=True):
    """One metric of one run. *points* received of *expected*; *note* says in a sentence what a person should know.

    *value* is None in every state but settled and partial, and may be None there too; it is never 0 for missing.
    """

    state: MetricState
    value: float | None = None
    points: int | None = None
    expected: int | None = None
    query: str | None = None
    unit: str | None = None
    interval: float | None = None
    note: str | None = None
    earlier: float | None = None  # the value before a late re-collection changed it
    reading: Reading | None = None  # the raw series, kept with the run

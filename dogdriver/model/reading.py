"""A metric of a run as Datadog tells it, and what that amounts to."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from dogdriver.model.fields import RAW, Text


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


class Series(Struct, frozen=True):
    """One series of a Datadog answer."""

    scope: Annotated[str, Meta(description="the tags that it is grouped by")]
    points: Annotated[
        tuple[tuple[float, float | None], ...], Meta(description="unix seconds of the bucket's start, and the value")
    ]


class Reading(Struct, frozen=True):
    """A Datadog answer to one query over one window, as it came."""

    query: Annotated[str, Meta(description="as Datadog repeats it")]
    series: Annotated[tuple[Series, ...], Meta(description="one for each group")]
    interval: Annotated[float | None, Meta(description="seconds between two points")]
    unit: Annotated[str | None, Meta(description="as Datadog names it")] = None
    family: Annotated[str | None, Meta(description="of the unit, such as `time`")] = None
    scale: Annotated[float | None, Meta(description="turns values into the family's base unit (`time`: seconds)")] = (
        None
    )
    unit_in_part: Annotated[bool, Meta(description="some of the series came without the unit")] = False

    @property
    def empty(self) -> bool:
        return not any(value is not None for series in self.series for _, value in series.points)


class MetricValue(Struct, frozen=True):
    """One metric of one run."""

    state: Annotated[
        MetricState,
        Meta(description="`waiting`, `settled`, `partial`, `no_data`, `not_configured` or `refused`"),
    ]
    value: Annotated[float | None, Meta(description="only where settled or partial; never 0 for what is missing")] = (
        None
    )
    points: Annotated[int | None, Meta(description="received")] = None
    expected: Annotated[int | None, Meta(description="points that the window should have")] = None
    query: Annotated[Text | None, Meta(description="what Datadog is asked; null for what the client measured")] = None
    unit: Annotated[Text | None, Meta(description="of the value")] = None
    interval: Annotated[float | None, Meta(description="seconds between two points")] = None
    note: Annotated[Text | None, Meta(description="a sentence with what a person should know")] = None
    earlier: Annotated[float | None, Meta(description="the value before a late look changed it")] = None
    reading: Annotated[Reading | None, Meta(description="the raw series"), RAW] = None

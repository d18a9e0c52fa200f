"""What a reading amounts to: still waiting, settled, and at the deadline partial or nothing. Pure, no clock.

Settled means covered and stable. Covered: over all series together, the newest point is at most two steps before the
end of the run, the oldest at most two after its start. Stable: two successive reads agree. Holes and silent hosts are
told, not waited for. A step is the largest of Datadog's interval, what the metric declares, and the gap usually seen:
CloudWatch's points come every 60 or 300 seconds however fine the rollup. Before there is a gap usually seen, the
reading's own stands in for it, or such a metric would never settle for the first time.
"""

import math
from collections.abc import Sequence
from statistics import median

from msgspec.structs import replace

from dogdriver.metrics import query
from dogdriver.metrics.points import (
    REDUCTIONS,
    Points,
    Selection,
    Span,
    bucket_width,
    gaps,
    is_reduction,
    overlapping,
    reduce,
    select,
)
from dogdriver.metrics.units import conversion, sparse_rates
from dogdriver.model import Metric, MetricState, MetricValue, Reading, Reduction, Window

MISSING_STEPS = 2  # that are let pass at either end
MIN_GAPS = 2  # that a reading needs to say itself how far apart its points usually are
_MOST_NAMED = 5


def assess(
    reading: Reading,
    previous: Reading | None,
    *,
    metric: Metric,
    window: Window,
    ramp_up: float = 0.0,
    usual_gap: float | None = None,
    last: bool = False,
    late: bool = False,
) -> MetricValue:
    """The value of *metric* as far as *reading* shows it; *previous* is the reading of the attempt before.

    The value is reduce(the points that `points.select` takes, metric.reduce) × the factor of `units.conversion`: one
    number over all series, in the unit of *metric*. *ramp_up* is in seconds from the start; *usual_gap* in seconds;
    *last* says that there will be no further attempt, *late* that what the query makes up will hardly become data.
    """
    if not is_reduction(metric.reduce):
        note = f"{metric.reduce!r} is not a way to reduce points; use {REDUCTIONS}"
        return _refused(reading, metric, note)
    between = gaps(reading)
    seen = usual_gap if usual_gap is not None else median(between) if len(between) >= MIN_GAPS else None
    step = max(reading.interval or 0.0, metric.every, seen or 0.0)
    width = bucket_width(reading.interval, between, step)
    unit = conversion(reading, metric, width)
    if unit.factor is None:
        return _refused(reading, metric, unit.warning)
    span = Span.of(window)
    points = overlapping(reading, span, width)
    selection = select(points, Span.of(window, ramp_up=ramp_up), width)
    shown = MetricValue(
        state=MetricState.WAITING,
        points=selection.count,
        expected=selection.expected,
        query=reading.query,
        unit=metric.unit,
        interval=reading.interval,
        reading=reading,
    )
    ramp_only = None if selection.count else "no data yet after the ramp-up"
    lacks = _uncovered(points, span, step) or ramp_only or _unstable(reading, points, previous, span, width)
    unproven = _unproven(reading, points, span, step)
    if (lacks or (unproven and not late)) and not last:
        return replace(shown, note=lacks or unproven)
    lacks = lacks or unproven
    if not selection.count:
        where = "for this run" if reading.empty else "inside this run's window"
        note = f"Datadog has no data {where}; `dogdriver check` shows what the query gives now"
        return replace(shown, state=MetricState.NO_DATA, note=note)
    reduced = reduce(selection.points, metric.reduce)
    value = None if reduced is None or not math.isfinite(reduced * unit.factor) else reduced * unit.factor
    warning = unit.warning if value is not None else f"the {metric.reduce} of its points is not a finite number"
    remarks = _remarks(reading, selection, metric, span, step, width)
    notes = [lacks, warning, *remarks, _silent(reading, points, span, step)]
    state = MetricState.PARTIAL if lacks else MetricState.SETTLED
    if value is None:
        state = MetricState.NO_DATA
    return replace(shown, state=state, value=value, note="; ".join(note for note in notes if note) or None)


def _refused(reading: Reading, metric: Metric, note: str | None) -> MetricValue:
    return MetricValue(MetricState.REFUSED, query=reading.query, unit=metric.unit, note=note, reading=reading)


def _uncovered(points: Points, span: Span, step: float) -> str | None:
    """Why *points* (of all series together) do not cover the run, in words; *step* in seconds."""
    if not any(points):
        return "no data yet"
    oldest, newest = min(one[0][0] for one in points if one), max(one[-1][0] for one in points if one)
    if oldest > span.start + MISSING_STEPS * step:
        return f"the oldest point is {oldest - span.start:.0f} s after the start"
    if newest < span.end - MISSING_STEPS * step:
        return f"the newest point is {span.end - newest:.0f} s before the end"
    return None


def _unproven(reading: Reading, points: Points, span: Span, step: float) -> str | None:
    """Why *points* cover the run only with values that the query itself makes up, in words; None: they do not."""
    made_up = query.makes_up(reading.query)
    if not made_up:
        return None
    proven = tuple(_proven(one, made_up) for one in points)
    lacks = _uncovered(proven, span, step)
    return lacks and f"{lacks}, but for values that default_zero() or fill() may have made up"


def _proven(points: Sequence[tuple[float, float]], made_up: frozenset[query.MadeUp]) -> list[tuple[float, float]]:
    """Those of one series that *made_up* does not account for: a value that is repeated to the end may be filled in."""
    kept = [point for point in points if point[1] != 0 or query.MadeUp.ZEROS not in made_up]
    if query.MadeUp.REPEATED in made_up:
        for end in (0, -1):
            value = kept[end][1] if kept else None
            while len(kept) > 1 and kept[end][1] == value and kept[1 if end == 0 else -2][1] == value:
                del kept[end]
    return kept


def _unstable(reading: Reading, points: Points, previous: Reading | None, span: Span, width: float) -> str | None:
    """Why the points may still change, in words: the two reads must show the same, in whatever order of series.

    *points* are those of *reading* that overlap the run; a value counts as the same within a relative 1e-9.
    """
    if previous is None:
        return "read only once"
    same = query.is_same(reading.query, previous.query) and (reading.unit, reading.scale) == (
        previous.unit,
        previous.scale,
    )
    now, before = _by_scope(reading, points), _by_scope(previous, overlapping(previous, span, width))
    if same and len(now) == len(before) and all(map(_agree, now, before)):
        return None
    return "the last two reads differ"


_Series = tuple[str, Sequence[tuple[float, float]]]
"""(scope, its points)"""


def _by_scope(reading: Reading, points: Points) -> list[_Series]:
    """The series that have points, in the order of their scopes."""
    return sorted((series.scope, one) for series, one in zip(reading.series, points, strict=True) if one)


def _agree(one: _Series, other: _Series) -> bool:
    return one == other or (
        one[0] == other[0]
        and len(one[1]) == len(other[1])
        and all(
            at == other_at and math.isclose(value, other_value, rel_tol=1e-9)
            for (at, value), (other_at, other_value) in zip(one[1], other[1], strict=True)
        )
    )


def _remarks(
    reading: Reading, selection: Selection, metric: Metric, span: Span, step: float, width: float
) -> list[str]:
    """What a person should know of a value that is taken as it is; *step* and *width* in seconds."""
    remarks = []
    if span.seconds < 3 * step:
        remarks.append(f"the run ({span.seconds:.0f} s) is shorter than three steps ({step:g} s) of this metric")
    if not selection.whole:
        remarks.append("buckets that reach over the edge of the run are counted in")
    if missing := selection.expected - selection.count:
        remarks.append(f"{missing} of {selection.expected} points are missing")
    extreme = metric.reduce in {Reduction.MAX, Reduction.MIN}
    if extreme and ".rollup(" not in reading.query and (reading.interval or 0) > metric.every:
        remarks.append(f"the {metric.reduce} of {reading.interval:g} s averages")
    if (sparse := sparse_rates(reading, width)) is not None:
        remarks.append(sparse)
    return remarks


def _silent(reading: Reading, points: Points, span: Span, step: float) -> str | None:
    """Which of several series do not cover the run, in words; *points* has one entry for each series of *reading*."""
    if len(points) <= 1:
        return None
    quiet = sorted(
        series.scope for series, one in zip(reading.series, points, strict=True) if _uncovered((one,), span, step)
    )
    if not quiet:
        return None
    more = ", …" if len(quiet) > _MOST_NAMED else ""
    return f"silent for part of the run: {', '.join(quiet[:_MOST_NAMED])}{more}"

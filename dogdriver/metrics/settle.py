"""What a reading amounts to: still waiting, settled, and at the deadline partial or nothing. Pure, no clock.

Settled means covered and stable. Covered: over all series together, the newest point is at most two steps before the
end of the run, the oldest at most two after its start. Stable: two successive reads agree. Holes and silent hosts are
told, not waited for. A step is the largest of Datadog's interval, what the metric declares, and the gap usually seen:
CloudWatch's points come every 60 or 300 seconds however fine the rollup. Before there is a gap usually seen, the
reading's own stands in for it, or such a metric would never settle for the first time.
"""

import math
from dataclasses import replace
from statistics import median

from dogdriver.metrics import query
from dogdriver.metrics.conversion import conversion, sparse_rates
from dogdriver.metrics.points import Chosen, Points, Span, choose, distances, inside, width
from dogdriver.metrics.reduce import known, reduce
from dogdriver.model import Metric, MetricState, MetricValue, Reading, Window

SLACK = 2  # steps that may be missing at either end
FEWEST_GAPS = 2  # that a reading needs to say itself how far apart its points usually are
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
) -> MetricValue:
    """The value of *metric* as far as *reading* shows it; *previous* is the reading of the attempt before.

    *ramp_up* is in seconds from the start; *usual_gap* in seconds; *last* says that there will be no further attempt.
    """
    if not known(metric.reduce):
        note = f"{metric.reduce!r} is no way to reduce points; use mean, max, min, sum, last or p0 to p100"
        return _refused(reading, metric, note)
    gaps = distances(reading)
    seen = usual_gap if usual_gap is not None else median(gaps) if len(gaps) >= FEWEST_GAPS else None
    step = max(reading.interval or 0.0, metric.every, seen or 0.0)
    size = width(reading.interval, gaps, step)
    unit = conversion(reading, metric, size)
    if unit.factor is None:
        return _refused(reading, metric, unit.doubt)
    span = Span.of(window)
    points = inside(reading, span, size)
    chosen = choose(points, Span.of(window, ramp_up=ramp_up), size)
    shown = MetricValue(
        state=MetricState.WAITING,
        points=chosen.count,
        expected=chosen.expected,
        query=reading.query,
        unit=metric.unit,
        interval=reading.interval,
        reading=reading,
    )
    ramp_only = None if chosen.count else "no data yet after the ramp-up"
    lacks = _uncovered(points, span, step) or ramp_only or _unstable(reading, points, previous, span, size)
    if lacks and not last:
        return replace(shown, note=lacks)
    if not chosen.count:
        where = "for this run" if reading.empty else "inside this run's window"
        note = f"Datadog has no data {where}; `dogdriver check` shows what the query gives now"
        return replace(shown, state=MetricState.NO_DATA, note=note)
    reduced = reduce(chosen.series, metric.reduce)
    value = None if reduced is None or not math.isfinite(reduced * unit.factor) else reduced * unit.factor
    doubt = unit.doubt if value is not None else f"the {metric.reduce} of its points is no finite number"
    notes = [lacks, doubt, *_remarks(reading, chosen, metric, span, step, size), _silent(reading, points, span, step)]
    state = MetricState.PARTIAL if lacks else MetricState.SETTLED
    if value is None:
        state = MetricState.NO_DATA
    return replace(shown, state=state, value=value, note="; ".join(note for note in notes if note) or None)


def _refused(reading: Reading, metric: Metric, note: str | None) -> MetricValue:
    return MetricValue(MetricState.REFUSED, query=reading.query, unit=metric.unit, note=note, reading=reading)


def _uncovered(points: Points, span: Span, step: float) -> str | None:
    """Why the points do not cover the run, in words."""
    if not any(points):
        return "no data yet"
    oldest, newest = min(one[0][0] for one in points if one), max(one[-1][0] for one in points if one)
    if oldest > span.start + SLACK * step:
        return f"the oldest point is {oldest - span.start:.0f} s after the start"
    if newest < span.end - SLACK * step:
        return f"the newest point is {span.end - newest:.0f} s before the end"
    return None


def _unstable(reading: Reading, points: Points, previous: Reading | None, span: Span, size: float) -> str | None:
    """Why the points may still change, in words: the two reads must show the same, in whatever order of series."""
    if previous is None:
        return "read only once"
    same = query.same(reading.query, previous.query) and (reading.unit, reading.scale) == (
        previous.unit,
        previous.scale,
    )
    ours, theirs = _sorted(reading, points), _sorted(previous, inside(previous, span, size))
    if same and len(ours) == len(theirs) and all(map(_agree, ours, theirs)):
        return None
    return "the last two reads differ"


Line = tuple[str, tuple[tuple[float, float], ...]]


def _sorted(reading: Reading, points: Points) -> list[Line]:
    return sorted((series.scope, one) for series, one in zip(reading.series, points, strict=True) if one)


def _agree(one: Line, other: Line) -> bool:
    return one == other or (
        one[0] == other[0]
        and len(one[1]) == len(other[1])
        and all(
            at == their_at and math.isclose(value, their_value, rel_tol=1e-9)
            for (at, value), (their_at, their_value) in zip(one[1], other[1], strict=True)
        )
    )


def _remarks(reading: Reading, chosen: Chosen, metric: Metric, span: Span, step: float, size: float) -> list[str]:
    """What a person should know of a value that is taken as it is."""
    remarks = []
    length = span.end - span.start
    if length < 3 * step:
        remarks.append(f"the run ({length:.0f} s) is shorter than three steps ({step:g} s) of this metric")
    if not chosen.whole:
        remarks.append("buckets that reach over the edge of the run are counted in")
    if missing := chosen.expected - chosen.count:
        remarks.append(f"{missing} of {chosen.expected} points are missing")
    if metric.reduce in {"max", "min"} and ".rollup(" not in reading.query and (reading.interval or 0) > metric.every:
        remarks.append(f"the {metric.reduce} of {reading.interval:g} s averages")
    if (sparse := sparse_rates(reading, size)) is not None:
        remarks.append(sparse)
    return remarks


def _silent(reading: Reading, points: Points, span: Span, step: float) -> str | None:
    """Which of several series do not cover the run, in words."""
    if len(points) <= 1:
        return None
    quiet = sorted(
        series.scope for series, one in zip(reading.series, points, strict=True) if _uncovered((one,), span, step)
    )
    if not quiet:
        return None
    more = ", …" if len(quiet) > _MOST_NAMED else ""
    return f"silent for part of the run: {', '.join(quiet[:_MOST_NAMED])}{more}"

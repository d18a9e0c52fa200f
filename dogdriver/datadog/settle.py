"""What a reading amounts to: still waiting, settled, and at the deadline partial or nothing. Pure, no clock.

Settled means covered and stable. Covered: over all series together, the newest point is at most two steps before the
end of the run, the oldest at most two after its start. Stable: two successive reads agree. Holes and silent hosts are
told, not waited for. A step is the largest of Datadog's interval, what the metric declares, and the gap usually seen:
CloudWatch's points come every 60 or 300 seconds however fine the rollup. Before there is a gap usually seen, the
reading's own stands in for it, or such a metric would never settle for the first time.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from dogdriver.datadog import units
from dogdriver.datadog.buckets import Chosen, Span, choose, gap, width
from dogdriver.datadog.reduce import known, reduce
from dogdriver.model import Metric, MetricState, MetricValue, Reading, Window

SLACK = 2  # steps that may be missing at either end
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
        return MetricValue(MetricState.REFUSED, query=reading.query, unit=metric.unit, note=note, reading=reading)
    seen = usual_gap if usual_gap is not None else gap(reading, least=2)
    step = max(reading.interval or 0.0, metric.every, seen or 0.0)
    whole = Span.of(window)
    chosen = choose(reading, Span.of(window, ramp_up=ramp_up), step=step)
    shown = MetricValue(
        state=MetricState.WAITING,
        points=chosen.count,
        expected=chosen.expected,
        query=reading.query,
        unit=metric.unit,
        interval=reading.interval,
        reading=reading,
    )
    lacks = _lacking(reading, previous, whole, step)
    if lacks and not last:
        return replace(shown, note=lacks)
    if not chosen.count:
        note = "Datadog has no data for this run" if reading.empty else "Datadog has no data inside this run's window"
        return replace(shown, state=MetricState.NO_DATA, note=note)
    value, doubt = _value(chosen, reading, metric)
    notes = [lacks, doubt, *_remarks(reading, chosen, metric, whole, step)]
    state = MetricState.PARTIAL if lacks else MetricState.SETTLED
    if value is None:
        state = MetricState.NO_DATA
    return replace(shown, state=state, value=value, note="; ".join(note for note in notes if note) or None)


def _lacking(reading: Reading, previous: Reading | None, span: Span, step: float) -> str | None:
    """Why the reading cannot be taken as final, in words."""
    times = [at for one in _inside(reading, span, step) for at, _ in one]
    if not times:
        return "no data yet"
    if min(times) > span.start + SLACK * step:
        return f"the oldest point is {min(times) - span.start:.0f} s after the start"
    if max(times) < span.end - SLACK * step:
        return f"the newest point is {span.end - max(times):.0f} s before the end"
    if previous is None:
        return "read only once"
    if not _agree(reading, previous, span, step):
        return "the last two reads differ"
    return None


def _inside(reading: Reading, span: Span, step: float) -> list[list[tuple[float, float]]]:
    """Per series the points that overlap the run."""
    size = width(reading, step)
    return [
        [(at, value) for at, value in one.points if value is not None and span.overlaps(at, size)]
        for one in reading.series
    ]


def _agree(one: Reading, other: Reading, span: Span, step: float) -> bool:
    """Whether both show the same points for the run, in whatever order their series came."""
    if "".join(one.query.split()) != "".join(other.query.split()) or (one.unit, one.scale) != (other.unit, other.scale):
        return False

    def shown(reading: Reading) -> list[tuple[str, list[tuple[float, float]]]]:
        points = _inside(reading, span, step)
        return sorted((series.scope, part) for series, part in zip(reading.series, points, strict=True) if part)

    def close(first: tuple[float, float], second: tuple[float, float]) -> bool:
        return first[0] == second[0] and math.isclose(first[1], second[1], rel_tol=1e-9)

    ours, theirs = shown(one), shown(other)
    return [(scope, len(points)) for scope, points in ours] == [
        (scope, len(points)) for scope, points in theirs
    ] and all(
        close(first, second)
        for (_, points), (_, others) in zip(ours, theirs, strict=True)
        for first, second in zip(points, others, strict=True)
    )


def _value(chosen: Chosen, reading: Reading, metric: Metric) -> tuple[float | None, str | None]:
    """In the metric's own unit, and what is doubtful about that."""
    value = reduce(chosen.series, metric.reduce)
    if value is None:
        return None, f"the {metric.reduce} of its points is no finite number"
    factor = units.factor(reading.family, reading.scale, metric.unit)
    if factor is None:
        return value, f"not converted: Datadog gives {reading.unit}, the metric is declared in {metric.unit}"
    if reading.unit is None and metric.unit in units.OURS:
        return value, f"Datadog gives no unit, taken to be {metric.unit}"
    return value * factor, None


def _remarks(reading: Reading, chosen: Chosen, metric: Metric, span: Span, step: float) -> list[str]:
    """What a person should know of a value that is taken as it is."""
    remarks = []
    length = span.end - span.start
    if length < 3 * step:
        remarks.append(f"the run ({length:.0f} s) is shorter than three steps ({step:g} s) of this metric")
    if not chosen.whole:
        remarks.append("buckets that reach over the edge of the run are counted in")
    if missing := chosen.expected - chosen.count:
        remarks.append(f"{missing} of {chosen.expected} points are missing")
    if silent := _silent(reading, span, step):
        names = ", ".join(silent[:_MOST_NAMED]) + (", …" if len(silent) > _MOST_NAMED else "")
        remarks.append(f"silent for part of the run: {names}")
    if metric.reduce in {"max", "min"} and ".rollup(" not in reading.query and (reading.interval or 0) > metric.every:
        remarks.append(f"the {metric.reduce} of {reading.interval:g} s averages")
    return remarks


def _silent(reading: Reading, span: Span, step: float) -> Sequence[str]:
    """The scopes of series that do not cover the run."""
    if len(reading.series) <= 1:
        return ()
    quiet = []
    for series, points in zip(reading.series, _inside(reading, span, step), strict=True):
        times = [at for at, _ in points]
        if not times or max(times) < span.end - SLACK * step or min(times) > span.start + SLACK * step:
            quiet.append(series.scope)
    return sorted(quiet)

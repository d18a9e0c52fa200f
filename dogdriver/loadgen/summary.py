"""From recordings to what is kept with the run, and how far the load generator itself may be believed."""

from collections.abc import Sequence

from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.recording import Recording, RequestStats, merge
from dogdriver.metrics.slow_requests import slow_share
from dogdriver.model import ClientMeasures, Grade, Latency, Tally

SATURATED_SHARE = 0.5
"""Of the wall time; a generator that was saturated for longer measured itself."""
NOTICED_STALL = 0.1
"""Seconds; a longer stall grades the run degraded."""
NOTICED_CPU = 0.9
"""The share of a processor above which the run is degraded."""
NOTICED_UNSENT = 0.01
"""The share of requests that could not be sent above which the load was another one than was asked for."""
HARMLESS_LAG = 10.0
"""Milliseconds of lag (99th percentile) that never matter, and, below, the share of the p50 that does not either."""
HARMLESS_LAG_SHARE = 0.1


def summarize(recordings: Sequence[Recording], tally: Tally, seconds: float, *, stall: float) -> ClientMeasures:
    """What all loops together measured in *seconds* of load; *stall*: the seconds that one may stand still at most."""
    whole = merge(recordings)
    latencies = _latencies(whole.stats)
    p50, p95, p99 = latencies.quantiles(0.5, 0.95, 0.99)
    (lag_p99,) = Latencies(whole.lag).quantiles(0.99)
    grade, reasons = judge(whole, p50, lag_p99, stall)
    return ClientMeasures(
        rps=tally.requests / seconds if seconds > 0 else None,
        p50=p50,
        p95=p95,
        p99=p99,
        error_ratio=_error_ratio(tally),
        lag_p99=lag_p99,
        stall=whole.stall * 1000 if whole.lag else None,
        cpu=whole.cpu / whole.wall if whole.wall else None,
        grade=grade,
        reasons=reasons,
        statuses={str(status): count for status, count in sorted(whole.statuses.items())},
        failures=tuple(sorted(whole.failures.items(), key=lambda item: (-item[1], item[0]))),
        scenarios=tuple(
            _latency(name, [each for each in whole.stats if each.scenario == name])
            for name in sorted({*whole.scenarios, *(each.scenario for each in whole.stats)})
        ),
        endpoints=tuple(
            _latency(name, [each for each in whole.stats if each.endpoint == name])
            for name in sorted({each.endpoint for each in whole.stats})
        ),
        histogram=latencies.encode(),
        slow_ratio=slow_share(latencies.counts),
    )


def unmeasured(tally: Tally) -> ClientMeasures:
    """Of a load of which no member could give its recording: what *tally* says, and no more."""
    return ClientMeasures(
        rps=None, p50=None, p95=None, p99=None, error_ratio=_error_ratio(tally),
        lag_p99=None, stall=None, cpu=None, grade=Grade.INVALID,
        reasons=("the load generator was ended before it could say what it had measured",),
    )  # fmt: skip


def judge(
    recording: Recording, p50: float | None, lag_p99: float | None, stall: float
) -> tuple[Grade, tuple[str, ...]]:
    """The grade of the load generator and why.

    *p50* of the requests and *lag_p99* of the loop are milliseconds, *stall* the seconds that it may stand still.
    """
    invalid = []
    if recording.wall and recording.saturated >= SATURATED_SHARE * recording.wall:
        invalid.append(
            f"the load generator was saturated: for {recording.saturated:.0f} of {recording.wall:.0f} s its thread used"
            " more than 0.95 of a processor; use fewer workers, a delay, or more processes"
        )
    if recording.stall > stall:
        invalid.append(
            f"the load generator stood still for {recording.stall:.1f} s, `stall` allows {stall:g} s;"
            " look for blocking calls in the scenarios or a busy machine"
        )
    unsent = sum(recording.own.values())
    lost = ""
    if unsent:
        why = max(recording.own, key=lambda trouble: recording.own[trouble])
        lost = (
            f"the load generator itself could not send {unsent} of {unsent + recording.requests} requests ({why});"
            " they are not counted as errors of the service; look at this machine, or use fewer workers"
        )
    if unsent > NOTICED_UNSENT * (unsent + recording.requests):
        invalid.append(lost)
    if invalid:
        return Grade.INVALID, tuple(invalid)
    degraded = [lost] if lost else []
    if recording.stall > NOTICED_STALL:
        degraded.append(f"the load generator stood still for {recording.stall * 1000:.0f} ms once")
    if recording.wall and recording.cpu > NOTICED_CPU * recording.wall:
        degraded.append(f"the load generator used {recording.cpu / recording.wall:.0%} of a processor")
    harmless = max(HARMLESS_LAG, HARMLESS_LAG_SHARE * (p50 or 0.0))
    if lag_p99 is not None and lag_p99 > harmless:
        degraded.append(
            f"the load generator lagged by {lag_p99:.0f} ms (99th percentile, {harmless:.0f} ms is harmless),"
            " which is in the measured latencies"
        )
    return (Grade.DEGRADED, tuple(degraded)) if degraded else (Grade.OK, ())


def _error_ratio(tally: Tally) -> float | None:
    executed = tally.ok + tally.failed
    return tally.failed / executed if executed else None


def _latencies(stats: Sequence[RequestStats]) -> Latencies:
    latencies = Latencies()
    for each in stats:
        latencies.add(each.latencies)
    return latencies


def _latency(name: str, stats: Sequence[RequestStats]) -> Latency:
    p50, p95, p99 = _latencies(stats).quantiles(0.5, 0.95, 0.99)
    return Latency(name, sum(each.requests for each in stats), sum(each.errors for each in stats), p50, p95, p99)

"""From recordings to what is kept with the run, and how far the load generator itself may be believed."""

from collections.abc import Sequence

from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.recording import Cell, Recording, merged
from dogdriver.model import ClientMeasures, Grade, Latency, Tally

SATURATED_SHARE = 0.5
NOTICED_STALL = 0.1
NOTICED_CPU = 0.9
LEAST_LAG = 10.0
LAG_SHARE = 0.1


def measures(recordings: Sequence[Recording], tally: Tally, seconds: float, *, stall: float) -> ClientMeasures:
    """What all loops together measured in *seconds* of load; *stall* is the longest that one may stand still."""
    whole = merged(recordings)
    latencies = _poured(whole.cells)
    p50, p95, p99 = latencies.quantiles(0.5, 0.95, 0.99)
    (lag_p99,) = Latencies(whole.lag).quantiles(0.99)
    executed = tally.ok + tally.failed
    grade, reasons = judge(whole, p50, lag_p99, stall)
    return ClientMeasures(
        rps=tally.requests / seconds if seconds > 0 else None,
        p50=p50,
        p95=p95,
        p99=p99,
        error_ratio=tally.failed / executed if executed else None,
        lag_p99=lag_p99,
        stall=whole.stall * 1000 if whole.lag else None,
        cpu=whole.cpu / whole.wall if whole.wall else None,
        grade=grade,
        reasons=reasons,
        statuses={str(status): count for status, count in sorted(whole.statuses.items())},
        failures=tuple(sorted(whole.failures.items(), key=lambda item: (-item[1], item[0]))),
        scenarios=tuple(
            _latency(name, [cell for cell in whole.cells if cell.scenario == name])
            for name in sorted({*whole.scenarios, *(cell.scenario for cell in whole.cells)})
        ),
        endpoints=tuple(
            _latency(name, [cell for cell in whole.cells if cell.endpoint == name])
            for name in sorted({cell.endpoint for cell in whole.cells})
        ),
        histogram=latencies.encode(),
    )


def judge(
    recording: Recording, p50: float | None, lag_p99: float | None, stall: float
) -> tuple[Grade, tuple[str, ...]]:
    """The grade of the load generator and why: *p50* of the requests and *lag_p99* of the loop are in ms."""
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
    if invalid:
        return Grade.INVALID, tuple(invalid)
    degraded = []
    if recording.stall > NOTICED_STALL:
        degraded.append(f"the load generator stood still for {recording.stall * 1000:.0f} ms once")
    if recording.wall and recording.cpu > NOTICED_CPU * recording.wall:
        degraded.append(f"the load generator used {recording.cpu / recording.wall:.0%} of a processor")
    allowed = max(LEAST_LAG, LAG_SHARE * (p50 or 0.0))
    if lag_p99 is not None and lag_p99 > allowed:
        degraded.append(
            f"the load generator lagged by {lag_p99:.0f} ms (99th percentile, {allowed:.0f} ms is harmless),"
            " which is in the measured latencies"
        )
    return (Grade.DEGRADED, tuple(degraded)) if degraded else (Grade.OK, ())


def _poured(cells: Sequence[Cell]) -> Latencies:
    latencies = Latencies()
    for cell in cells:
        latencies.add(cell.latencies)
    return latencies


def _latency(name: str, cells: Sequence[Cell]) -> Latency:
    p50, p95, p99 = _poured(cells).quantiles(0.5, 0.95, 0.99)
    return Latency(name, sum(c.requests for c in cells), sum(c.errors for c in cells), p50, p95, p99)

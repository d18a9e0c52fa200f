"""What one load loop recorded, as a value that can be sent, merged and summed up."""

from collections.abc import Mapping, Sequence

import msgspec

from dogdriver.loadgen.failures import Failures
from dogdriver.loadgen.histogram import Latencies

OTHER = "other endpoints"
ENDPOINTS = 50
"""So many endpoints are told apart; requests to more are counted as OTHER."""


class Cell(msgspec.Struct):
    """The requests of one scenario to one endpoint. *latencies* are counts by microseconds, of answered ones only."""

    scenario: str
    endpoint: str
    requests: int = 0
    errors: int = 0
    latencies: dict[int, int] = {}


class Recording(msgspec.Struct):
    """All of one load loop.

    *lag* are counts by microseconds, *stall* and *wall* seconds, *cpu* the load thread's seconds, *saturated* those
    seconds of the wall time in which it had the processor for more than 0.95 of the time.
    """

    cells: list[Cell] = []
    scenarios: list[str] = []
    statuses: dict[int, int] = {}
    failures: dict[str, int] = {}
    lag: dict[int, int] = {}
    stall: float = 0.0
    cpu: float = 0.0
    saturated: float = 0.0
    wall: float = 0.0

    @property
    def requests(self) -> int:
        return sum(cell.requests for cell in self.cells)

    @property
    def errors(self) -> int:
        return sum(cell.errors for cell in self.cells)


def merged(recordings: Sequence[Recording]) -> Recording:
    """As if one loop had recorded all; *stall* and the processor's figures are those of the busiest loop."""
    cells: dict[tuple[str, str], Cell] = {}
    failures, lag = Failures(), Latencies()
    statuses: dict[int, int] = {}
    scenarios: dict[str, None] = {}
    for recording in recordings:
        names = {cell.endpoint for cell in cells.values()}
        for cell in recording.cells:
            place = cell.endpoint if cell.endpoint in names or len(names) < ENDPOINTS else OTHER
            names.add(place)
            _pour(cell, cells.setdefault((cell.scenario, place), Cell(cell.scenario, place)))
        failures.add(recording.failures)
        lag.add(recording.lag)
        _count(statuses, recording.statuses)
        scenarios.update(dict.fromkeys(recording.scenarios))
    busiest = max(recordings, key=lambda r: r.cpu / r.wall if r.wall else 0.0, default=Recording())
    return Recording(
        cells=list(cells.values()),
        scenarios=list(scenarios),
        statuses=statuses,
        failures=failures.counts,
        lag=lag.counts,
        stall=max((r.stall for r in recordings), default=0.0),
        cpu=busiest.cpu,
        saturated=max((r.saturated for r in recordings), default=0.0),
        wall=busiest.wall,
    )


def _pour(cell: Cell, into: Cell) -> None:
    into.requests += cell.requests
    into.errors += cell.errors
    into.latencies = Latencies(into.latencies).add(cell.latencies).counts


def _count(into: dict[int, int], more: Mapping[int, int]) -> None:
    for key, count in more.items():
        into[key] = into.get(key, 0) + count

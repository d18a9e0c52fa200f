"""What one load loop recorded, as a value that can be sent, merged and summed up; all of it is of bounded size."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from dogdriver.loadgen.histogram import Latencies

MOST_ENDPOINTS = 50
"""So many endpoints are told apart; requests to more are counted as OTHER_ENDPOINTS."""
OTHER_ENDPOINTS = "other endpoints"
MOST_FAILURES = 50
"""So many messages are told apart; more are counted as OTHER_FAILURES."""
OTHER_FAILURES = "other errors"
LONGEST_FAILURE = 300
"""Characters of a message."""

_VARIABLE_PART = re.compile(
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<address>\b0x[0-9a-fA-F]{4,})"
    r"|(?P<long>(?<![\w.])(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b)"
    r"|(?P<number>(?<![\w.])\d{7,}\b)"
)


class RequestStats(msgspec.Struct):
    """The requests of one scenario to one endpoint. *latencies* are counts by microseconds, of answered ones only."""

    scenario: str
    endpoint: str
    requests: int = 0
    errors: int = 0
    latencies: dict[int, int] = {}


class Recording(msgspec.Struct):
    """All of one load loop.

    *statuses* and *failures* count answers by status and failures by message. *lag* are counts by microseconds,
    *stall* and *wall* seconds, *cpu* the load thread's seconds, *saturated* those seconds of the wall time in which it
    had the processor for more than 0.95 of the time.
    """

    stats: list[RequestStats] = []
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
        """All of them, answered or not."""
        return sum(each.requests for each in self.stats)

    @property
    def errors(self) -> int:
        """Those of the requests that got no answer, or one >= 400."""
        return sum(each.errors for each in self.stats)


class Failures:
    """Counts messages; those after the first MOST_FAILURES different ones are counted together."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def record(self, message: str) -> None:
        """*message* is folded first: without what differs each time (UUIDs, addresses, hashes), and shortened."""
        self.add({_folded(message): 1})

    def add(self, counts: Mapping[str, int]) -> None:
        """The counts by message of another loop."""
        for message, count in counts.items():
            key = message if message in self.counts or len(self.counts) < MOST_FAILURES else OTHER_FAILURES
            self.counts[key] = self.counts.get(key, 0) + count


def describe_error(error: BaseException) -> str:
    """`ValueError: what it says`, on one line."""
    said = " ".join(str(error)[: 4 * LONGEST_FAILURE].split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def merge(recordings: Sequence[Recording]) -> Recording:
    """As if one loop had recorded all; *stall* and the processor's figures are those of the busiest loop."""
    stats: dict[tuple[str, str], RequestStats] = {}
    failures, lag = Failures(), Latencies()
    statuses: dict[int, int] = {}
    scenarios: dict[str, None] = {}
    for recording in recordings:
        names = {each.endpoint for each in stats.values()}
        for each in recording.stats:
            name = each.endpoint if each.endpoint in names or len(names) < MOST_ENDPOINTS else OTHER_ENDPOINTS
            names.add(name)
            _add(each, stats.setdefault((each.scenario, name), RequestStats(each.scenario, name)))
        failures.add(recording.failures)
        lag.add(recording.lag)
        for status, count in recording.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        scenarios.update(dict.fromkeys(recording.scenarios))
    busiest = max(recordings, key=lambda r: r.cpu / r.wall if r.wall else 0.0, default=Recording())
    return Recording(
        stats=list(stats.values()),
        scenarios=list(scenarios),
        statuses=statuses,
        failures=failures.counts,
        lag=lag.counts,
        stall=max((r.stall for r in recordings), default=0.0),
        cpu=busiest.cpu,
        saturated=max((r.saturated for r in recordings), default=0.0),
        wall=busiest.wall,
    )


def _add(more: RequestStats, into: RequestStats) -> None:
    into.requests += more.requests
    into.errors += more.errors
    into.latencies = Latencies(into.latencies).add(more.latencies).counts


def _folded(message: str) -> str:
    message = _VARIABLE_PART.sub("…", message[: 4 * LONGEST_FAILURE])
    return message if len(message) <= LONGEST_FAILURE else message[: LONGEST_FAILURE - 1] + "…"

"""What one load loop recorded, as a value that can be sent, merged and summed up; all of it is of bounded size."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dogdriver.loadgen.histogram import Latencies
from dogdriver.model.text import shortened

MOST_ENDPOINTS = 50
"""So many endpoints are told apart; requests to more are counted as OTHER_ENDPOINTS."""
OTHER_ENDPOINTS = "other endpoints"
MOST_FAILURES = 50
"""So many messages are told apart; more are counted as OTHER_FAILURES."""
OTHER_FAILURES = "other errors"
LONGEST_FAILURE = 300
"""Characters of a message."""
LONGEST_ENDPOINT = 120
LONGEST_SAID = 16_384
"""Characters of what somebody said that are kept until it is masked; folded and cut it is only then."""

_VARIABLE_PART = re.compile(
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<address>\b0x[0-9a-fA-F]{4,})"
    r"|(?P<long>(?<![\w.])(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b)"
    r"|(?P<number>(?<![\w.])\d{7,}\b)"
)


_IDENTIFIER = re.compile(
    r"\d+"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?=[^/]*\d)[0-9a-fA-F]{12,}"
    r"|(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}"
)


class RequestStats(msgspec.Struct):
    """The requests of one scenario to one endpoint. *latencies* are counts by microseconds, of answered ones only.

    *said* is the first of the paths that are folded into the endpoint, None for OTHER_ENDPOINTS.
    """

    scenario: str
    endpoint: str
    requests: int = 0
    errors: int = 0
    latencies: dict[int, int] = {}
    said: str | None = None


class Said(msgspec.Struct):
    """What somebody said, whole: *text*, of the *request* (method and path) that ended so, if one did."""

    text: str
    request: str | None = None

    def folded(self) -> str:
        """Without what differs each time (UUIDs, addresses, hashes), on one line, and shortened."""
        text = _VARIABLE_PART.sub("…", " ".join(shortened(self.text, 4 * LONGEST_FAILURE).split()))
        return shortened(text if self.request is None else f"{endpoint(self.request)}: {text}", LONGEST_FAILURE)

    def masked(self, mask: Callable[[str], str]) -> "Said":
        return Said(mask(self.text), None if self.request is None else mask(self.request))


class Recording(msgspec.Struct):
    """All of one load loop.

    *statuses* and *failures* count answers by status and failures by message; *said* has for each message the first
    that was folded into it. None of this may be shown before it is `masked`. *own* counts
    requests that this machine could not send, by why; they are in no other figure. *lag* are counts by microseconds,
    *stall* and *wall* seconds, *cpu* the load thread's seconds, *saturated* those seconds of the wall time in which it
    had the processor for more than 0.95 of the time.
    """

    stats: list[RequestStats] = []
    scenarios: list[str] = []
    statuses: dict[int, int] = {}
    failures: dict[str, int] = {}
    said: dict[str, Said] = {}
    own: dict[str, int] = {}
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

    __slots__ = ("counts", "said")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.said: dict[str, Said] = {}

    def record(self, said: Said) -> None:
        """*said* counts as what it is when it is folded."""
        self.add({(folded := said.folded()): 1}, {folded: said})

    def add(self, counts: Mapping[str, int], said: Mapping[str, Said]) -> None:
        """The counts by message of another loop, and what was *said* first of each."""
        for message, count in counts.items():
            key = message if message in self.counts or len(self.counts) < MOST_FAILURES else OTHER_FAILURES
            self.counts[key] = self.counts.get(key, 0) + count
            if key == message and message in said:
                self.said.setdefault(key, said[message])


def describe_error(error: BaseException) -> str:
    """`ValueError: what it says`, as long as it may be before it is masked."""
    said = shortened(str(error).strip(), LONGEST_SAID)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def endpoint(request: str) -> str:
    """`GET /users/{id}/posts` for `GET /users/17/posts?x=1`: numbers, UUIDs, hashes and tokens are folded; no query."""
    method, _, path = request.partition("?")[0].partition(" ")
    folded = "/".join("{id}" if _IDENTIFIER.fullmatch(part) else part for part in path.split("/"))
    return shortened(f"{method} {folded or '/'}", LONGEST_ENDPOINT)


def masked(recording: Recording, mask: Callable[[str], str]) -> Recording:
    """*recording* with all that somebody said folded once more, after *mask* has seen it whole."""
    failures = Failures()
    for message, count in recording.failures.items():
        said = recording.said.get(message)
        failures.add({mask(message) if said is None else said.masked(mask).folded(): count}, {})
    stats = []
    for each in recording.stats:
        name = mask(each.endpoint) if each.said is None else endpoint(mask(each.said))
        stats.append(replace(each, scenario=mask(each.scenario), endpoint=name, said=None))
    scenarios = list(map(mask, recording.scenarios))
    return replace(recording, failures=failures.counts, said={}, stats=stats, scenarios=scenarios)


def merge(recordings: Sequence[Recording]) -> Recording:
    """As if one loop had recorded all; *stall* and the processor's figures are those of the busiest loop."""
    stats: dict[tuple[str, str], RequestStats] = {}
    failures, lag = Failures(), Latencies()
    own: Counter[str] = Counter()
    statuses: dict[int, int] = {}
    scenarios: dict[str, None] = {}
    for recording in recordings:
        names = {each.endpoint for each in stats.values()}
        for each in recording.stats:
            name = each.endpoint if each.endpoint in names or len(names) < MOST_ENDPOINTS else OTHER_ENDPOINTS
            names.add(name)
            _add(each, stats.setdefault((each.scenario, name), RequestStats(each.scenario, name)))
        failures.add(recording.failures, recording.said)
        lag.add(recording.lag)
        own.update(recording.own)
        for status, count in recording.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        scenarios.update(dict.fromkeys(recording.scenarios))
    busiest = max(recordings, key=lambda r: r.cpu / r.wall if r.wall else 0.0, default=Recording())
    return Recording(
        stats=list(stats.values()),
        scenarios=list(scenarios),
        statuses=statuses,
        failures=failures.counts,
        said=failures.said,
        own=dict(own),
        lag=lag.counts,
        stall=max((r.stall for r in recordings), default=0.0),
        cpu=busiest.cpu,
        saturated=max((r.saturated for r in recordings), default=0.0),
        wall=busiest.wall,
    )


def _add(more: RequestStats, into: RequestStats) -> None:
    into.requests += more.requests
    into.errors += more.errors
    if into.endpoint != OTHER_ENDPOINTS:
        into.said = into.said or more.said
    into.latencies = Latencies(into.latencies).add(more.latencies).counts

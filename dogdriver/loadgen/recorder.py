"""The hot path: what happens for each request and each execution of a scenario in one load loop."""

import re

from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.loop_lag import LoopLag
from dogdriver.loadgen.recording import (
    MOST_ENDPOINTS,
    OTHER_ENDPOINTS,
    Failures,
    Recording,
    RequestStats,
    describe_error,
)

FIRST_ERROR = 400

_MOST_CACHED = 20_000  # (scenario, method, path); a test that makes up more paths pays for folding them again
_LONGEST_ENDPOINT = 120
_IDENTIFIER = re.compile(
    r"\d+"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?=[^/]*\d)[0-9a-fA-F]{12,}"
    r"|(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}"
)


class _Stats:
    """Requests of one scenario to one endpoint, as they are counted."""

    __slots__ = ("errors", "latencies", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.latencies = Latencies()


class Recorder:
    """Of one load loop, used in its thread only. A request counts as an error when it got no answer or one >= 400."""

    def __init__(self) -> None:
        self.loop_lag = LoopLag()
        self.requests = 0
        self.errors = 0
        self._recent = Latencies()
        self._stats: dict[tuple[str, str], _Stats] = {}
        self._cache: dict[tuple[str, str, str], _Stats] = {}
        self._endpoints: set[str] = set()
        self._scenarios: dict[str, None] = {}
        self._statuses: dict[int, int] = {}
        self._failures = Failures()

    def answered(self, scenario: str, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered with *status*; *seconds* to its headers."""
        stats = self._cache.get((scenario, method, path)) or self._find_stats(scenario, method, path)
        stats.requests += 1
        self.requests += 1
        stats.latencies.record(seconds)
        self._recent.record(seconds)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if status >= FIRST_ERROR:
            stats.errors += 1
            self.errors += 1

    def unanswered(self, scenario: str, method: str, path: str, error: BaseException) -> None:
        """A request ended in *error*."""
        stats = self._cache.get((scenario, method, path)) or self._find_stats(scenario, method, path)
        stats.requests += 1
        stats.errors += 1
        self.requests += 1
        self.errors += 1
        self._failures.record(f"{endpoint(method, path)}: {describe_error(error)}")

    def executes(self, scenario: str) -> None:
        """An execution of *scenario* begins."""
        self._scenarios[scenario] = None

    def failed(self, message: str) -> None:
        """Something went wrong that no request told of already."""
        self._failures.record(message)

    def take_recent(self) -> dict[int, int]:
        """Latencies since this was last asked: counts by microseconds."""
        recent, self._recent = self._recent, Latencies()
        return recent.counts

    def recording(self) -> Recording:
        """All that was recorded so far, as a value of its own."""
        lag = self.loop_lag
        return Recording(
            stats=[
                RequestStats(scenario, name, stats.requests, stats.errors, dict(stats.latencies.counts))
                for (scenario, name), stats in self._stats.items()
            ],
            scenarios=list(self._scenarios),
            statuses=dict(self._statuses),
            failures=dict(self._failures.counts),
            lag=dict(lag.lags.counts),
            stall=lag.stall,
            cpu=lag.cpu,
            saturated=lag.saturated,
            wall=lag.wall,
        )

    def _find_stats(self, scenario: str, method: str, path: str) -> _Stats:
        name = endpoint(method, path)
        if name not in self._endpoints and len(self._endpoints) >= MOST_ENDPOINTS:
            name = OTHER_ENDPOINTS
        self._endpoints.add(name)
        stats = self._stats.setdefault((scenario, name), _Stats())
        if len(self._cache) < _MOST_CACHED:
            self._cache[scenario, method, path] = stats
        return stats


def endpoint(method: str, path: str) -> str:
    """`GET /users/{id}/posts` for `/users/17/posts`: numbers, UUIDs, hashes and tokens are folded; no query string."""
    path = path.partition("?")[0]
    folded = "/".join("{id}" if _IDENTIFIER.fullmatch(part) else part for part in path.split("/"))
    name = f"{method} {folded or '/'}"
    return name if len(name) <= _LONGEST_ENDPOINT else name[: _LONGEST_ENDPOINT - 1] + "…"

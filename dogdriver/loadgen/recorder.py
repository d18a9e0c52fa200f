"""The hot path: what happens for each request and each execution of a scenario in one load loop."""

from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.loop_lag import LoopLag
from dogdriver.loadgen.recording import (
    LONGEST_SAID,
    MOST_ENDPOINTS,
    OTHER_ENDPOINTS,
    Failures,
    Recording,
    RequestStats,
    Said,
    describe_error,
    endpoint,
)
from dogdriver.model.own_trouble import own_trouble
from dogdriver.model.text import shortened

FIRST_ERROR = 400

_MOST_CACHED = 20_000  # (scenario, method, path); a test that makes up more paths pays for folding them again


class _Stats:
    """Requests of one scenario to one endpoint, as they are counted."""

    __slots__ = ("errors", "latencies", "requests", "said")

    def __init__(self, said: str | None) -> None:
        self.said = said
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
        self._own: dict[str, int] = {}
        self.own_failures = 0

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
        """A request ended in *error*; one that this machine could not send is none."""
        if trouble := own_trouble(error):
            self._own[trouble] = self._own.get(trouble, 0) + 1
            return
        stats = self._cache.get((scenario, method, path)) or self._find_stats(scenario, method, path)
        stats.requests += 1
        stats.errors += 1
        self.requests += 1
        self.errors += 1
        self._failures.record(Said(describe_error(error), _request(method, path)))

    def executes(self, scenario: str) -> None:
        """An execution of *scenario* begins."""
        self._scenarios[scenario] = None

    def executed_in_vain(self, error: BaseException) -> bool:
        """Whether an execution failed by *error* for a trouble of this machine: then it is none, too."""
        trouble = own_trouble(error)
        self.own_failures += trouble is not None
        if trouble and not self._own:  # no request told of it
            self._own[trouble] = 1
        return trouble is not None

    def failed(self, message: str) -> None:
        """Something went wrong that no request told of already."""
        self._failures.record(Said(message))

    def take_recent(self) -> dict[int, int]:
        """Latencies since this was last asked: counts by microseconds."""
        recent, self._recent = self._recent, Latencies()
        return recent.counts

    def recording(self) -> Recording:
        """All that was recorded so far, as a value of its own."""
        lag = self.loop_lag
        return Recording(
            stats=[
                RequestStats(scenario, name, stats.requests, stats.errors, dict(stats.latencies.counts), stats.said)
                for (scenario, name), stats in self._stats.items()
            ],
            scenarios=list(self._scenarios),
            statuses=dict(self._statuses),
            failures=dict(self._failures.counts),
            said=dict(self._failures.said),
            own=dict(self._own),
            lag=dict(lag.lags.counts),
            stall=lag.stall,
            cpu=lag.cpu,
            saturated=lag.saturated,
            wall=lag.wall,
        )

    def _find_stats(self, scenario: str, method: str, path: str) -> _Stats:
        said = _request(method, path)
        name = endpoint(said)
        if name not in self._endpoints and len(self._endpoints) >= MOST_ENDPOINTS:
            name = OTHER_ENDPOINTS
        self._endpoints.add(name)
        stats = self._stats.setdefault((scenario, name), _Stats(None if name == OTHER_ENDPOINTS else said))
        if len(self._cache) < _MOST_CACHED:
            self._cache[scenario, method, path] = stats
        return stats


def _request(method: str, path: str) -> str:
    return shortened(f"{method} {path.partition('?')[0]}", LONGEST_SAID)

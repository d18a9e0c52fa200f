"""The hot path: what happens for each request and each execution of a scenario in one load loop."""

from dogdriver.loadgen.endpoint import endpoint
from dogdriver.loadgen.failures import Failures, describe
from dogdriver.loadgen.histogram import Latencies
from dogdriver.loadgen.loop_lag import Pulse
from dogdriver.loadgen.recording import ENDPOINTS, OTHER, Cell, Recording

FIRST_ERROR = 400
_PLACES = 20_000  # remembered (scenario, method, path); a test that makes up more paths pays for folding them again


class _Tray:
    __slots__ = ("errors", "latencies", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.latencies = Latencies()


class Recorder:
    """Of one load loop, used in its thread only. A request counts as an error when it got no answer or one >= 400."""

    def __init__(self) -> None:
        self.pulse = Pulse()
        self.requests = 0
        self.errors = 0
        self._recent = Latencies()
        self._trays: dict[tuple[str, str], _Tray] = {}
        self._places: dict[tuple[str, str, str], _Tray] = {}
        self._endpoints: set[str] = set()
        self._scenarios: dict[str, None] = {}
        self._statuses: dict[int, int] = {}
        self._failures = Failures()

    def answered(self, scenario: str, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered with *status*; *seconds* to its headers."""
        tray = self._places.get((scenario, method, path)) or self._tray(scenario, method, path)
        tray.requests += 1
        self.requests += 1
        tray.latencies.record(seconds)
        self._recent.record(seconds)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if status >= FIRST_ERROR:
            tray.errors += 1
            self.errors += 1

    def unanswered(self, scenario: str, method: str, path: str, error: BaseException) -> None:
        """A request ended in *error*."""
        tray = self._places.get((scenario, method, path)) or self._tray(scenario, method, path)
        tray.requests += 1
        tray.errors += 1
        self.requests += 1
        self.errors += 1
        self._failures.record(f"{endpoint(method, path)}: {describe(error)}")

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
        pulse = self.pulse
        return Recording(
            cells=[
                Cell(scenario, name, tray.requests, tray.errors, dict(tray.latencies.counts))
                for (scenario, name), tray in self._trays.items()
            ],
            scenarios=list(self._scenarios),
            statuses=dict(self._statuses),
            failures=dict(self._failures.counts),
            lag=dict(pulse.lag.counts),
            stall=pulse.stall,
            cpu=pulse.cpu,
            saturated=pulse.saturated,
            wall=pulse.wall,
        )

    def _tray(self, scenario: str, method: str, path: str) -> _Tray:
        name = endpoint(method, path)
        if name not in self._endpoints and len(self._endpoints) >= ENDPOINTS:
            name = OTHER
        self._endpoints.add(name)
        tray = self._trays.setdefault((scenario, name), _Tray())
        if len(self._places) < _PLACES:
            self._places[scenario, method, path] = tray
        return tray

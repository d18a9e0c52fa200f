"""What a demo service did, second by second, as the metrics that Datadog would have of it."""

import resource
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COUNT = 1
GAUGE = 3
SCHEDULED = Path("/proc/self/schedstat")  # nanoseconds on a processor, and waiting for one


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds that this process has spent since its start: computing, in the kernel, and waiting for a processor.

    *stolen* is None where the system does not tell.
    """

    user: float
    system: float
    stolen: float | None

    @classmethod
    def now(cls) -> "Usage":
        used = resource.getrusage(resource.RUSAGE_SELF)
        try:
            stolen = int(SCHEDULED.read_text(encoding="ascii").split()[1]) / 1e9
        except FileNotFoundError:
            stolen = None
        return cls(used.ru_utime, used.ru_stime, stolen)


@dataclass(slots=True)
class Meter:
    """Counts one service's answers; its process stands for a host with one processor.

    *closed* is the time (unix seconds) up to which everything has been reported, *usage* what was used by then.
    """

    app: str
    env: str
    host: str
    closed: float
    usage: Usage
    _answers: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def answered(self, at: float, seconds: float) -> None:
        """One answer, given at the time *at* after *seconds*."""
        self._answers[int(at)].append(seconds)

    def close(self, now: float, usage: Usage) -> Sequence[Mapping[str, Any]]:
        """The series of all seconds that are over and were not reported yet."""
        series = [*self._balancer(int(now)), *self._host(now, usage)]
        self.closed, self.usage = now, usage
        return series

    def _balancer(self, now: int) -> Sequence[Mapping[str, Any]]:
        series = []
        for second in sorted(s for s in self._answers if s < now):
            latencies = self._answers.pop(second)  # a balancer says nothing of a second without requests
            mean = sum(latencies) / len(latencies)
            series.append(self._series("aws.elb.latency", GAUGE, second, mean, "second"))
            series.append(self._series("aws.elb.request_count", COUNT, second, float(len(latencies)), "request"))
        return series

    def _host(self, now: float, usage: Usage) -> Sequence[Mapping[str, Any]]:
        """Idle is what user, system and stolen time leave of the stretch since the last report."""
        percent = 100 / (now - self.closed)
        shares = {
            "system.cpu.user": (usage.user - self.usage.user) * percent,
            "system.cpu.system": (usage.system - self.usage.system) * percent,
        }
        if usage.stolen is not None and self.usage.stolen is not None:
            shares["system.cpu.stolen"] = (usage.stolen - self.usage.stolen) * percent
        shares["system.cpu.idle"] = max(0.0, 100 - sum(shares.values()))
        return [self._series(name, GAUGE, int(now) - 1, value, "percent") for name, value in shares.items()]

    def _series(self, metric: str, kind: int, second: int, value: float, unit: str) -> Mapping[str, Any]:
        return {
            "metric": metric,
            "type": kind,
            "interval": 1,
            "unit": unit,
            "points": [{"timestamp": second, "value": value}],
            "tags": [f"app:{self.app}", f"env:{self.env}"],
            "resources": [{"name": self.host, "type": "host"}],
        }

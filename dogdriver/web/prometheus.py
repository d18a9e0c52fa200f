"""What Prometheus reads at /metrics, from a registry of our own."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

import prometheus_client
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from dogdriver.model import Run, Status
from dogdriver.web.mount import route_of

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Counts requests as they are answered; the rest is read when somebody asks."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = prometheus_client.Counter(
            "dogdriver_http_requests", "HTTP requests answered", labels, registry=registry
        )
        self._seconds = Histogram(
            "dogdriver_http_request_seconds", "Time to answer, live streams left out", ("route",),
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        self._labelled: dict[
            tuple[str, str, int], tuple[prometheus_client.Counter, Histogram]
        ] = {}  # finding labels is what costs
        self._queue = Gauge("dogdriver_queue_length", "Runs that wait, run, or wait for their data", ("status",),
                            registry=registry)  # fmt: skip
        self._runs = Gauge("dogdriver_runs_day", "Runs created in the last 24 hours, by status", ("status",),
                           registry=registry)  # fmt: skip
        self._success = Gauge("dogdriver_last_success_timestamp_seconds", "When an external service last answered well",
                              ("service",), registry=registry)  # fmt: skip

    def observe(self, request: web.Request, status: int, seconds: float, *, stream: bool) -> None:
        route = route_of(request)
        key = (request.method if route else "any", route or "none", status)
        if (counters := self._labelled.get(key)) is None:
            method, route, _ = key
            counters = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._labelled[key] = counters
        counters[0].inc()
        if not stream:
            counters[1].observe(seconds)

    def exposition(self, queue: Iterable[Run], runs: Iterable[Run], status: Mapping[str, Any]) -> bytes:
        """Prometheus' text format, with what is true now: the *queue*, the *runs* of a day, the *status* document."""
        _fill(self._queue, queue, (Status.QUEUED, Status.RUNNING, Status.PENDING))
        _fill(self._runs, runs, tuple(Status))
        for service, at in last_successes(status).items():
            self._success.labels(service).set(at.timestamp())
        return generate_latest(self._registry)


def _fill(gauge: Gauge, runs: Iterable[Run], statuses: Iterable[Status]) -> None:
    counts = Counter(run.status for run in runs)
    for status in statuses:
        gauge.labels(status.value).set(counts[status])


def last_successes(status: Mapping[str, Any]) -> dict[str, datetime]:
    """By service: the moments under `last_success`, in text or as they are."""
    found = {}
    for service, part in status.items():
        at = part.get("last_success") if isinstance(part, Mapping) else None
        if isinstance(at, str):
            at = datetime.fromisoformat(at)
        if isinstance(at, datetime):
            found[service] = at
    return found


def count_requests(metrics: Metrics) -> Any:
    """The middleware that counts; the outermost, so that every answer passes it."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = perf_counter()
        status = 500
        stream = False
        try:
            response = await handler(request)
            status, stream = response.status, not isinstance(response, web.Response | web.FileResponse)
        except web.HTTPException as error:
            status = error.status
            raise
        else:
            return response
        finally:
            metrics.observe(request, status, perf_counter() - began, stream=stream)

    return count

"""What a finished run gives back to Datadog: gauges that its own monitors and dashboards can use."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from dogdriver.datadog_api import events
from dogdriver.metrics import tags, units
from dogdriver.model import CLIENT_PREFIX, MetricState, Run

PREFIX = "dogdriver.run."
METRIC_PREFIX = f"{PREFIX}metric."
GAUGE = 3  # Datadog's number for the type
OLDEST = 3000  # seconds; Datadog drops what is older than an hour
LATE = "dogdriver_late:true"


def series(run: Run, *, at: datetime) -> dict[str, Any]:
    """The body of POST /api/v2/series: `dogdriver.run.*` of *run*, with *at* (now) as their time.

    Datadog drops points older than an hour, and a run's metrics settle later than that more often than not. There is
    no tag for the run: each value of a tag is a custom metric to pay for.
    """
    tagged = tags.listed(events.run_tags(run))
    stamp = int(at.timestamp())
    found = []
    for name, value, unit in _gauges(run):
        one: dict[str, Any] = {
            "metric": name,
            "type": GAUGE,
            "points": [{"timestamp": stamp, "value": value}],
            "tags": tagged,
        }
        if (word := units.datadog_name(unit)) is not None:
            one["unit"] = word
        found.append(one)
    return {"series": found}


def fresh(payload: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """*payload* with points that Datadog would drop for their age moved to *now*, and tagged as late."""
    stamp = int(now.timestamp())

    def moved(one: Mapping[str, Any]) -> Mapping[str, Any]:
        if all(point.get("timestamp", stamp) > stamp - OLDEST for point in one.get("points", ())):
            return one
        points = [{**point, "timestamp": stamp} for point in one["points"][-1:]]
        return {**one, "points": points, "tags": [*one.get("tags", ()), LATE]}

    return {**payload, "series": [moved(one) for one in payload["series"]]}


def _gauges(run: Run) -> Iterator[tuple[str, float, str]]:
    """(name, value, unit); what is not known is left out, for null is not 0."""
    if run.window:
        yield f"{PREFIX}duration", run.window.seconds, "s"
    if run.client:
        for name, value, unit in (
            ("rps", run.client.rps, ""),
            ("latency.p50", run.client.p50, "ms"),
            ("latency.p95", run.client.p95, "ms"),
        ):
            if value is not None:
                yield PREFIX + name, value, unit
    if run.tally and run.tally.ok + run.tally.failed:
        yield f"{PREFIX}success", run.tally.ok / (run.tally.ok + run.tally.failed), ""
    for name, metric in run.metrics.items():
        if name.startswith(CLIENT_PREFIX) or metric.state is not MetricState.SETTLED or metric.value is None:
            continue
        yield METRIC_PREFIX + tags.word(name), metric.value, metric.unit or ""

"""What Datadog is told of a run, and where it shows it: bodies of events and gauges, addresses of its pages.

Events: one at the start of a run, one at its stop, and one with the verdict on a release. A pair has the run's id as
its aggregation key. Only the pair carries `step:`. Gauges: what a finished run gives back, for Datadog's monitors and
dashboards. Links: a run's window in Datadog's pages.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dogdriver.metrics.query import metric_name, tag_list, tag_value
from dogdriver.metrics.units import datadog_name
from dogdriver.model import CLIENT_PREFIX, UNKNOWN, EventStep, Headline, MetricState, Run, Status, Summary

LONGEST_TITLE = 500
LONGEST_TEXT = 4000
LONGEST_KEY = 100
SOURCE_TYPE = "my_apps"

PREFIX = "dogdriver.run."
METRIC_PREFIX = f"{PREFIX}metric."
GAUGE = 3  # Datadog's number for the type
OLDEST = 3000  # seconds; Datadog drops what is older than an hour
LATE = "dogdriver_late:true"

LINK_PADDING = 300  # seconds shown before and after the run
LINK_TEMPLATES: Mapping[str, str] = {
    "events": "{app}/event/explorer?query={run_query}&from_ts={from_ts}&to_ts={to_ts}&live=false",
    "metric": (
        "{app}/metric/explorer?live=false&from_ts={from_ts}&to_ts={to_ts}&exp_metric={metric}&exp_scope={scope}"
        "&exp_agg={agg}&exp_row_type=metric"
    ),
}
"""`events` is once for a run, `metric` once for each metric that has a query; an empty template gives no link."""

_MARKDOWN, _MARKDOWN_END = "%%% \n", "\n %%%"
_BAD_ENDS = frozenset({Status.FAILED, Status.ABORTED, Status.INVALID})
_ALERT_TYPES = {
    Headline.SLOWER: "warning",
    Headline.MIXED: "warning",
    Headline.FASTER: "success",
    Headline.NO_CHANGE: "success",
    Headline.PROBABLY_SLOWER: "info",
    Headline.PROBABLY_FASTER: "info",
    Headline.UNDECIDED: "info",
}
_HEADLINE_TITLES = {
    Headline.SLOWER: "Slower",
    Headline.FASTER: "Faster",
    Headline.MIXED: "Some slower, some faster",
    Headline.NO_CHANGE: "No change",
    Headline.PROBABLY_SLOWER: "Probably slower",
    Headline.PROBABLY_FASTER: "Probably faster",
    Headline.UNDECIDED: "Can't tell yet",
}
_FIRST_METRIC = re.compile(r"\b(?:(avg|sum|min|max|count)\s*:)?\s*([A-Za-z]\w*(?:\.\w+)+)\s*\{([^{}]*)\}")


def run_tags(run: Run) -> dict[str, str]:
    """What everything about *run* in Datadog is tagged with."""
    return {
        "project": run.project,
        "env": run.deployment,
        "service": run.project,
        "version": _release(run),
        "dogdriver_source": run.source,
    }


# Events, for v1/events


def run_event(run: Run, step: EventStep, *, at: datetime, link: str | None) -> dict[str, Any]:
    """The body of the event that marks the start or the stop of *run*."""
    stopped = step is EventStep.STOP
    ended_badly = stopped and (run.reason is not None or run.status in _BAD_ENDS)
    happened = "failed" if ended_badly else "finished" if stopped else "started"
    return _event(
        title=f"Load test {happened}: {run.project} {_release(run)} ({run.deployment})",
        lines=_stop_lines(run) if stopped else _start_lines(run),
        link=link,
        at=at,
        alert_type="error" if ended_badly else "success" if stopped else "info",
        key=run.id,
        tags={**run_tags(run), "run_id": run.id, "step": step},
    )


def verdict_event(run: Run, summary: Summary, *, at: datetime, link: str | None) -> dict[str, Any]:
    """The body of the event that says what became of the release of *run*; one for each release, without `step:`."""
    title = _HEADLINE_TITLES[summary.headline]
    return _event(
        title=f"{title}: {run.project} {_release(run)} ({run.deployment})",
        lines=[summary.sentence or title],
        link=link,
        at=at,
        alert_type="warning" if summary.attention else _ALERT_TYPES[summary.headline],
        key=f"verdict:{run.project}:{run.deployment}:{_release(run)}",
        tags={**run_tags(run), "headline": summary.headline.value},
    )


def _event(
    *, title: str, lines: list[str], link: str | None, at: datetime, alert_type: str, key: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    foot = f"\n\n[The run in dogDriver]({link})" if link else ""
    room = LONGEST_TEXT - len(_MARKDOWN) - len(_MARKDOWN_END)
    if len(foot) > room:
        foot = ""
    # The markers inside would end the markdown early.
    body = _shortened("\n\n".join(lines).replace("%%%", "%"), room - len(foot))
    return {
        "title": _shortened(" ".join(title.split()), LONGEST_TITLE),
        "text": f"{_MARKDOWN}{body}{foot}{_MARKDOWN_END}",
        "date_happened": int(at.timestamp()),
        "alert_type": alert_type,
        "aggregation_key": _aggregation_key(key),
        "source_type_name": SOURCE_TYPE,
        "tags": tag_list(tags),
    }


def _start_lines(run: Run) -> list[str]:
    lines = [f"**Release** {_release(run)} · **test** {run.test} · **source** {run.source}"]
    if run.endpoint:
        lines.append(f"**Endpoint** {run.endpoint}")
    if run.load:
        processes = f" in {run.load.processes} processes" if run.load.processes > 1 else ""
        lines.append(f"**Workers** {run.load.workers}{processes} for {run.load.duration:g} s")
    return lines


def _stop_lines(run: Run) -> list[str]:
    lines = _start_lines(run)
    if run.window:
        lines.append(
            f"**Load** from {run.window.start:%H:%M:%S} to {run.window.end:%H:%M:%S} UTC, {run.window.seconds:.0f} s"
        )
    if run.tally:
        lines.append(
            f"**Scenarios** {run.tally.ok} ok, {run.tally.failed} failed · "
            f"**requests** {run.tally.requests}, {run.tally.errors} errors"
        )
    if run.client and run.client.rps is not None:
        latency = "" if run.client.p50 is None else f" · **median latency** {run.client.p50:.4g} ms"
        lines.append(f"**Rate** {run.client.rps:.4g}/s{latency} (as seen by the load generator)")
    if run.reason:
        lines.append(f"**Reason** {run.reason}")
    return lines


def _release(run: Run) -> str:
    return run.release or UNKNOWN


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _aggregation_key(text: str) -> str:
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[: LONGEST_KEY - 17]}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


# Gauges, for v2/series


def gauges(run: Run, *, at: datetime) -> dict[str, Any]:
    """The body with `dogdriver.run.*` of *run*: a series with one point each, at the time *at* (now).

    Datadog drops points older than an hour, and a run's metrics settle later than that more often than not. There is
    no tag for the run: each value of a tag is a custom metric to pay for.
    """
    tags = tag_list(run_tags(run))
    timestamp = int(at.timestamp())
    series = []
    for name, value, unit in _values(run):
        one: dict[str, Any] = {
            "metric": name,
            "type": GAUGE,
            "points": [{"timestamp": timestamp, "value": value}],
            "tags": tags,
        }
        if (word := datadog_name(unit)) is not None:
            one["unit"] = word
        series.append(one)
    return {"series": series}


def redated(payload: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """*payload* of `gauges` with points that Datadog would drop for their age moved to *now*, and tagged as late."""
    timestamp = int(now.timestamp())

    def moved(one: Mapping[str, Any]) -> Mapping[str, Any]:
        if all(point.get("timestamp", timestamp) > timestamp - OLDEST for point in one.get("points", ())):
            return one
        points = [{**point, "timestamp": timestamp} for point in one["points"][-1:]]
        return {**one, "points": points, "tags": [*one.get("tags", ()), LATE]}

    return {**payload, "series": [moved(one) for one in payload["series"]]}


def _values(run: Run) -> Iterator[tuple[str, float, str]]:
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
        yield METRIC_PREFIX + metric_name(name), metric.value, metric.unit or ""


# Links


def app_address(site: str) -> str:
    """The address of the pages of a Datadog site such as `datadoghq.eu`."""
    return f"https://app.{site}" if site in {"datadoghq.com", "datadoghq.eu", "ddog-gov.com"} else f"https://{site}"


def links(run: Run, *, site: str, templates: Mapping[str, str] = LINK_TEMPLATES) -> dict[str, str]:
    """`datadog.events`, and `datadog.<metric>` for every metric of *run*; none for a run that had no load.

    The metrics explorer takes one metric: of a formula it is the first.
    """
    if run.window is None:
        return {}
    words = {
        "app": app_address(site),
        "from_ts": str(int((run.window.start.timestamp() - LINK_PADDING) * 1000)),
        "to_ts": str(int((run.window.end.timestamp() + LINK_PADDING) * 1000)),
        "run_query": quote(f"run_id:{tag_value(run.id)}", safe=""),
        "project": quote(tag_value(run.project), safe=""),
        "deployment": quote(tag_value(run.deployment), safe=""),
    }
    found = {}
    if template := templates.get("events"):
        found["datadog.events"] = _filled(template, words)
    for name, metric in run.metrics.items():
        first = _FIRST_METRIC.search(metric.query or "")
        if first and (template := templates.get("metric")):
            agg, path, scope = (quote(part or "", safe="") for part in first.groups())
            more = {"agg": agg or "avg", "metric": path, "scope": scope, "query": quote(metric.query or "", safe="")}
            found[f"datadog.{name}"] = _filled(template, {**words, **more})
    return found


def _filled(template: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match.group(1), match.group()), template)

"""Addresses of a run's window in Datadog's own pages."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from dogdriver.metrics import tags
from dogdriver.model import Run

PADDING = 300  # seconds shown before and after the run

TEMPLATES: Mapping[str, str] = {
    "events": "{app}/event/explorer?query={run_query}&from_ts={from_ts}&to_ts={to_ts}&live=false",
    "metric": (
        "{app}/metric/explorer?live=false&from_ts={from_ts}&to_ts={to_ts}&exp_metric={metric}&exp_scope={scope}"
        "&exp_agg={agg}&exp_row_type=metric"
    ),
}
"""`events` is once for a run, `metric` once for each metric that has a query; an empty template gives no link."""

_FIRST = re.compile(r"\b(?:(avg|sum|min|max|count)\s*:)?\s*([A-Za-z]\w*(?:\.\w+)+)\s*\{([^{}]*)\}")


def app(site: str) -> str:
    """The address of the pages of a Datadog site such as `datadoghq.eu`."""
    return f"https://app.{site}" if site in {"datadoghq.com", "datadoghq.eu", "ddog-gov.com"} else f"https://{site}"


def links(run: Run, *, site: str, templates: Mapping[str, str] = TEMPLATES) -> dict[str, str]:
    """`datadog.events`, and `datadog.<metric>` for every metric of *run*; none for a run that had no load.

    The metrics explorer takes one metric: of a formula it is the first.
    """
    if run.window is None:
        return {}
    words = {
        "app": app(site),
        "from_ts": str(int((run.window.start.timestamp() - PADDING) * 1000)),
        "to_ts": str(int((run.window.end.timestamp() + PADDING) * 1000)),
        "run_query": quote(f"run_id:{tags.value(run.id)}", safe=""),
        "project": quote(tags.value(run.project), safe=""),
        "deployment": quote(tags.value(run.deployment), safe=""),
    }
    found = {}
    if template := templates.get("events"):
        found["datadog.events"] = _fill(template, words)
    for name, metric in run.metrics.items():
        first = _FIRST.search(metric.query or "")
        if first and (template := templates.get("metric")):
            agg, path, scope = (quote(part or "", safe="") for part in first.groups())
            more = {"agg": agg or "avg", "metric": path, "scope": scope, "query": quote(metric.query or "", safe="")}
            found[f"datadog.{name}"] = _fill(template, {**words, **more})
    return found


def _fill(template: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match.group(1), match.group()), template)

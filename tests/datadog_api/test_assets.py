"""The dashboard and the monitors that users import."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from datadog_api_client.api_client import ApiClient
from datadog_api_client.configuration import Configuration
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from msgspec.structs import replace

from dogdriver.datadog_api import payloads
from dogdriver.demo.standin.errors import MonitorError
from dogdriver.demo.standin.monitors import check_monitor
from dogdriver.model import ClientMeasures, Grade, MetricState, MetricValue, Run, Tally
from tests.datadog.fixtures import START

ASSETS = files("dogdriver.datadog_api") / "assets"
MONITORS = sorted(one.name for one in (ASSETS / "monitors").iterdir())
RECORDED = json.loads((Path(__file__).parents[1] / "data" / "datadog" / "monitor.json").read_text())


def document(*names: str) -> Any:
    return json.loads(ASSETS.joinpath(*names).read_text(encoding="utf-8"))


def parsed(body: Any, model: type[Any]) -> Any:
    """As datadog-api-client reads an answer; raises for wrong types."""
    client = ApiClient(Configuration())  # type: ignore[no-untyped-call]  # no annotations there
    return client.deserialize(json.dumps(body), (model,), check_type=True)


def sent(run: Run) -> set[str]:
    """The names of all gauges."""
    client = ClientMeasures(1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.1, Grade.OK)
    metrics = {name: MetricValue(MetricState.SETTLED, value=1.0) for name in ("cpu", "rps", "art")}
    whole = replace(run, client=client, metrics=metrics, tally=Tally(1))
    return {one["metric"] for one in payloads.gauges(whole, at=START)["series"]}


def test_the_dashboard_is_one(run: Run) -> None:
    body = document("dashboard.json")
    dashboard = parsed(body, Dashboard)
    assert dashboard.layout_type.value == "ordered"
    assert [(one.name, one.prefix) for one in dashboard.template_variables] == [
        ("env", "env"),
        ("service", "service"),
        ("version", "version"),
    ]
    charts = [one["definition"] for one in body["widgets"] if one["definition"]["type"] == "timeseries"]
    asked = {
        name for chart in charts for one in chart["requests"] for name in re.findall(r"dogdriver\.[\w.]+", one["q"])
    }
    assert asked == sent(run)
    assert all(chart["events"] for chart in charts)


@pytest.mark.parametrize("name", MONITORS)
def test_each_monitor_has_the_shape_of_the_recorded_one(name: str, run: Run) -> None:
    body = document("monitors", name)
    created = next(one for one in RECORDED if one["name"] == "monitor_create_ok")
    for shape in (created["request"]["body"], created["response"]["body"]):
        assert set(body) <= set(created["response"]["body"]) | set(created["request"]["body"])
        for key in set(body) & set(shape):
            assert type(body[key]) is type(shape[key]), key
    monitor = parsed(body, Monitor)
    assert monitor.query == body["query"]
    assert not getattr(monitor, "_unparsed", False)
    assert not getattr(monitor.type, "_unparsed", False)
    gauges = re.findall(r"dogdriver\.run\.[\w.]+", body["query"])
    assert set(gauges) <= sent(run)
    assert gauges or "headline:slower" in body["query"]
    # The threshold stands in the query, too, and Datadog refuses a monitor in which they differ.
    assert float(body["query"].split()[-1]) == body["options"]["thresholds"]["critical"]


NOT_SPOKEN = {"slower.json": "pct_change(", "verdict.json": "events("}
"""Forms of a monitor's query of which there is no recording: the stand-in does not judge them."""


@pytest.mark.parametrize("name", sorted(set(MONITORS) - set(NOT_SPOKEN)))
def test_a_monitor_of_a_recorded_form_is_taken_by_the_standin(name: str) -> None:
    check_monitor(document("monitors", name))
    wrong = document("monitors", name)
    wrong["options"]["thresholds"]["critical"] += 1
    with pytest.raises(MonitorError, match="does not match that used in the query"):
        check_monitor(wrong)


def test_what_the_standin_cannot_judge_is_no_more_than_is_said() -> None:
    for name, form in NOT_SPOKEN.items():
        assert document("monitors", name)["query"].startswith(form)

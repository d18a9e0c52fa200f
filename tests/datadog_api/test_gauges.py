from typing import Any

from msgspec.structs import replace

from dogdriver.datadog_api import payloads
from dogdriver.model import ClientMeasures, Grade, MetricState, MetricValue, Run, Tally
from tests.datadog.fixtures import START

CLIENT = ClientMeasures(98.5, 12.0, 40.0, 80.0, 0.0, 1.0, 2.0, 0.3, Grade.OK)


def gauges(run: Run) -> dict[str, Any]:
    return {one["metric"]: one for one in payloads.gauges(run, at=START)["series"]}


def test_a_run_gives_its_own_measures_and_one_gauge_for_each_settled_metric(run: Run) -> None:
    metrics = {
        "art": MetricValue(MetricState.SETTLED, value=91.5, unit="ms"),
        "CPU in use": MetricValue(MetricState.SETTLED, value=0.0, unit="%"),
        "late": MetricValue(MetricState.PARTIAL, value=3.0),
        "gone": MetricValue(MetricState.NO_DATA),
        "client.rps": MetricValue(MetricState.SETTLED, value=98.5),
    }
    found = gauges(replace(run, client=CLIENT, tally=Tally(95, 5, 100, 5), metrics=metrics))
    assert {name: one["points"][0]["value"] for name, one in found.items()} == {
        "dogdriver.run.duration": 600.0,
        "dogdriver.run.rps": 98.5,
        "dogdriver.run.latency.p50": 12.0,
        "dogdriver.run.latency.p95": 40.0,
        "dogdriver.run.success": 0.95,
        "dogdriver.run.metric.art": 91.5,
        "dogdriver.run.metric.cpu_in_use": 0.0,
    }
    assert {one.get("unit") for one in found.values()} == {"second", None, "millisecond", "percent"}
    for one in found.values():
        assert one["type"] == 3
        assert one["points"][0]["timestamp"] == int(START.timestamp())
        assert one["tags"] == [
            "project:kintowe",
            "env:stage",
            "service:kintowe",
            "version:21.1.0",
            "dogdriver_source:office_3",
        ]


def test_what_is_not_known_is_left_out(run: Run) -> None:
    bare = replace(run, started=None, ended=None, client=replace(CLIENT, rps=None, p50=None), tally=Tally())
    assert list(gauges(bare)) == ["dogdriver.run.latency.p95"]

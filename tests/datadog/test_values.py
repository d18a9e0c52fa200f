"""A known store of points, every way to reduce it, against sums done here with nothing of the product's."""

import itertools
import statistics
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import pytest

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Standin
from dogdriver.metrics.hosts import count_hosts
from dogdriver.metrics.query import DEFAULT_METRICS, metric_query
from dogdriver.metrics.settle import assess
from dogdriver.model import Better, Metric, MetricState, Reading, Run, Window
from tests.datadog.fixtures import Clock

HOSTS = ("a", "b", "c")
REDUCE: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "max": max,
    "min": min,
    "sum": sum,
    "p50": statistics.median,
    "p95": lambda values: float(np.percentile(values, 95)),
}
AGGREGATE: dict[str, Callable[[Sequence[float]], float]] = {"avg": statistics.fmean, "max": max, "min": min, "sum": sum}


def level(host: str, second: int) -> float:
    """What *host* reports *second* after the start; seconds come every 15."""
    return 20.0 + 7 * HOSTS.index(host) + (second // 15 * 37 % 11) / 3 + (40 if second < 0 or second >= 600 else 0)


@pytest.fixture
def store(standin: Standin, window: Window) -> None:
    start = window.start.timestamp()
    for host in HOSTS:
        standin.points.add(
            "load.level",
            [(start + second, level(host, second)) for second in range(-300, 900, 15)],
            tags=["app:kintowe", "env:stage"],
            host=host,
            unit="percent",
        )


def expected(reduce: str, aggregate: str, rollup: tuple[str, int], *, by_host: bool) -> float:
    """Points → buckets of one host → one line, or one for each host → one number."""
    method, width = rollup
    lines: dict[str, dict[int, list[float]]] = {}
    for host in HOSTS:
        for bucket in range(0, 600, width):
            value = AGGREGATE[method]([level(host, second) for second in range(bucket, bucket + width, 15)])
            lines.setdefault(host if by_host else "all", {}).setdefault(bucket, []).append(value)
    pooled = [AGGREGATE[aggregate](values) for line in lines.values() for values in line.values()]
    if reduce == "last":
        last = [AGGREGATE[aggregate](line[max(line)]) for line in lines.values()]
        return statistics.fmean(last)
    return REDUCE[reduce](pooled)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("by_host", [False, True], ids=["one line", "by host"])
@pytest.mark.parametrize(
    "rollup", list(itertools.product(AGGREGATE, (30, 60, 120))), ids=lambda one: f"{one[0]}-{one[1]}"
)
async def test_each_reduction_of_each_rollup_and_grouping_is_the_sum_done_by_hand(
    datadog: Datadog, run: Run, window: Window, rollup: tuple[str, int], by_host: bool
) -> None:
    for aggregate, reduce in itertools.product(AGGREGATE, [*REDUCE, "last"]):
        group = " by {host}" if by_host else ""
        template = (
            f"{aggregate}:load.level{{app:{{project}},env:{{deployment}}}}{group}.rollup({rollup[0]}, {rollup[1]})"
        )
        metric = Metric("level", "Level", "%", Better.LOWER, query=template, reduce=reduce, every=15.0)
        reading = await datadog.read(metric_query(metric, run), window)
        found = settled(datadog, reading, metric, window)
        assert found == pytest.approx(expected(reduce, aggregate, rollup, by_host=by_host)), (aggregate, reduce)


def settled(datadog: Datadog, reading: Reading, metric: Metric, window: Window) -> float | None:
    value = assess(reading, reading, metric=metric, window=window, ramp_up=0.0, usual_gap=None, last=False)
    assert value.state is MetricState.SETTLED, value.note
    return value.value


@pytest.fixture
def service(standin: Standin, window: Window) -> None:
    """Three hosts of which one reports stolen time, and a balancer with 1200 requests in 90 ms each minute."""
    start = window.start.timestamp()
    tags = ["app:kintowe", "env:stage"]
    seconds = range(-300, 900, 15)
    for busy, host in enumerate(HOSTS):
        idle = [(start + second, 90.0 - 10 * busy - second % 60 / 15) for second in seconds]
        standin.points.add("system.cpu.idle", idle, tags=tags, host=host, unit="percent")
    stolen = [(start + second, 2.5) for second in seconds]
    standin.points.add("system.cpu.stolen", stolen, tags=tags, host="c", unit="percent")
    minutes = [start + second for second in range(-300, 900, 60)]
    standin.points.add("aws.elb.request_count", [(at, 1200.0) for at in minutes], tags=tags, kind="count")
    standin.points.add("aws.elb.latency", [(at, 0.09) for at in minutes], tags=tags, unit="second")


@pytest.mark.usefixtures("service")
async def test_the_default_metrics_of_a_known_service(datadog: Datadog, run: Run, window: Window) -> None:
    queries = [metric_query(metric, run) for metric in DEFAULT_METRICS]
    values = {}
    for metric, reading in zip(DEFAULT_METRICS, await datadog.read_many(queries, window), strict=True):
        assert isinstance(reading, Reading)
        values[metric.name] = settled(datadog, reading, metric, window)
    # 100 - (90 - 20 - 3) - 2.5, on the third host.
    assert values == {"cpu": pytest.approx(30.5), "rps": pytest.approx(20.0), "art": pytest.approx(90.0)}


@pytest.mark.usefixtures("service")
async def test_several_queries_go_in_one_request_and_give_what_each_alone_gives(
    datadog: Datadog, standin: Standin, run: Run, window: Window
) -> None:
    queries = [metric_query(metric, run) for metric in DEFAULT_METRICS]
    queries.insert(1, "avg:nothing.here{*}")
    together = await datadog.read_many(queries, window)
    assert len(standin.asked("/api/v1/query")) == 1
    assert together == [await datadog.read(query, window) for query in queries]


@pytest.mark.usefixtures("service")
async def test_hosts_are_counted(datadog: Datadog, window: Window, clock: Clock) -> None:
    grouped = await datadog.read("avg:system.cpu.idle{app:kintowe} by {host}", window)
    assert count_hosts(grouped, window) == 3.0
    before = Window(window.start - timedelta(days=1), window.end - timedelta(days=1))
    assert count_hosts(grouped, before) is None
    assert count_hosts(await datadog.read("avg:nothing.here{*} by {host}", window), window) is None
    plain = await datadog.read("max:system.cpu.stolen{app:kintowe}", window)
    assert count_hosts(plain, window) == 2.5

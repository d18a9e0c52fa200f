"""A release that came together with two more hosts: nothing that the page shows compares across that change."""

import re
from statistics import median

import pytest

from dogdriver.model import Better, Metric
from dogdriver.pipeline.per_host import is_total
from dogdriver.reports.project import Reports
from tests.web.conftest import Client, page
from tests.web.seeded import OWN, SeededSite

RELEASES = (("1.3.0", 1.0), ("1.4.0", 1.2))  # 20 % slower
HOSTS = {"1.3.0": 3.0, "1.4.0": 5.0}
WHY = "not comparable: 3 → 5 hosts with 1.4.0"
METRICS = ("cpu", "rps", "art", "client.rps", "client.p50", "client.p95", "client.p99", "client.error_ratio")


@pytest.fixture(name="history")
async def _history(site: SeededSite) -> None:
    """Three hosts in every run of 1.3.0, five in every run of 1.4.0; eight runs of each."""
    await site.history(releases=RELEASES, runs=8, hosts=HOSTS)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.mark.usefixtures("history")
async def test_every_verdict_and_the_headline_say_what_changed(client: Client) -> None:
    document = await (await client.get("/api/v1/verdicts/kintowe?release=1.4.0")).json()
    assert {one["metric"] for one in document["verdicts"]} == set(METRICS)
    for verdict in document["verdicts"]:
        assert verdict["reason"].startswith(f"the infrastructure changed with the release ({WHY}), ")
        assert (verdict["outcome"], verdict["effect"], verdict["baseline_runs"]) == ("undecided", None, 0)
    assert document["headline"] == "undecided"
    assert WHY in document["sentence"]
    pinned = await (await client.get("/api/v1/verdicts/kintowe?release=1.4.0&baseline=1.3.0")).json()
    assert {one["outcome"] for one in pinned["verdicts"]} == {"undecided"}
    assert WHY in pinned["sentence"]


@pytest.mark.usefixtures("history")
async def test_no_trend_and_no_step_crosses_the_change(client: Client) -> None:
    (listed,) = (await (await client.get("/api/v1/projects")).json())["projects"]
    trends = {one["name"]: one["trend"] for one in listed["metrics"] if one["trend"] is not None}
    assert {name: trend["runs"] for name, trend in trends.items()} == dict.fromkeys(METRICS, 8)
    assert not {"regressed", "improved"} & {trend["outcome"] for trend in trends.values()}
    for name in METRICS:
        series = await (await client.get(f"/api/v1/series/kintowe/{name}")).json()
        assert [point["segment"] for point in series["points"]] == [0] * 8 + [1] * 8
        assert series["changes"] == []


@pytest.mark.parametrize("path", ["/", "/p/kintowe"])
@pytest.mark.usefixtures("history")
async def test_the_page_and_the_card_say_why_and_never_worse(client: Client, path: str) -> None:
    text = await page(client, path)
    answer = plain(text)
    assert f"The infrastructure changed with the release ({WHY}), so no earlier run can be compared" in answer
    assert "Can’t tell yet" in answer
    assert "worse" not in text
    assert "The level changed" not in answer


@pytest.mark.usefixtures("history")
async def test_the_line_on_the_card_is_drawn_through_runs_that_compare(client: Client) -> None:
    text = await page(client, "/")
    (path,) = re.findall(r'<svg class="spark".*?<path d="([^"]*)"', text)
    assert path.count("L") + 1 == 8


@pytest.mark.usefixtures("history")
async def test_the_level_per_host_stands_beside_the_verdict_where_it_means_something(client: Client) -> None:
    series = await (await client.get("/api/v1/series/kintowe/rps")).json()
    before, after = (
        median(point["per_host"] for point in series["points"] if point["release"] == label) for label in HOSTS
    )
    assert before > 1.9 * after  # 20 % less of it, from 5 hosts and not 3
    for path in ("/p/kintowe", "/p/kintowe?release=1.4.0&baseline=1.3.0"):
        text = await page(client, path)
        said = plain(text[text.index('class="per-host') :][:600])
        assert f"Requests per second, per host {before:.0f} /s with 1.3.0, {after:.1f} /s with 1.4.0" in said
        assert "Client request rate, per host" in said
        assert "latency, per host" not in said.lower()
        assert text.count("data-per-host") == 2
    assert 'class="per-host' not in await page(client, "/p/kintowe?release=1.3.0")


@pytest.mark.usefixtures("history")
async def test_the_level_per_host_does_not_depend_on_how_many_runs_a_chart_shows(site: SeededSite) -> None:
    reports = Reports(site.store, site.catalog, OWN)
    few, many = await reports.project("kintowe", newest=5), await reports.project("kintowe", newest=50)
    assert [one.per_host for one in few.metrics] == [one.per_host for one in many.metrics]
    assert any(one.per_host for one in few.metrics)


@pytest.mark.parametrize(
    ("unit", "query", "total"),
    [
        ("1/s", "sum:aws.elb.request_count{app:{project},env:{deployment}}.as_rate()", True),
        ("bytes", " sum:system.mem.used{app:{project}}", True),
        ("", "sum:jobs.done{*}", True),
        ("1/s", "avg:nginx.net.request_per_s{app:{project}}", False),
        ("1/s", "sum:nginx.net.request_per_s{app:{project}} by {host}", False),
        ("", "sum:errors{app:{project}}/sum:hits{app:{project}}", False),
        ("ms", "sum:gc.time{app:{project}}", False),
        ("%", "sum:system.cpu.user{app:{project}}", False),
        ("1/s", None, True),
        ("ms", None, False),
        ("ratio", None, False),
        ("", None, False),
    ],
)
def test_a_value_per_host_is_said_of_what_adds_up_over_hosts(unit: str, query: str | None, total: bool) -> None:
    assert is_total(Metric("x", "X", unit, Better.LOWER, query=query)) is total

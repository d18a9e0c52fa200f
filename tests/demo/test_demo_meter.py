from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import dogdriver.demo.meter
from dogdriver.demo.meter import Meter, Usage

BEGIN = 1_700_000_000.0
NOTHING = Usage(0, 0, 0)


def meter() -> Meter:
    return Meter("parcels", "demo", "parcels-1", closed=BEGIN, usage=NOTHING)


def values(series: Sequence[Mapping[str, Any]], metric: str) -> dict[float, float]:
    return {p["timestamp"] - BEGIN: p["value"] for s in series if s["metric"] == metric for p in s["points"]}


def test_each_answer_counts_in_the_second_in_which_it_was_given() -> None:
    counted = meter()
    counted.answered(BEGIN + 0.2, 0.010)
    counted.answered(BEGIN + 0.9, 0.030)
    counted.answered(BEGIN + 1.01, 0.050)

    first = counted.close(BEGIN + 1.02, NOTHING)
    second = counted.close(BEGIN + 2.01, NOTHING)

    assert values(first, "aws.elb.request_count") == {0: 2}
    assert values(first, "aws.elb.latency") == {0: pytest.approx(0.020)}
    assert values(second, "aws.elb.request_count") == {1: 1}


def test_a_second_without_requests_has_no_balancer_metrics_but_a_host() -> None:
    series = meter().close(BEGIN + 1, Usage(0.1, 0.05, 0.02))

    assert not [s for s in series if s["metric"].startswith("aws.")]
    assert values(series, "system.cpu.user") == {0: pytest.approx(10)}
    assert values(series, "system.cpu.system") == {0: pytest.approx(5)}
    assert values(series, "system.cpu.stolen") == {0: pytest.approx(2)}
    assert values(series, "system.cpu.idle") == {0: pytest.approx(83)}


def test_after_a_stall_the_shares_are_of_the_time_that_really_passed() -> None:
    counted = meter()
    counted.answered(BEGIN + 0.5, 0.01)
    counted.answered(BEGIN + 2.5, 0.03)

    series = counted.close(BEGIN + 4, Usage(2, 0, 0))

    assert values(series, "system.cpu.user") == {3: pytest.approx(50)}
    assert values(series, "aws.elb.latency") == {0: 0.01, 2: 0.03}


def test_more_than_one_processor_s_worth_is_no_negative_idle() -> None:
    assert values(meter().close(BEGIN + 1, Usage(0.9, 0.3, 0.1)), "system.cpu.idle") == {0: 0}


def test_the_tags_are_those_that_the_default_metrics_ask_for() -> None:
    counted = meter()
    counted.answered(BEGIN, 0.01)

    for series in counted.close(BEGIN + 1, NOTHING):
        assert series["tags"] == ["app:parcels", "env:demo"]
        assert series["resources"] == [{"name": "parcels-1", "type": "host"}]


def test_usage_is_this_process_own_and_only_grows() -> None:
    before = Usage.now()
    sum(range(500_000))
    after = Usage.now()

    assert after.user + after.system > before.user + before.system
    assert (after.stolen or 0) >= (before.stolen or 0)


def test_where_the_system_does_not_tell_stolen_time_it_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dogdriver.demo.meter, "SCHEDULED", Path("/nowhere/schedstat"))
    assert Usage.now().stolen is None

    counted = Meter("parcels", "demo", "parcels-1", closed=BEGIN, usage=Usage(0, 0, None))
    series = counted.close(BEGIN + 1, Usage(0.1, 0, None))

    assert not values(series, "system.cpu.stolen")
    assert values(series, "system.cpu.idle") == {0: pytest.approx(90)}

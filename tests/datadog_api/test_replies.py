"""Recorded answers of the real Datadog, and answers that it never gave."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.datadog_api.replies import check_window, readings
from dogdriver.errors import ExternalError, Mismatch, Refused, Unavailable
from dogdriver.model import Reading

RECORDED = {
    one["name"]: one
    for one in json.loads((Path(__file__).parents[1] / "data" / "datadog" / "query.json").read_text())
    if one["request"]["path"] == "/api/v1/query"
}


def recorded(name: str) -> tuple[Any, str]:
    exchange = copy.deepcopy(RECORDED[name])
    return exchange["response"]["body"], exchange["request"]["query"]["query"]


def test_a_day_in_buckets_of_five_minutes() -> None:
    body, query = recorded("query_v1_ok_300s")
    [reading] = readings(body, [query])
    [series] = reading.series
    assert (series.scope, reading.interval, len(series.points)) == ("*", 300.0, 288)
    assert series.points[0] == (1641344100.0, 91.4583840476142)
    assert (reading.unit, reading.family, reading.scale) == ("percent", "percentage", 1.0)


def test_a_single_point_in_buckets_of_five_seconds() -> None:
    body, query = recorded("datadogpy_metrics_simple.1")
    [reading] = readings(body, [query])
    assert [series.points for series in reading.series] == [((1580746695.0, 1.0),)]
    assert (reading.interval, reading.unit, reading.scale) == (5.0, None, None)


def test_no_data_and_nulls() -> None:
    body, query = recorded("query_v1_no_data")
    assert readings(body, [query]) == [Reading(query, (), None)]
    body, query = recorded("query_v1_null_points")
    [reading] = readings(body, [query])
    assert [value for _, value in reading.series[0].points] == [None, 0.021, 0.034, None, None]
    assert reading.family == "time"


def document(*queries: str, **changes: Any) -> dict[str, Any]:
    series = [
        {
            "metric": f"m.{n}",
            "scope": "*",
            "query_index": n,
            "interval": 5,
            "unit": None,
            "pointlist": [[1000.0 * n, float(n)], [5000.0 + n, None]],
            **changes,
        }
        for n in range(len(queries))
    ]
    return {"status": "ok", "query": ", ".join(queries), "series": series}


def test_several_queries_are_told_apart_by_their_index() -> None:
    asked = ["avg:m.0{*}", "avg:m.1{*}", "avg:m.2{*}"]
    body = document(*asked)
    body["series"] = [body["series"][2], body["series"][0]]
    found = readings(body, asked)
    assert [len(reading.series) for reading in found] == [1, 0, 1]
    assert found[2].series[0].points[0] == (2.0, 2.0)


@pytest.mark.parametrize("index", [None, -1, 2, 1.0, True, "0"])
def test_an_index_that_means_nothing_spoils_the_answer(index: Any) -> None:
    with pytest.raises(Mismatch):
        readings(document("avg:m.0{*}", "avg:m.1{*}", query_index=index), ["avg:m.0{*}", "avg:m.1{*}"])


def test_a_series_of_a_metric_that_its_query_does_not_name_spoils_the_answer() -> None:
    body = document("avg:m.0{*}", "avg:m.1{*}")
    body["series"][0]["query_index"], body["series"][1]["query_index"] = 1, 0
    with pytest.raises(Mismatch, match=r"gives a series of m\.0"):
        readings(body, ["avg:m.0{*}", "avg:m.1{*}"])


def test_one_query_with_several_series_keeps_them_all() -> None:
    assert len(readings(document("avg:m.0{*},avg:m.1{*}"), ["avg:m.0{*},avg:m.1{*}"])[0].series) == 1


def test_series_in_different_units_are_refused() -> None:
    body = document("avg:m.0{*},avg:m.1{*}", "x")
    second = {"family": "time", "scale_factor": 1.0, "name": "second"}
    body["series"][0]["unit"] = [second, None]
    [partly] = readings(body, [body["query"]])
    assert (partly.unit, partly.unit_in_part) == ("second", True)
    body["series"][1]["unit"] = [{**second, "scale_factor": 0.001, "name": "millisecond"}, None]
    with pytest.raises(Refused, match=r"different units \(millisecond, second\)"):
        readings(body, [body["query"]])


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": None},
        {"interval": 0},
        {"interval": True},
        {"pointlist": None},
        {"pointlist": [[1]]},
        {"pointlist": [["a", 1]]},
        {"pointlist": [[1, "a"]]},
        {"pointlist": [[1, True]]},
        {"pointlist": [[1, 10**400]]},
        {"pointlist": [[float("inf"), 1]]},
        {"pointlist": [[1, float("nan")]]},
        {"unit": "s"},
    ],
    ids=str,
)
def test_a_series_that_cannot_be_read_is_no_series_to_guess_at(changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        readings(document("avg:m.0{*}", **changes), ["avg:m.0{*}"])


@pytest.mark.parametrize("query", ["avg:other{*}", "", None, 3])
def test_nothing_of_an_answer_to_another_query_is_used(query: Any) -> None:
    with pytest.raises(Mismatch):
        readings({**document("avg:m.0{*}"), "query": query}, ["avg:m.0{*}"])


@pytest.mark.parametrize(("start", "end"), [(0, 0), (-60, 60), (0.5, -0.5)])
def test_an_answer_about_the_window_that_was_asked_for_is_taken(start: float, end: float) -> None:
    check_window({"from_date": (1000 + start) * 1000, "to_date": (2000 + end) * 1000}, 1000, 2000)
    check_window({}, 1000, 2000)


@pytest.mark.parametrize(
    "window",
    [
        {"from_date": 939_000, "to_date": 2_000_000},
        {"from_date": 1_000_000, "to_date": 2_061_000},
        {"from_date": 1000, "to_date": 2000},  # seconds
        {"from_date": "1000000", "to_date": 2_000_000},
        {"from_date": 1_000_000, "to_date": True},
    ],
    ids=str,
)
def test_an_answer_about_another_time_is_not_used(window: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match="another time"):
        check_window(window, 1000, 2000)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pointlist", "interval", "unit", "query_index", "metric", "scope", "name", "family"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(anything)
def test_whatever_stands_for_series_is_readings_or_an_error_of_ours(series: Any) -> None:
    try:
        found = readings({"query": "avg:m.0{*}", "series": series}, ["avg:m.0{*}"])
    except ExternalError:
        return
    assert len(found) == 1

"""Every recording is replayed against the stand-in; those that it does not serve are named with the reason."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from dogdriver.demo.standin import conformance
from dogdriver.demo.standin.conformance import NOT_SERVED, Record, load, replay

FOLDER = Path(__file__).parents[2] / "data" / "datadog"
RECORDS = load(FOLDER)


@pytest.mark.parametrize("record", RECORDS, ids=[record["name"] for record in RECORDS])
async def test_the_stand_in_answers_as_recorded(record: Record) -> None:
    row = await replay(record)
    assert row.differences == ()
    assert row.equal is (record["name"] not in NOT_SERVED)


def test_what_is_not_served_is_a_recording() -> None:
    assert set(NOT_SERVED) <= {record["name"] for record in RECORDS}


async def test_values_are_as_recorded_wherever_the_recording_says_enough() -> None:
    rows = [await replay(record) for record in RECORDS]
    assert {row.name for row in rows if row.equal and not row.values} == {"query_v1_null_points"}


def _record(name: str) -> Any:
    return copy.deepcopy(next(record for record in RECORDS if record["name"] == name))


async def test_a_key_that_the_stand_in_lacks_is_a_difference() -> None:
    record = _record("query_v1_ok_300s")
    record["response"]["body"]["series"][0]["tomorrow"] = 1
    assert (await replay(record)).differences == ("$.series[].tomorrow is missing, recorded number",)


async def test_a_key_that_the_recording_lacks_is_a_difference() -> None:
    record = _record("event_v1_ok")
    del record["response"]["body"]["event"]["handle"]
    assert (await replay(record)).differences == ("$.event.handle is null, recorded missing",)


async def test_another_type_status_and_content_type_are_differences() -> None:
    record = _record("series_v1_ok")
    record["response"] = {"status": 200, "headers": {"content-type": "application/json"}, "body": {"status": 1}}
    assert (await replay(record)).differences == (
        "status 202, recorded 200",
        "content type text/json, recorded application/json",
        "$.status is string, recorded number",
    )


async def test_another_value_is_no_difference_in_shape_but_is_seen() -> None:
    record = _record("event_lifecycle.5")
    record["response"]["body"]["event"]["text"] = "something else"
    row = await replay(record)
    assert row.equal
    assert not row.values


async def test_a_rate_header_that_is_off_by_more_than_a_second_is_a_difference() -> None:
    record = _record("datadogpy_metrics_simple.1")
    record["response"]["headers"]["x-ratelimit-reset"] = "2400"
    record["response"]["headers"]["x-ratelimit-name"] = "query"
    assert (await replay(record)).differences == (
        "x-ratelimit-reset 2462, recorded 2400",
        "no x-ratelimit-name",
    )


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(FOLDER)]) == 0
    printed = capsys.readouterr().out
    assert "31 of 31 served are equal; 5 are not served" in printed
    assert all(record["name"] in printed for record in RECORDS)


def test_the_command_fails_where_an_answer_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = _record("validate_ok")
    record["response"]["status"] = 204
    (tmp_path / "one.json").write_text(json.dumps([record]))
    assert conformance.main([str(tmp_path)]) == 1
    assert "status 200, recorded 204" in capsys.readouterr().out

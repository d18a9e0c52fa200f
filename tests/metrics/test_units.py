from typing import Any

import pytest

from dogdriver.errors import Unavailable
from dogdriver.metrics import units

SECOND = {"family": "time", "scale_factor": 1.0, "name": "second", "short_name": "s", "plural": "seconds", "id": 11}
MILLISECOND = {**SECOND, "scale_factor": 0.001, "name": "millisecond"}
MINUTE = {**SECOND, "scale_factor": 60.0, "name": "minute"}
PERCENT = {
    "family": "percentage",
    "scale_factor": 1,
    "name": "percent",
    "short_name": "%",
    "plural": "percent",
    "id": 17,
}
KIBIBYTE = {"family": "bytes", "scale_factor": 1024.0, "name": "kibibyte"}
REQUEST = {"family": "network", "scale_factor": 1.0, "name": "request"}


@pytest.mark.parametrize(
    ("pair", "wanted", "factor"),
    [
        ([SECOND, None], "ms", 1000.0),
        ([SECOND, None], "s", 1.0),
        ([SECOND, None], "us", 1e6),
        ([MILLISECOND, None], "s", 0.001),
        ([MILLISECOND, None], "ms", 1.0),
        ([MINUTE, None], "s", 60.0),
        ([PERCENT, None], "%", 1.0),
        ([PERCENT, None], "ratio", 0.01),
        ([KIBIBYTE, None], "bytes", 1024.0),
        ([KIBIBYTE, SECOND], "MiB/s", 1 / 1024),
        ([REQUEST, SECOND], "1/s", 1.0),
        ([REQUEST, MINUTE], "rps", 1 / 60),
        ([REQUEST, None], "rps", None),
        ([SECOND, None], "1/s", None),
        ([KIBIBYTE, SECOND], "1/s", None),
        ([SECOND, None], "apples", 1.0),
        ([PERCENT, None], "ms", None),
        ([SECOND, SECOND], "ms", None),
        (None, "ms", 1.0),
        ([None, None], "ms", 1.0),
    ],
)
def test_values_are_converted_by_family_and_scale(pair: Any, wanted: str, factor: float | None) -> None:
    unit = units.parse_unit(pair)
    found = units.scale_factor(unit.family if unit else None, unit.scale if unit else None, wanted)
    assert found == (None if factor is None else pytest.approx(factor))


@pytest.mark.parametrize(
    "pair",
    [
        "second",
        [],
        [{"name": "second"}, None],
        [{**SECOND, "scale_factor": 0}, None],
        [{**SECOND, "scale_factor": "1"}],
    ],
)
def test_a_unit_that_cannot_be_read_is_no_unit_to_guess_at(pair: Any) -> None:
    with pytest.raises(Unavailable, match="unit"):
        units.parse_unit(pair)

"""[project.evidence]: the runs that a new release may have, and when."""

from collections.abc import Callable, Mapping
from typing import Any

from dogdriver.catalog import toml_values as values
from dogdriver.model.evidence import EvidenceBudget
from dogdriver.model.quiet import QuietHours, read_all


def _quiet(value: Any) -> tuple[QuietHours, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list such as ["22:00-06:00 Europe/Berlin"]')
    return read_all(value)


FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "runs_per_day": values.whole(1, 1000),
    "most": values.whole(1, 1000),
    "spacing": values.seconds,
    "quiet": _quiet,
}


def evidence(value: Any) -> EvidenceBudget:
    """Raises ValueError with what may stand there."""
    if not isinstance(value, dict) or set(value) - set(FIELDS):
        raise ValueError(f"must be a table of {', '.join(FIELDS)}; all of them may be left out")
    read = {}
    for name, one in value.items():
        try:
            read[name] = FIELDS[name](one)
        except ValueError as error:
            raise ValueError(f"has a `{name}` that is not right: it {error}") from None
    return EvidenceBudget(**read)

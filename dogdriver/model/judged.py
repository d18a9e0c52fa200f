"""A verdict as it is kept: with what it was made from, so that it can be replayed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dogdriver.model.run import SeriesKey
from dogdriver.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it is kept: *look* counts the looks at this release, *inputs* are enough to replay it.

    *standing* and *standing_outcome* are what the sequential rule makes of all looks so far.
    """

    key: SeriesKey
    release: str
    look: int
    at: datetime
    verdict: Verdict
    standing: str
    standing_outcome: str
    standing_reason: str
    inputs: Mapping[str, Any] = field(default_factory=dict)

"""Evidence: the runs that a daemon makes by itself for a new release, and the budget that they have."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dogdriver.model.quiet import QuietHours


@dataclass(frozen=True, slots=True)
class EvidenceBudget:
    """At most *most* runs of a release and *runs_per_day* in 24 hours, each *spacing* seconds after the end of the one
    before, and none in *quiet* hours.
    """

    runs_per_day: int = 24
    most: int = 24
    spacing: float = 300.0
    quiet: tuple[QuietHours, ...] = ()


class EvidenceState(StrEnum):
    """How far the evidence of a release has come."""

    COLLECTING = "collecting"  # runs are made
    DECIDED = "decided"  # the headline stands announced
    SPENT = "spent"  # the budget is used up, and it does not
    PAUSED = "paused"  # nothing runs for now, by somebody's wish
    OFF = "off"  # not asked for, or there is no earlier release to compare with


@dataclass(frozen=True, slots=True)
class EvidencePlan:
    """For *release*: *runs* of at most *most* (None: no budget is set), the *next* one (None: there is none, or one
    is being made), and the smallest change that is *visible* with the runs there are, in the deciding metric that shows
    the least (None: not known).
    """

    release: str | None
    state: EvidenceState
    runs: int = 0
    most: int | None = None
    next: datetime | None = None
    visible: float | None = None

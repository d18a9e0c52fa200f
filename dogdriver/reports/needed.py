"""How many more runs a verdict needs, and by when a project's schedule will have made them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dogdriver.model import OPEN, Judged, Scope
from dogdriver.model.document import Needed, VerdictDocument, verdict_document
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.verdict.headline import runs_ahead

Due = Callable[[int], datetime | None]
"""By when so many more runs will have been read; None where nobody can say."""


def never(_runs: int) -> None:
    """Where nothing is scheduled."""


class Timers(Protocol):
    """When projects are due."""

    def nth_run(self, project: str, number: int) -> datetime | None:
        """When the run after so many (1: the next one) is due by the schedule; None: *project* has none."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """The schedules that *timers* keep. *source*: where their runs come from; *settle*: seconds until one is read."""

    timers: Timers
    catalog: CatalogSource
    source: str
    settle: float

    def due(self, scope: Scope, runs: int) -> datetime | None:
        """By when so many more *runs* of *scope* will have been read; None where the schedule makes none there."""
        project = self.catalog.current.projects.get(scope.project)
        usual = project.deployment(None) if project else None
        if project is None or usual is None or project.test is None or runs < 1:
            return None
        if (scope.deployment, scope.test, scope.source) != (usual.name, project.test.name, self.source):
            return None
        start = self.timers.nth_run(scope.project, runs)
        return None if start is None else start + timedelta(seconds=self.settle)


def due_in(scope: Scope | None, timetable: Timetable | None) -> Due:
    """Of *scope*; without a *timetable* nothing is scheduled."""
    if scope is None or timetable is None:
        return never
    return lambda runs: timetable.due(scope, runs)


def needed(judged: Judged, due: Due) -> Needed:
    """What it takes until *judged* is decided."""
    runs = runs_ahead(judged)
    if runs == 0 and judged.standing_outcome in OPEN:
        runs = None  # more looks have to make it surer, nobody knows how many
    return Needed(runs, due(runs) if runs else None)


def described(judged: Judged, deciding: frozenset[str], due: Due) -> VerdictDocument:
    """The verdict's document; *deciding* are the metrics that the headline rests on."""
    return verdict_document(judged, decides=judged.key.metric in deciding, needed=needed(judged, due))

"""Evidence on demand: for a new release as many runs of our own as its verdict takes, within a budget, and no more.

Nothing of a plan is kept but what it is made of: runs, stays and verdicts, which survive a restart anyway.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Protocol

from dogdriver.errors import Conflict, Invalid, NotFound
from dogdriver.model import (
    UNANNOUNCED,
    Catalog,
    Clock,
    Filter,
    Judged,
    Page,
    Project,
    Run,
    Scope,
    Standing,
    Status,
    Stay,
    Trigger,
)
from dogdriver.model.evidence import EvidenceBudget, EvidencePlan, EvidenceState
from dogdriver.model.pause import Pause
from dogdriver.model.quiet import quiet_until
from dogdriver.pipeline.judge import judged_metrics
from dogdriver.verdict.headline import About, standing

DAY = timedelta(days=1)
REST = timedelta(minutes=1)  # after a run that could not be queued
MOST_READ = 400  # newest runs of a scope that are counted
UNDER_WAY = frozenset({Status.QUEUED, Status.RUNNING})


class Runs(Protocol):
    async def list(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created."""


class Releases(Protocol):
    async def seen(self, project: str, deployment: str) -> Sequence[Stay]:
        """Each time that a release was there, in the order in which they began."""


class Verdicts(Protocol):
    async def newest(self, scope: Scope) -> Sequence[Judged]:
        """The newest look per metric and release."""


class Cards(Protocol):
    async def numbers(self) -> Mapping[str, int]:
        """How often what is kept of each project has changed."""


class Store(Protocol):
    @property
    def runs(self) -> Runs: ...

    @property
    def releases(self) -> Releases: ...

    @property
    def verdicts(self) -> Verdicts: ...

    @property
    def cards(self) -> Cards: ...


def plan(
    budget: EvidenceBudget,
    stay: Stay,
    runs: Sequence[Run],
    *,
    decided: bool,
    visible: float | None = None,
    now: datetime | None = None,
) -> EvidencePlan:
    """What *stay* still needs; *runs* are those of its scope, newest first, *decided*: its headline stands. The next
    run is never before *now*, where that is given.
    """
    ours = [run for run in runs if run.trigger is Trigger.EVIDENCE]
    spent = [run for run in ours if _belongs(run, stay)]
    state = EvidenceState.COLLECTING
    if decided:
        state = EvidenceState.DECIDED
    elif len(spent) >= budget.most:
        state = EvidenceState.SPENT
    under_way = any(run.status in UNDER_WAY for run in runs)
    at = None
    if state is EvidenceState.COLLECTING and not under_way:
        at = _next(budget, stay, runs, ours, now)
    return EvidencePlan(stay.name, state, len(spent), budget.most, at, visible)


def _belongs(run: Run, stay: Stay) -> bool:
    """A run that failed before its release was known belongs to the one that was there."""
    if run.release is None:
        return run.created >= stay.first
    return run.release == stay.release.label and (run.stay or 1) == stay.number


def _next(
    budget: EvidenceBudget, stay: Stay, runs: Sequence[Run], ours: Sequence[Run], now: datetime | None
) -> datetime:
    ends = [run.ended or run.created for run in runs]
    at = max([stay.first, *(end + timedelta(seconds=budget.spacing) for end in ends), *([now] if now else [])])
    begun = sorted((run.created for run in ours), reverse=True)
    if len(begun) >= budget.runs_per_day:
        at = max(at, begun[budget.runs_per_day - 1] + DAY)
    return quiet_until(budget.quiet, at) or at


class EvidencePlans:
    """Reads what a plan is made of. *pauses* gives those that hold now."""

    def __init__(self, store: Store, source: str, pauses: Callable[[], Awaitable[Sequence[Pause]]]) -> None:
        self._store, self._source, self._pauses = store, source, pauses

    async def pauses(self) -> Sequence[Pause]:
        """Those that hold now."""
        return await self._pauses()

    async def of(self, project: Project | None, now: datetime | None = None) -> EvidencePlan:
        """Of the release that runs now at the usual deployment of *project*."""
        usual = project.deployment(None) if project else None
        if project is None or usual is None or project.test is None:
            return EvidencePlan(None, EvidenceState.OFF)
        stays = await self._store.releases.seen(project.name, usual.name)
        stay = max(stays, key=attrgetter("last", "first"), default=None)
        if stay is None or project.evidence is None or not project.allowed:
            return EvidencePlan(stay.name if stay else None, EvidenceState.OFF)
        scope = Scope(project.name, usual.name, project.test.name, self._source)
        wanted = Filter(project=scope.project, deployment=scope.deployment, test=scope.test, source=scope.source)
        runs = (await self._store.runs.list(wanted, limit=MOST_READ)).runs
        if not any(_counts(run) and not _belongs(run, stay) for run in runs):
            return EvidencePlan(stay.name, EvidenceState.OFF, most=project.evidence.most)
        decided, visible = _answer(project, stay, await self._store.verdicts.newest(scope))
        made = plan(project.evidence, stay, runs, decided=decided, visible=visible, now=now)
        paused = any(pause.project in {None, project.name} for pause in await self._pauses())
        if paused and made.state is EvidenceState.COLLECTING:
            return EvidencePlan(made.release, EvidenceState.PAUSED, made.runs, made.most, None, made.visible)
        return made


def _counts(run: Run) -> bool:
    return run.status in {Status.DONE, Status.PENDING} and run.excluded is None and run.release is not None


def _answer(project: Project, stay: Stay, kept: Iterable[Judged]) -> tuple[bool, float | None]:
    """Whether the headline of *stay* stands, and the smallest change that is visible by now."""
    looks = list(kept)
    about = About.of(judged_metrics(project), project.metrics, {one.key.metric for one in looks})
    own = [one for one in looks if one.release == stay.name]
    summary = standing(own, about)
    firm = summary is not None and summary.headline not in UNANNOUNCED
    deciding = about.deciding or ()
    sizes = [one.verdict.smallest_visible for one in own if one.key.metric in deciding]
    known = [size for size in sizes if size is not None]
    decided = firm and any(one.standing is Standing.ANNOUNCED for one in own)
    return decided, max(known) if known and len(known) == len(sizes) else None


class QueueRun(Protocol):
    """Queues a run (`Commands.trigger`)."""

    async def __call__(self, project: str, *, deployment: str | None, trigger: Trigger) -> Run: ...


@dataclass(slots=True)
class _Known:
    """A *plan*, made when what is kept of its project had this *number*."""

    number: int | None
    project: Project
    plan: EvidencePlan


class Evidence:
    """Makes the runs that plans ask for; one step at a time."""

    def __init__(
        self, plans: EvidencePlans, store: Store, catalog: Callable[[], Catalog], clock: Clock, queue: QueueRun
    ) -> None:
        self._plans, self._store, self._catalog, self._clock, self._queue = plans, store, catalog, clock, queue
        self._known: dict[str, _Known] = {}
        self._paused: Sequence[Pause] = ()

    async def next(self) -> bool:
        """Queue one run that is due; False: none is."""
        now = self._clock()
        await self._renew(now)
        for name, known in self._known.items():
            if known.plan.next is None or known.plan.next > now:
                continue
            known.number = None  # the plan is another then
            usual = known.project.deployment(None)
            try:
                await self._queue(name, deployment=usual.name if usual else None, trigger=Trigger.EVIDENCE)
            except (Conflict, Invalid, NotFound):  # the catalog changed since; its problems stand on the status page
                known.plan = replace(known.plan, next=now + REST)
                continue
            return True
        return False

    async def due(self) -> datetime | None:
        """When the next one is."""
        return min((known.plan.next for known in self._known.values() if known.plan.next), default=None)

    async def _renew(self, now: datetime) -> None:
        """Plans of projects of which something has changed, or whose time has come."""
        projects = {name: p for name, p in self._catalog().projects.items() if p.evidence is not None}
        numbers = await self._store.cards.numbers() if projects else {}
        pauses = await self._plans.pauses() if projects else ()
        if pauses != self._paused:  # none of what is counted has changed by it
            self._known, self._paused = {}, pauses
        self._known = {name: known for name, known in self._known.items() if name in projects}
        for name, project in projects.items():
            known, number = self._known.get(name), numbers.get(name, 0)
            waits = known is not None and (known.plan.next is None or known.plan.next > now)
            if known and waits and (known.number, known.project) == (number, project):
                continue
            self._known[name] = _Known(number, project, await self._plans.of(project, now))

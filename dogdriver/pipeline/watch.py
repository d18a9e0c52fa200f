"""The release watch: what every deployment that may be loaded says it runs, and when that has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from dogdriver.errors import Conflict, ExternalError, Invalid, NotFound, TargetError
from dogdriver.model import Deployment, Project, Release, Run, Trigger
from dogdriver.pipeline.context import Context

ANSWERS = 3
"""Equal answers in a row that make a change: while a deploy rolls, old and new ones take turns."""
AT_ONCE = 10  # deployments that are asked at the same time

Answer = tuple[str | None, str | None]
"""(version, commit) as a deployment says them."""


@dataclass(slots=True)
class _Streak:
    """One *answer*, given *times* in a row since *first*."""

    answer: Answer
    first: datetime
    times: int = 1


class ReleaseWatch:
    """One look after the other; *trigger* queues a run where a project wants one of every new release."""

    def __init__(self, context: Context, trigger: Callable[..., Awaitable[Run]]) -> None:
        self._context, self._trigger = context, trigger
        self._streaks: dict[tuple[str, str], _Streak] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def look(self) -> None:
        """Ask all of them; those that do not answer are left aside, for the run itself will say so."""
        projects = [p for p in self._context.catalog.current.projects.values() if p.test is not None and p.allowed]
        await asyncio.gather(*(self._look_at(project, where) for project in projects for where in project.deployments))

    async def _look_at(self, project: Project, deployment: Deployment) -> None:
        async with self._turn:
            try:
                answer = await self._context.target.version(deployment)
            except (TargetError, ExternalError):
                return
        if answer != (None, None) and await self._see(project.name, deployment.name, answer) and project.on_release:
            await self.queue(project.name, deployment.name)

    async def _see(self, project: str, deployment: str, answer: Answer) -> bool:
        """Whether a release is there that was not there before; only what has been said ANSWERS times is."""
        here, now = (project, deployment), self._context.clock()
        releases = self._context.store.releases
        streak = self._streaks.get(here)
        if streak is None or streak.answer != answer:
            streak = self._streaks[here] = _Streak(answer, now)
        else:
            streak.times += 1
        standing = await releases.standing(project, deployment)
        known = standing is not None and (standing.version, standing.commit) == answer
        if not known and standing is not None and streak.times < ANSWERS:
            return False
        label = await releases.label(project, deployment, *answer)
        at = now if known else streak.first
        return await releases.see(project, deployment, Release(label, *answer), at, stands=True)

    async def queue(self, project: str, deployment: str) -> None:
        """A run for a release that has come."""
        try:
            await self._trigger(project, deployment=deployment, trigger=Trigger.RELEASE)
        except (Conflict, Invalid, NotFound):
            return  # the catalog changed since; its problems stand on the status page

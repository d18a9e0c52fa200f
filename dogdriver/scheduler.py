"""When: APScheduler says when something is due; owned tasks do the work, and are awaited before the store closes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from dogdriver.errors import BadInput
from dogdriver.model import Clock, Project, Schedule, Trigger
from dogdriver.pipeline import Pipeline
from dogdriver.pipeline.ports import CatalogSource, Commits

log = logging.getLogger(__name__)

IDLE = 60.0  # seconds after which an idle worker looks again, whatever was committed
FAILURE = 5.0  # seconds that a worker rests after a defect

Step = Callable[[], Awaitable[bool]]
NextDue = Callable[[], Awaitable[datetime | None]]


class Worker:
    """Repeats a step while there is something to do, then rests until there was a commit or the next thing is due."""

    def __init__(self, name: str, step: Step, commits: Commits, clock: Clock, next_due: NextDue | None = None) -> None:
        self.name = name
        self._step, self._commits, self._clock, self._next_due = step, commits, clock, next_due
        self._closing, self._woken = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.last_error: str | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._loop(), name=f"worker {self.name}")

    def wake(self) -> None:
        """Look again now, though nothing was committed: something has changed that is not in the database."""
        self._woken.set()

    def close(self) -> None:
        """Finish the item in hand, then end."""
        self._closing.set()

    async def wait_closed(self, grace: float) -> None:
        """Wait for the end; after *grace* seconds the item in hand is cancelled (its lease brings it back)."""
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=grace)
        if not done:
            log.warning("worker %s did not end within %.0f s and is cancelled", self.name, grace)
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        while not self._closing.is_set():
            seen = self._commits.number  # the step may have missed what is committed from here on
            self._woken.clear()
            try:
                again = await self._step()
                self.last_error = None
                if again:
                    continue
                pause = await self._pause()
            except Exception as error:  # the item was pushed forward before it was raised: the loop must live on
                log.exception("worker %s", self.name)
                self.last_error = f"{type(error).__name__} at {self._clock().isoformat()}"
                await self._rest(FAILURE)  # whatever is committed: a defect must not keep the machine busy
            else:
                await self._rest(pause, self._commits.after(seen), self._woken.wait())

    async def _pause(self) -> float:
        due = await self._next_due() if self._next_due else None
        return IDLE if due is None else min(max((due - self._clock()).total_seconds(), 0.01), IDLE)

    async def _rest(self, seconds: float, *events: Coroutine[Any, Any, object]) -> None:
        """Until one of *events*, the end, or *seconds* are over."""
        waiting = [asyncio.ensure_future(event) for event in (self._closing.wait(), *events)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for event in waiting:
                event.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class ScheduledRuns(Protocol):
    """The part of the store that the timers need."""

    async def last_scheduled(self, project: str, deployment: str) -> datetime | None:
        """When the newest run with trigger `schedule` was created."""


class Scheduler:
    """The timers: a schedule a project, the release watch, the look into the catalog; and the workers."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        runs: ScheduledRuns,
        catalog: CatalogSource,
        clock: Clock,
        workers: tuple[Worker, ...],
        refresh: float = 300.0,
        watch: float = 300.0,
    ) -> None:
        self._pipeline, self._runs, self._catalog, self._clock = pipeline, runs, catalog, clock
        self.workers = workers
        self._refresh, self._watch = refresh, watch
        self._planned: dict[str, tuple[Schedule, str | None]] = {}
        # A job that was due while the loop was busy is late, not lost; three that were are one.
        self._timers: Any = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._busy: set[asyncio.Task[Any]] = set()
        self.errors: dict[str, str] = {}  # of what went wrong at its last turn

    async def start(self) -> None:
        now = self._clock()
        self._timers.start()
        await self.plan(self._catalog.current.projects)  # ServiceBook is asked beside all this
        self._every("catalog", self.refresh, self._refresh, first=now)
        self._every("releases", self._pipeline.watch_releases, self._watch, first=now + timedelta(seconds=self._watch))
        for worker in self.workers:
            worker.start()

    async def close(self, grace: float = 30.0) -> None:
        """No new work; what is in hand ends within *grace* seconds, before anything that it needs is closed."""
        self._timers.shutdown(wait=False)
        self._pipeline.close()
        for worker in self.workers:
            worker.close()
        await asyncio.gather(*(worker.wait_closed(grace) for worker in self.workers))
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def refresh(self) -> None:
        """Read the catalog again, and let the timers follow it."""
        catalog = await self._catalog.refresh()
        await self.plan(catalog.projects)
        for worker in self.workers:
            worker.wake()  # runs may have waited for their project, which no commit tells of

    async def plan(self, projects: Mapping[str, Project]) -> None:
        """One timer for each project that runs by itself; an unchanged one goes on as it is."""
        wanted = {name: project for name, project in projects.items() if _runs_by_itself(project)}
        for name in [n for n in self._planned if n not in wanted]:
            self._timers.remove_job(_job(name))
            del self._planned[name]
        for name, project in wanted.items():
            deployment = project.deployment(None)
            plan = (project.schedule, deployment.name if deployment else None)
            if self._planned.get(name) != plan and deployment:
                try:
                    trigger = await self._trigger(project.schedule, name, deployment.name)
                except ValueError as error:  # one project's schedule must not hold up the others'
                    self.errors[_job(name)] = f"the schedule of {name} cannot be used: {error}"
                    continue
                self.errors.pop(_job(name), None)
                self._timers.add_job(self._spawn, trigger, args=[self._due, name], id=_job(name), replace_existing=True)
                self._planned[name] = plan

    def next_run(self, project: str) -> datetime | None:
        """When *project* is due by its schedule; None: it runs on request only."""
        job = self._timers.get_job(_job(project))
        return job.next_run_time if job else None

    async def _trigger(self, schedule: Schedule, project: str, deployment: str) -> BaseTrigger:
        """`every` counts from the last scheduled run; a project that never ran is due at once."""
        if schedule.cron:
            return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
        last = await self._runs.last_scheduled(project, deployment)
        every, now = schedule.every or 0.0, self._clock()
        due = now if last is None else max(last + timedelta(seconds=every), now)
        return IntervalTrigger(seconds=every, start_date=due + timedelta(milliseconds=50), timezone=UTC)

    async def _due(self, project: str) -> None:
        try:
            await self._pipeline.trigger(project, trigger=Trigger.SCHEDULE)
        except BadInput as error:
            log.warning("%s was due and could not be queued: %s", project, error.message)

    def _every(self, name: str, work: Callable[[], Awaitable[None]], seconds: float, *, first: datetime) -> None:
        self._timers.add_job(
            self._spawn, IntervalTrigger(seconds=seconds, timezone=UTC), args=[work], id=name, next_run_time=first
        )

    async def _spawn(self, work: Callable[..., Awaitable[None]], *args: Any) -> None:
        """APScheduler does not await its jobs at shutdown; so the work is a task of our own."""
        name = getattr(work, "__name__", "timer")

        async def guarded() -> None:
            try:
                await work(*args)
                self.errors.pop(name, None)
            except Exception as error:
                log.exception("timer %s", name)
                self.errors[name] = f"{name}: {type(error).__name__}"

        task = asyncio.create_task(guarded())
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        await asyncio.shield(task)


def _job(project: str) -> str:
    return f"run {project}"


def _runs_by_itself(project: Project) -> bool:
    return bool(project.test and project.allowed and not project.schedule.off and project.deployment(None))

"""When: APScheduler says when something is due; owned tasks do the work, and are awaited before the store closes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from dogdriver.errors import CatalogError, DogdriverError
from dogdriver.model import Clock, Failures, Project, Schedule, Trigger
from dogdriver.pipeline import Pipeline
from dogdriver.pipeline.patience import patiently
from dogdriver.pipeline.ports import CatalogSource, Commits

log = logging.getLogger(__name__)

STEP = 5.0  # seconds that the wall clock may lose without that anything is planned anew
IDLE = 60.0  # seconds after which an idle worker looks again, whatever was committed
JITTER = 0.1  # of the time between two looks at the releases: daemons of many places do not ask in step
FAILURE = 5.0  # seconds that a worker rests after a defect

Step = Callable[[], Awaitable[bool]]
NextDue = Callable[[], Awaitable[datetime | None]]


class Worker:
    """Repeats a step while there is something to do, then rests until there was a commit or the next thing is due."""

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        commits: Commits,
        clock: Clock,
        failures: Failures,
        next_due: NextDue | None = None,
    ) -> None:
        self.name = name
        self._step, self._next_due = step, next_due
        self._commits, self._clock, self._failures = commits, clock, failures
        self._closing, self._woken = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

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
                with self._failures.of(f"the worker {self.name}"):
                    again = await self._step()
                    pause = 0.0 if again else await self._pause()
            except Exception:  # the item was pushed forward before it was raised: the loop must live on
                log.exception("worker %s", self.name)
                await self._rest(FAILURE)  # whatever is committed: a defect must not keep the machine busy
            else:
                if not again:
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
    """The timers: a schedule a project, the release watch, the reading of the catalog; and the workers.

    *refresh* and *watch* are the seconds between two readings of the catalog and between two looks at the releases.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        runs: ScheduledRuns,
        catalog: CatalogSource,
        clock: Clock,
        failures: Failures,
        workers: tuple[Worker, ...],
        refresh: float = 300.0,
        watch: float = 60.0,
        heed: float = 10.0,
    ) -> None:
        self._pipeline, self._runs, self._catalog, self._clock = pipeline, runs, catalog, clock
        self._failures, self._workers = failures, workers
        self._refresh, self._watch, self._heed = refresh, watch, heed
        self._planned: dict[str, tuple[Schedule, str]] = {}
        # A job that was due while the loop was busy is late, not lost; three that were are one.
        self._timers: Any = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._busy: set[asyncio.Task[None]] = set()
        self._catalog_names: set[str] = set()

    async def start(self) -> None:
        now = self._clock()
        self._timers.start()
        await self.plan(self._catalog.current.projects)  # ServiceBook is asked beside all this
        self._repeat_looks(now)
        _ = self._begin(Task("the clock", partial(self._heed_clock, now, asyncio.get_running_loop().time())))
        for worker in self._workers:
            worker.start()

    async def close(self, grace: float = 30.0) -> None:
        """No new work; what is in hand ends within *grace* seconds, before anything that it needs is closed."""
        self._timers.shutdown(wait=False)
        self._pipeline.close()
        for worker in self._workers:
            worker.close()
        await asyncio.gather(*(worker.wait_closed(grace) for worker in self._workers))
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def _repeat_looks(self, now: datetime) -> None:
        self._repeat(Task("the catalog", self.refresh), self._refresh, first=now)
        watch = Task("the release watch", self._pipeline.watch_releases)
        self._repeat(watch, self._watch, first=now + timedelta(seconds=self._watch), jitter=self._watch * JITTER)

    async def _heed_clock(self, wall: datetime, passed: float) -> None:
        """Where the wall clock is set back, timers would wait for what it had shown: all is planned anew."""
        time = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._heed)
            lost = time() - passed - (self._clock() - wall).total_seconds()
            if lost > STEP:
                log.warning("the clock was set back by %.0f s: everything is planned anew", lost)
                self._planned.clear()
                await self.plan(self._catalog.current.projects)
                self._repeat_looks(self._clock())
            wall, passed = self._clock(), time()

    async def refresh(self) -> None:
        """Read the catalog again, and let the timers follow it."""
        catalog = await self._catalog.refresh()
        await self.plan(catalog.projects)
        for worker in self._workers:
            worker.wake()  # runs may have waited for their project, which no commit tells of

    def reload(self) -> None:
        """Let the catalog be read again now, beside whatever else goes on."""
        _ = self._begin(Task("the catalog", self.refresh))

    async def plan(self, projects: Mapping[str, Project]) -> None:
        """One timer for each project that runs by itself; an unchanged one goes on as it is."""
        wanted = {
            name: (project, deployment)
            for name, project in projects.items()
            if (deployment := project.deployment(None)) and _runs_by_itself(project)
        }
        for name in self._planned.keys() - wanted.keys():
            self._timers.remove_job(_job(name))
            del self._planned[name]
        for name in self._catalog_names - projects.keys():
            self._failures.forget(name)
        self._catalog_names = set(projects)
        for name, (project, deployment) in wanted.items():
            plan = (project.schedule, deployment.name)
            if self._planned.get(name) != plan:
                await self._set_timer(project, deployment.name)

    def next_run(self, project: str) -> datetime | None:
        """When *project* is due by its schedule; None: it runs on request only."""
        job = self._timers.get_job(_job(project))
        return job.next_run_time if job else None

    def nth_run(self, project: str, number: int) -> datetime | None:
        """When the run after so many (1: the next one) is due by the schedule; None: it runs on request only."""
        job = self._timers.get_job(_job(project))
        at: datetime | None = job.next_run_time if job else None
        for _ in range(number - 1):
            at = at and job.trigger.get_next_fire_time(at, at)
        return at

    async def _set_timer(self, project: Project, deployment: str) -> None:
        name = project.name
        with suppress(CatalogError), self._failures.of(f"the schedule of {name}", project=name):
            trigger = await self._trigger(project.schedule, name, deployment)
            self._timers.add_job(self._run, trigger, args=[self.queueing(name)], id=_job(name), replace_existing=True)
            self._planned[name] = (project.schedule, deployment)

    async def _trigger(self, schedule: Schedule, project: str, deployment: str) -> BaseTrigger:
        """`every` counts from the last scheduled run; a project that never ran is due at once."""
        if schedule.cron:
            try:
                return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
            except ValueError as error:
                raise CatalogError(
                    f"the schedule of {project} cannot be used ({error}); correct cron in the projects file"
                ) from None
        last = await self._runs.last_scheduled(project, deployment)
        every, now = schedule.every or 0.0, self._clock()
        due = now if last is None else max(last + timedelta(seconds=every), now)
        due = min(due, now + timedelta(seconds=every))  # the clock was ahead when that run was made
        return IntervalTrigger(seconds=every, start_date=due + timedelta(milliseconds=50), timezone=UTC)

    def queueing(self, project: str) -> "Task":
        """What *project*'s timer does."""

        async def queue() -> None:
            trigger = partial(self._pipeline.trigger, project, trigger=Trigger.SCHEDULE)
            if all(pause.project not in {None, project} for pause in await self._pipeline.pauses()):
                await patiently(f"queueing a run of {project} by its schedule", trigger, failures=self._failures)

        return Task(f"queueing a run of {project}", queue, project)

    def _repeat(self, task: "Task", seconds: float, *, first: datetime, jitter: float = 0.0) -> None:
        trigger = IntervalTrigger(seconds=seconds, timezone=UTC, jitter=jitter or None)
        self._timers.add_job(
            self._run, trigger, args=[task], id=task.subject, next_run_time=first, replace_existing=True
        )

    async def _run(self, task: "Task") -> None:
        """APScheduler cancels its jobs at shutdown and awaits none; so the work is a task of our own, which goes on."""
        with suppress(asyncio.CancelledError):  # of the job, which APScheduler would log as a failure
            await asyncio.shield(self._begin(task))

    def _begin(self, task: "Task") -> asyncio.Task[None]:
        running = asyncio.create_task(self._guarded(task))
        self._busy.add(running)
        running.add_done_callback(self._busy.discard)
        return running

    async def _guarded(self, task: "Task") -> None:
        try:
            with self._failures.of(task.subject, project=task.project):
                await task.work()
        except DogdriverError as error:
            log.warning("%s failed: %s", task.subject, error.message)
        except Exception:
            log.exception("%s failed", task.subject)


@dataclass(frozen=True, slots=True)
class Task:
    """What a timer does: *subject* is what it is called where it fails, *project* whose it is."""

    subject: str
    work: Callable[[], Awaitable[None]]
    project: str | None = None


def _job(project: str) -> str:
    return f"run {project}"


def _runs_by_itself(project: Project) -> bool:
    return bool(project.test and project.allowed and not project.schedule.off)

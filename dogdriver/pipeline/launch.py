"""From running to the end of the load: the order of the steps of one run, and what each way to end amounts to."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from msgspec.structs import replace

from dogdriver.errors import NOT_NOW, ExternalError, LoadTestError, RunError, StoreError, TargetError
from dogdriver.model import (
    LONGEST_LOAD,
    Deployment,
    EventStep,
    Grade,
    Isolation,
    Job,
    Measured,
    MetricValue,
    OutboxMessage,
    Release,
    Run,
    Status,
    Stopped,
    Test,
)
from dogdriver.model.own_trouble import OWN_TROUBLE
from dogdriver.pipeline.containment import Containment
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.cut import Cut
from dogdriver.pipeline.ending import End, client_values, failure_of_load, failures
from dogdriver.pipeline.environment import environment, secrets
from dogdriver.pipeline.patience import PAUSES, patiently

log = logging.getLogger(__name__)

T = TypeVar("T")
INTERRUPTED = "interrupted"
"""How the reason of a run begins that ended because the daemon did."""


class _Cancelled(Exception):
    pass


class Launch:
    """Runs one claimed run to the end of its load; whatever happens, its row leaves `running`."""

    def __init__(self, context: Context, run: Run) -> None:
        self._context = context
        self._run = run
        self._asked = run.release  # a release, by who wants the run
        self._cancelled = context.live.open(run.id)
        self._measured: Measured | None = None
        self._containment = Containment(context.store.state)
        self._harms: list[str] = []
        self._cut = Cut(self._cancelled)
        self.release_changed = False  # while the load ran
        self._marked = False  # the start event is out, the stop event is owed

    async def execute(self) -> Run:
        """Raises only what is a defect of ours, and that after the run was kept as failed."""
        try:
            end = await self._end()
            self._context.live.seal(self._run.id)  # from here on it is too late to cancel
            return await self._finish(end)
        except BaseException as error:
            reason = f"dogDriver itself failed ({type(error).__name__}); the daemon's log has the details"
            stopped = isinstance(error, asyncio.CancelledError)
            if stopped:
                reason = f"{INTERRUPTED}: the daemon was stopped"
            await self._finish(End(Status.FAILED, reason), retry=not stopped)
            raise
        finally:
            self._context.live.close(self._run.id)

    async def _end(self) -> End:
        try:
            return await self._steps()
        except _Cancelled:
            reason = self._context.live.reason(self._run.id)
            return End(Status.FAILED if reason.startswith(INTERRUPTED) else Status.ABORTED, reason)
        except (RunError, ExternalError) as error:
            return End(Status.ABORTED if error.code == NOT_NOW else Status.FAILED, error.message)

    async def _steps(self) -> End:
        deployment, test = self._deployment_and_test()
        given = secrets(self._context, test)
        before = await self._unless_cancelled(self._healthy_release(deployment))
        self._refuse_another(before)
        prepared = await self._unless_cancelled(self._context.checkouts.prepare(test))
        load = self._context.runner.describe(prepared)
        self._run = replace(
            self._run.with_release(before), endpoint=deployment.endpoint, load=load, content=prepared.content,
            test_commit=prepared.commit, notes=(*self._run.notes, *map(self._context.mask, prepared.notes)),
        )  # fmt: skip
        await self._mark_start()
        env = environment(self._context, test, prepared, self._run, deployment, given)
        job = Job(
            run=self._run.id, prepared=prepared, env=env, guard=test.guard, stall=test.stall,
            isolation=await self._isolation(test), harmed=self._harms.append,
        )  # fmt: skip
        await self._smoke(job)
        if self._harms:  # in its smoke already: its load does no more
            job = dataclasses.replace(job, isolation=Isolation.PROCESS)
        watch, project = self._context.live.push, self._context.project(self._run)
        with self._cut.after(project.longest if project else LONGEST_LOAD):
            self._measured = await self._context.runner.load(
                job, cancelled=self._cancelled, watch=lambda snapshot: watch(self._run.id, snapshot)
            )
        return await self._end_after_load(self._measured, deployment, before, test.guard)

    async def _isolation(self, test: Test) -> Isolation:
        wanted = test.isolation or self._context.isolation
        isolation, why = await self._containment.isolation(test.name, self._run.content, wanted)
        if why:
            self._run = replace(self._run, notes=(*self._run.notes, why))
        return isolation

    def _deployment_and_test(self) -> tuple[Deployment, Test]:
        run, project = self._run, self._context.project(self._run)
        if project is None:
            raise RunError(f"project {run.project} is not in the catalog any more; queue a run of one that is")
        deployment = project.deployment(run.deployment)
        if deployment is None:
            raise RunError(f"{run.project} has no deployment {run.deployment} any more; queue a run of one that it has")
        if project.test and project.test.name != run.test:
            raise RunError(f"the test of {run.project} is {project.test.name} now, not {run.test}; queue a new run")
        if project.test is None or not project.allowed:
            raise RunError(f"{run.project} has no test that is allowed to run any more; see the status page")
        return deployment, project.test

    async def _healthy_release(self, deployment: Deployment) -> Release:
        """Raises TargetError; a trouble of this machine's own (its DNS, its limits) is waited for before."""
        for seconds in PAUSES:
            try:
                await self._context.target.check(deployment)
                return await self._release(deployment)
            except TargetError as error:
                if error.code != OWN_TROUBLE:
                    raise
            await self._context.pause(seconds)
        await self._context.target.check(deployment)
        return await self._release(deployment)

    async def _release(self, deployment: Deployment) -> Release:
        version, commit = await self._context.target.version(deployment)
        if version is None and commit is None:
            version = self._asked
        give = partial(self._context.store.releases.label, self._run.project, deployment.name, version, commit)
        label = await patiently(
            f"naming the release of run {self._run.id}", give, self._context.pause, self._context.failures
        )
        return Release(label, version, commit)

    def _refuse_another(self, release: Release) -> None:
        """Raises TargetError where the deployment says that it runs something else than was asked for."""
        if self._asked is not None and not release.called(self._asked):
            self._run = self._run.with_release(release)
            raise TargetError(
                f"{self._run.deployment} runs {release.label}, not {self._asked}, which this run was asked for; deploy "
                "that, or ask for a run without a release"
            )

    async def _mark_start(self) -> None:
        now = self._context.clock()
        messages = [self._context.event(self._run, EventStep.START)] if self._context.datadog.sends else []
        save = partial(
            self._context.store.transitions.save, self._run, expect=Status.RUNNING, messages=messages, release_seen=now
        )

        async def pause(seconds: float) -> None:
            await self._unless_cancelled(self._context.pause(seconds))

        await patiently(f"the start of run {self._run.id}", save, pause, self._context.failures)
        self._marked = True

    async def _smoke(self, job: Job) -> None:
        smoke = await self._context.runner.smoke(job, cancelled=self._cancelled)
        self._stop_if_cancelled()
        if smoke.stopped or smoke.tally.failed:
            raise LoadTestError(f"the smoke run failed, so no load was started: {smoke.reason or failures(smoke)}")
        if not smoke.tally.ok and smoke.client.reasons:
            raise LoadTestError(f"the smoke run failed, so no load was started: {'; '.join(smoke.client.reasons)}")
        if not smoke.tally.ok:
            raise LoadTestError(
                f"the smoke run executed no scenario of entry {job.prepared.name}; give at least one a weight above 0"
            )

    async def _end_after_load(self, measured: Measured, deployment: Deployment, before: Release, guard: float) -> End:
        """What the load amounts to; a run that measured something else than its release is invalid."""
        if measured.stopped is Stopped.CANCELLED and self._cut.end:
            return self._cut.end
        if measured.stopped is Stopped.CANCELLED:
            raise _Cancelled
        if end := failure_of_load(measured, guard) or await self._unless_cancelled(
            self._changed_during_load(deployment, before)
        ):
            return end
        if measured.client.grade is Grade.INVALID:
            return End(Status.INVALID, "; ".join(measured.client.reasons) or "the load generator was saturated")
        return End(Status.PENDING)

    async def _changed_during_load(self, deployment: Deployment, before: Release) -> End | None:
        try:
            after = await self._healthy_release(deployment)
        except TargetError as error:
            return End(Status.INVALID, f"after the load: {error.message}")
        if (after.version, after.commit) != (before.version, before.commit):
            self.release_changed = True
            return End(Status.INVALID, f"the release changed during the run, from {before.label} to {after.label}")
        return None

    async def _finish(self, end: End, *, retry: bool = True) -> Run:
        mask = self._context.mask
        if self._harms:
            await self._contain()
        run = self._with_measurements(replace(self._run, status=end.status, reason=end.reason and mask(end.reason)))
        run = replace(run, notes=tuple(map(mask, run.notes)))
        values = client_values(self._measured) if self._measured else {}
        messages: list[OutboxMessage] = []
        if run.status is Status.PENDING:
            values |= self._context.waiting_values(run)
            run = replace(run, due=self._context.first_due(replace(run, metrics=values)))
        if self._marked and self._context.datadog.sends:
            links = self._context.datadog.links(replace(run, metrics={**run.metrics, **values}))
            run = replace(run, links={**run.links, **links})
            messages.append(self._context.event(run, EventStep.STOP))
        await self._save(run, values, messages, retry=retry)
        self._run = run
        return run

    async def _contain(self) -> None:
        """Remember what the test has done to the daemon's process, and say it in its own run."""
        run = self._run
        said = await self._containment.keep(
            run.test, run.content, self._harms, project=run.project, run=run.id, at=self._context.clock()
        )
        self._run = replace(run, notes=(*run.notes, said))

    async def _save(
        self, run: Run, values: dict[str, MetricValue], messages: list[OutboxMessage], *, retry: bool
    ) -> None:
        """What was measured must not be lost to a disk that is full for a minute: tried until it is kept.

        A daemon that is told to stop cannot wait for that: one more try, then the next start calls it interrupted.
        """
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            if await self._try_to_save(run, values, messages) or not retry:
                return
            try:
                await self._context.pause(pause)
            except asyncio.CancelledError:
                await self._try_to_save(run, values, messages)
                raise

    async def _try_to_save(self, run: Run, values: dict[str, MetricValue], messages: list[OutboxMessage]) -> bool:
        save = self._context.store.transitions.save
        try:
            with self._context.failures.of(f"keeping the end of run {run.id}"):
                await save(run, expect=Status.RUNNING, values=values, messages=messages)
        except StoreError as error:
            log.error("the end of run %s cannot be kept yet: %s", run.id, error.message)  # noqa: TRY400 - a sentence
            return False
        return True

    def _with_measurements(self, run: Run) -> Run:
        measured = self._measured
        if measured is None:
            return run
        notes = run.notes
        if measured.reason and measured.reason != run.reason:  # workers that were cut off, a thread left behind
            notes = (*notes, measured.reason)
        if measured.clock_stepped:
            notes = (*notes, "the host's clock was set during the run; its end was taken from the monotonic clock")
        return replace(
            run, started=measured.window.start, ended=measured.window.end, load=measured.load, tally=measured.tally,
            client=measured.client, notes=notes,
        )  # fmt: skip

    async def _unless_cancelled(self, step: Awaitable[T]) -> T:
        """The result of *step*, or its cancellation as soon as somebody wants the run to end."""
        work, cancelled = asyncio.ensure_future(step), asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({work, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise _Cancelled
            return work.result()
        finally:
            for task in (work, cancelled):
                task.cancel()
            await asyncio.gather(work, cancelled, return_exceptions=True)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise _Cancelled

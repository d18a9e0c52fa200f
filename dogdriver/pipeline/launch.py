"""From running to the end of the load: the order of the steps of one run, and what each way to end amounts to."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from msgspec.structs import replace

from dogdriver.errors import ExternalError, LoadTestError, RunError, StoreError, TargetError
from dogdriver.model import (
    CLIENT_METRICS,
    Deployment,
    EventStep,
    Grade,
    Job,
    Measured,
    MetricState,
    MetricValue,
    OutboxMessage,
    Release,
    Run,
    Status,
    Stopped,
    Test,
)
from dogdriver.model.own_trouble import OWN_TROUBLE
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.environment import environment, secrets
from dogdriver.pipeline.patience import PAUSES, patiently

log = logging.getLogger(__name__)

T = TypeVar("T")
INTERRUPTED = "interrupted"
"""How the reason of a run begins that ended because the daemon did."""


class _Cancelled(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _End:
    status: Status
    reason: str | None = None


class Launch:
    """Runs one claimed run to the end of its load; whatever happens, its row leaves `running`."""

    def __init__(self, context: Context, run: Run) -> None:
        self._context = context
        self._run = run
        self._cancelled = context.live.open(run.id)
        self._measured: Measured | None = None
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
            await self._finish(_End(Status.FAILED, reason), retry=not stopped)
            raise
        finally:
            self._context.live.close(self._run.id)

    async def _end(self) -> _End:
        try:
            return await self._steps()
        except _Cancelled:
            reason = self._context.live.reason(self._run.id)
            return _End(Status.FAILED if reason.startswith(INTERRUPTED) else Status.ABORTED, reason)
        except (RunError, ExternalError) as error:
            return _End(Status.FAILED, error.message)

    async def _steps(self) -> _End:
        deployment, test = self._deployment_and_test()
        given = secrets(self._context, test)
        before = await self._unless_cancelled(self._healthy_release(deployment))
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
            isolation=test.isolation or self._context.isolation,
        )  # fmt: skip
        await self._smoke(job)
        watch = self._context.live.push
        self._measured = await self._context.runner.load(
            job, cancelled=self._cancelled, watch=lambda snapshot: watch(self._run.id, snapshot)
        )
        return await self._end_after_load(self._measured, deployment, before, test.guard)

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
        give = partial(self._context.store.releases.label, self._run.project, deployment.name, version, commit)
        label = await patiently(
            f"naming the release of run {self._run.id}", give, self._context.pause, self._context.failures
        )
        return Release(label, version, commit)

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
            raise LoadTestError(f"the smoke run failed, so no load was started: {smoke.reason or _failures(smoke)}")
        if not smoke.tally.ok and smoke.client.reasons:
            raise LoadTestError(f"the smoke run failed, so no load was started: {'; '.join(smoke.client.reasons)}")
        if not smoke.tally.ok:
            raise LoadTestError(
                f"the smoke run executed no scenario of entry {job.prepared.name}; give at least one a weight above 0"
            )

    async def _end_after_load(self, measured: Measured, deployment: Deployment, before: Release, guard: float) -> _End:
        """What the load amounts to; a run that measured something else than its release is invalid."""
        if measured.stopped is Stopped.CANCELLED:
            raise _Cancelled
        if end := _failure_of_load(measured, guard) or await self._unless_cancelled(
            self._changed_during_load(deployment, before)
        ):
            return end
        if measured.client.grade is Grade.INVALID:
            return _End(Status.INVALID, "; ".join(measured.client.reasons) or "the load generator was saturated")
        return _End(Status.PENDING)

    async def _changed_during_load(self, deployment: Deployment, before: Release) -> _End | None:
        try:
            after = await self._healthy_release(deployment)
        except TargetError as error:
            return _End(Status.INVALID, f"after the load: {error.message}")
        if (after.version, after.commit) != (before.version, before.commit):
            return _End(Status.INVALID, f"the release changed during the run, from {before.label} to {after.label}")
        return None

    async def _finish(self, end: _End, *, retry: bool = True) -> Run:
        mask = self._context.mask
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


def _failures(measured: Measured) -> str:
    """What went wrong most, and the error statuses among the answers."""
    said = [message for message, _ in measured.client.failures[:1]]
    said += [f"{count} × {status}" for status, count in measured.client.statuses.items() if status >= "400"]
    return ", ".join(said) or "the scenario failed"


def _failure_of_load(measured: Measured, guard: float) -> _End | None:
    """How the load itself says that it went wrong."""
    tally = measured.tally
    executed = tally.ok + tally.failed
    if measured.stopped is Stopped.EXIT:
        return _End(Status.ABORTED, measured.reason)
    if measured.failed:
        return _End(Status.FAILED, measured.reason or "the test's own limit of failures (`fail`) was reached")
    if not executed and measured.client.grade is Grade.INVALID:
        return None  # whose reasons say more
    if not executed:
        return _End(Status.FAILED, "the load executed no scenario to its end; give it more time or a lighter scenario")
    if measured.stopped is Stopped.GUARD or tally.failed / executed > guard:
        share = tally.failed / executed
        said = f"{share:.0%} of the executions failed, more than the {guard:.0%} that the guard lets pass"
        return _End(Status.INVALID, measured.reason or said)
    return None


def client_values(measured: Measured) -> dict[str, MetricValue]:
    """The `client.*` metrics: final at once, for the load generator measured them itself."""
    return {
        metric.name: MetricValue(
            state=MetricState.SETTLED if value is not None else MetricState.NO_DATA, value=value, unit=metric.unit
        )
        for metric in CLIENT_METRICS
        for value in [getattr(measured.client, metric.name.removeprefix("client."))]
    }

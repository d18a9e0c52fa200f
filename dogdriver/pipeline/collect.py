"""From pending to done: one attempt at the metrics of one run, and the next one's time if some have not settled."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from dogdriver.model import Judged, MessageKind, OutboxMessage, Project, Run, Status
from dogdriver.pipeline.announcements import Announcements
from dogdriver.pipeline.attempt import Attempt, read_back
from dogdriver.pipeline.backoff import FACTORS, next_look
from dogdriver.pipeline.context import LEASE, Context
from dogdriver.pipeline.looks import Looks

LATE = FACTORS[-1]  # × settle: when a run that is done is read once more


class Collect:
    """Each metric settles on its own and is kept, charted and judged as soon as it has."""

    def __init__(self, context: Context, looks: Looks) -> None:
        self._context = context
        self._looks = looks
        self._announcements = Announcements(context)

    async def next(self) -> bool:
        """One attempt for the run that has been due longest; False: none is due."""
        now = self._context.clock()
        run = await self._context.store.transitions.claim_due(now, now + LEASE)
        if run is None:
            return False
        with self._context.failures.of(f"collecting the metrics of {run.project}", project=run.project):
            await self._attempt(run, now)
        return True

    async def recollect(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A day later: read once more, replace the values that changed, keep what they were, judge anew.

        A message's sender: raises Unavailable where Datadog cannot be asked, to be tried again.
        """
        run = await self._context.store.runs.get(str(payload["run"]))
        if run is None or run.status is not Status.DONE:
            return {"changed": []}
        self._context.require_catalog(run)
        now = self._context.clock()
        project = self._context.project(run)
        changed = await Attempt(self._context, run, project, now).changed()
        if not changed:
            return {"changed": []}
        moved = any(value.value != run.metrics[name].value for name, value in changed.items())
        run = replace(run, metrics={**run.metrics, **changed})
        # The same values looked at again would count as one more look that agrees.
        if await self._context.store.transitions.save(run, expect=Status.DONE, values=changed) and moved:
            await self._looks.look_again(run, project, now)
        return {"changed": sorted(changed)}

    async def _attempt(self, run: Run, now: datetime) -> None:
        if self._context.awaits_catalog(run) and next_look(run.ended or now, self._context.settle, now):
            return  # its lease brings it back
        project = self._context.project(run)
        attempt = Attempt(self._context, run, project, now)
        run, values = await attempt.read()
        # First the values, under the lease: a daemon killed before the next write judges them at the next attempt.
        async with self._looks.turn:
            if await self._context.store.transitions.save(run, expect=Status.PENDING, values=values):
                await self._judge(run, project, now, attempt.due(run))

    async def _judge(self, run: Run, project: Project | None, now: datetime, due: datetime | None) -> None:
        """One look at the release of *run*, which is done unless it is *due* again."""
        later = replace(run, due=due) if due else replace(run, status=Status.DONE, due=None)
        async for edition in self._looks.editions(run.project):
            judged = await self._looks.look(run, project, now)
            shown = await self._looks.cards(run.scope, project)
            messages = await self._messages(later, judged) if due is None else []
            if await self._context.store.transitions.save(
                later, expect=Status.PENDING, judged=judged, messages=messages, of=edition, shown=shown
            ):
                return
            kept = await self._context.store.runs.get(run.id)
            if kept is None or kept.status is not Status.PENDING:
                return  # cancelled meanwhile

    async def _messages(self, run: Run, judged: Sequence[Judged]) -> list[OutboxMessage]:
        """What follows from a run that is done; only its own source sends anything to Datadog."""
        world = self._context
        notice = await self._announcements.notice(run, judged)
        messages = [notice] if notice else []
        if not world.datadog.configured:
            return messages
        if any(read_back(value) for value in run.metrics.values()):
            later = world.clock() + timedelta(seconds=LATE * world.settle)
            messages.append(
                world.message(MessageKind.RECOLLECT, f"{run.id}:recollect", run, {"run": run.id}, due=later)
            )
        if run.source != world.source:
            return messages
        now = world.clock()
        gauges = world.datadog.gauges(run, at=now)
        messages.append(world.message(MessageKind.RESULTS, f"{run.id}:results", run, gauges))
        if verdict := await self._announcements.message(run, judged):
            messages.append(verdict)
        return messages

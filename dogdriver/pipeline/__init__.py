"""The life of a run; the only package that knows the order of the steps, and the only one that writes.

    trigger ─▶ queued ─▶ running ─▶ pending ─▶ done
                │           │          │ ▲
                │           │          └─┘ a metric has not settled: due moves on
                └──────▶ aborted, failed, invalid: each with its reason

Each step does one thing and says whether there was one to do; the loops around them are the scheduler's.
`launch` goes from running to the end of the load, `collect` from there to done by one `attempt` after the other,
`looks` asks the `judge` about the release after each settled metric, `commands` is what people may ask for.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from dogdriver.model import EventStep, Snapshot, Status, Trigger
from dogdriver.pipeline.announcements import Announcements
from dogdriver.pipeline.backoff import next_look
from dogdriver.pipeline.collect import Collect
from dogdriver.pipeline.commands import Commands
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.evidence import Evidence, EvidencePlans
from dogdriver.pipeline.launch import INTERRUPTED, Launch
from dogdriver.pipeline.looks import Looks
from dogdriver.pipeline.notices import Notices
from dogdriver.pipeline.stale_cards import StaleCards
from dogdriver.pipeline.watch import ReleaseWatch


class Pipeline(Commands):
    """The commands, and the steps that the scheduler's workers repeat."""

    def __init__(self, context: Context) -> None:
        self._announcements = Announcements(context)
        self._looks = Looks(context.store, context.compute, context.turn, told=self._announcements.after_another_look)
        super().__init__(context, self._looks)
        self._collect = Collect(context, self._looks)
        self._notices = Notices(context)
        self._cards = StaleCards(context, self._looks)
        self._watch = ReleaseWatch(context, self.trigger)
        self.plans = EvidencePlans(context.store, context.source, self.pauses)
        catalog = context.catalog
        self._evidence = Evidence(self.plans, context.store, lambda: catalog.current, context.clock, self.trigger)
        self._closing = False

    async def recover(self) -> int:
        """After a start: what an earlier daemon was running has failed. Gives the number of such runs."""
        await self._context.runner.recover()
        runs = await self._context.store.runs.running()
        for run in runs:
            ended = replace(run, status=Status.FAILED, reason=f"{INTERRUPTED}: the daemon ended during the run")
            marked = run.load is not None and self._context.datadog.sends
            messages = [self._context.event(ended, EventStep.STOP)] if marked else []
            await self._context.store.transitions.save(ended, expect=Status.RUNNING, messages=messages)
        await self._free_leases()
        await self._announcements.count_imported_as_told()
        await self._announcements.count_as_told_after_upgrade()
        return len(runs)

    async def _free_leases(self) -> None:
        """The store is this daemon's alone: a lease that the last one held, longer than the next look, is over."""
        now = self._context.clock()
        for run in await self._context.store.runs.queue():
            look = next_look(run.ended, self._context.settle, now) if run.ended else None
            if run.status is Status.PENDING and run.due and look and run.due > look:
                await self._context.store.transitions.save(replace(run, due=look), expect=Status.PENDING)

    async def launch_next(self) -> bool:
        """Run the oldest queued run that can go on to the end of its load; False: there is none."""
        if self._closing:
            return False
        run = await self._context.store.transitions.claim(self._context.clock(), held=await self._held())
        if run is None:
            return False
        with self._context.failures.of(f"running the test of {run.project}", project=run.project):
            launch = Launch(self._context, run)
            await launch.execute()
            if launch.release_changed and run.trigger is not Trigger.RELEASE:  # of these the watch sees to the next
                await self._watch.queue(run.project, run.deployment)
        return True

    async def _held(self) -> Sequence[str]:
        """Queued runs that wait until ServiceBook has answered, or until a pause is over; they hold up no others."""
        pauses = await self.pauses()
        if self._context.catalog.current.complete and not pauses:
            return ()
        now = self._context.clock()
        return [
            run.id
            for run in await self._context.store.runs.queued()
            if self._context.awaits_catalog(run) or any(pause.holds(run.project, now) for pause in pauses)
        ]

    async def collect_next(self) -> bool:
        """One attempt at the metrics of the run that has been due longest; False: none is due."""
        return await self._collect.next()

    async def show_next(self) -> bool:
        """Make the cards of one scope that is behind; False: there is none."""
        return await self._cards.next()

    async def gather_next(self) -> bool:
        """Queue a run that a release's verdict needs now; False: none does."""
        return await self._evidence.next()

    async def next_gathering(self) -> datetime | None:
        """When the next one is due."""
        return await self._evidence.due()

    async def recollect(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A run's metrics, read once more a day later: the sender of `recollect` messages."""
        return await self._collect.recollect(payload)

    async def pass_on(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message for each receiver of a project: the sender of `notice` messages."""
        return await self._notices.pass_on(payload)

    async def watch_releases(self) -> None:
        """See what every deployment that may be loaded runs now; a new release starts a run where that is wanted."""
        await self._watch.look()

    def live(self, run_id: str) -> Snapshot | None:
        return self._context.live.latest(run_id)

    def follow(self, run_id: str) -> AsyncIterator[Snapshot]:
        return self._context.live.follow(run_id)

    def close(self) -> None:
        """Start nothing more, and end what is running within its grace time."""
        self._closing = True
        self._context.live.cancel_all(f"{INTERRUPTED}: the daemon was stopped")


__all__ = ["Context", "Pipeline"]

"""What leaves this client: events for Datadog, and the runs themselves; what an earlier call could not send first."""

import asyncio
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from dogdriver.cli.report import Report
from dogdriver.cli.session import Session
from dogdriver.errors import Conflict
from dogdriver.model import MessageKind, MessageState, OutboxMessage, Run, Status

EVENTS = frozenset({MessageKind.EVENT, MessageKind.RESULTS})
FLUSH_TIMEOUT = 15.0  # seconds that the last events and deliveries have in a call that does not wait
MANY = 100_000
GRACE = 30.0  # seconds that what is being sent has at the end; its own time-outs are shorter


class Delivery:
    """A context: what waits is sent while it lasts. Without a *destination* it is the events alone."""

    def __init__(self, session: Session, destination: str | None, report: Report) -> None:
        self._session, self._destination, self._report = session, destination, report

    async def __aenter__(self) -> Self:
        """Also ends what a call that was killed has left: its runs have failed, and what it had queued is dropped."""
        if self._destination is not None:
            for run in await self._session.store.runs.queue():
                if run.status is Status.QUEUED:
                    await self._drop(run)
        await self._session.pipeline.recover()
        left = await self._waiting()
        if runs := sum(one.kind == MessageKind.DELIVERY for one in left):
            self._report.say("resuming", f"{runs} run(s) of earlier calls wait to be delivered.", runs=runs)
        for message in left:
            await self._session.store.outbox.close(replace(message, due=self._session.context.clock()))
        self._session.outgoing.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.outgoing.close()
        await self._session.outgoing.wait_closed(GRACE)

    async def wait_sent(self, seconds: float | None) -> None:
        """Until nothing waits any more; deliveries have *seconds* (None: any time), events a moment."""
        await self._wait_for({MessageKind.DELIVERY}, seconds)
        await self._wait_for(EVENTS, FLUSH_TIMEOUT)

    async def _wait_for(self, kinds: Container[str], seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                seen = self._session.store.commits.number
                while any(one.kind in kinds for one in await self._waiting()):
                    seen = await self._session.store.commits.after(seen)

    async def undelivered(self, runs: Iterable[Run]) -> dict[str, OutboxMessage]:
        """By id, those of *runs* that the destination does not have, with the message that says why."""
        ids = {run.id for run in runs}
        messages = [
            *await self._waiting(),
            *await self._session.store.outbox.list(state=MessageState.REFUSED, limit=MANY),
        ]
        return {one.run: one for one in messages if one.kind == MessageKind.DELIVERY and one.run in ids}

    async def report(self, runs: Sequence[Run]) -> dict[str, OutboxMessage]:
        """Report what became of *runs*; gives those that were not delivered."""
        left = await self.undelivered(runs)
        for run in runs if self._destination is not None else ():
            message = left.get(run.id)
            if message is None:
                self._report.say("delivered", f"Run {run.id} is delivered to {self._destination}.", run=run.id)
            elif message.state is MessageState.REFUSED:
                self._report.say("refused", f"Run {run.id} was refused and stays here: {message.error}.",
                                 run=run.id, error=message.error)  # fmt: skip
            else:
                why = message.error or "there was no time for it"
                self._report.say("kept", f"Run {run.id} is kept here, the next call sends it: {why}.",
                                 run=run.id, error=why)  # fmt: skip
        waiting = [one for one in await self._waiting() if one.kind != MessageKind.DELIVERY]
        if waiting:
            why = waiting[0].error or "there was no time for it"
            self._report.say("events_kept", f"{len(waiting)} message(s) for Datadog wait for the next call: {why}.",
                             messages=len(waiting), error=why)  # fmt: skip
        return left

    async def _waiting(self) -> Sequence[OutboxMessage]:
        """What is not for later, as a second look at a run's metrics is."""
        messages = await self._session.store.outbox.list(state=MessageState.WAITING, limit=MANY)
        return [one for one in messages if one.kind == MessageKind.DELIVERY or one.kind in EVENTS]

    async def _drop(self, run: Run) -> None:
        try:
            await self._session.pipeline.cancel(run.id)
        except Conflict:
            return

"""The pipeline's Runner: one load at a time, in a thread or in child processes."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from dogdriver.loadgen.options import describe, environment, options
from dogdriver.loadgen.orphans import Orphans
from dogdriver.loadgen.output import Lines
from dogdriver.loadgen.process import ProcessHost
from dogdriver.loadgen.protocol import Order
from dogdriver.loadgen.supervisor import Host, Limits, Supervisor
from dogdriver.loadgen.thread import ThreadHost
from dogdriver.model import Clock, Isolation, Job, Load, Measured, Prepared, Snapshot

LOG = logging.getLogger(__name__)


def _as_it_is(text: str) -> str:
    return text


class MolotovRunner:
    """*data* is the daemon's data directory. *grace*: seconds that a load has to end in once it is told to.

    *mask* takes the known secrets out of a text; all that a test says goes through it.
    """

    def __init__(
        self,
        data: Path,
        clock: Clock,
        *,
        grace: float = 10.0,
        mask: Callable[[str], str] = _as_it_is,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._grace = grace
        self._mask = mask
        self._limits = limits or Limits()
        self._one = asyncio.Lock()
        self._orphans = Orphans(data / "load.json")
        self._thread: ThreadHost | None = None

    def describe(self, prepared: Prepared) -> Load:
        """The Load that the entry asks for. Raises LoadTestError where it asks for nonsense."""
        return describe(prepared)

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        """Each scenario once, one after the other, by one worker. Raises LoadTestError."""

        def log(snapshot: Snapshot) -> None:
            for line in snapshot.lines:
                LOG.info("smoke of run %s: %s", job.run, line)

        return await self._run(job, cancelled, log, smoke=True)

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        """The whole load; *watch* is called in this loop about once a second. Raises LoadTestError."""
        return await self._run(job, cancelled, watch, smoke=False)

    async def recover(self) -> None:
        """End what an earlier daemon left running."""
        ended = await asyncio.to_thread(self._orphans.end)
        if ended:
            LOG.warning("ended the load that an earlier daemon had left running (processes %s)", ended)

    async def _run(
        self, job: Job, cancelled: asyncio.Event, watch: Callable[[Snapshot], None], *, smoke: bool
    ) -> Measured:
        load = describe(job.prepared)
        order = self._order(job, load, smoke=smoke)
        lines = Lines()
        async with self._one:
            host = self._host(job, order, load, lines)
            supervisor = Supervisor(
                order, load, host, guard=job.guard, stall=job.stall, lines=lines, limits=self._limits,
                clock=self._clock, mask=self._mask, watch=watch,
            )  # fmt: skip
            return await supervisor.run(cancelled)

    def _order(self, job: Job, load: Load, *, smoke: bool) -> Order:
        prepared, chosen = job.prepared, options(job.prepared)
        limit = self._limits.smoke if smoke else load.duration + 1 + chosen["ramp_up"] + self._grace
        return Order(
            name=prepared.name, directory=prepared.directory, site=prepared.site, options=chosen,
            env=environment(prepared, job.env), smoke=smoke, grace=self._grace, limit=limit,
        )  # fmt: skip

    def _host(self, job: Job, order: Order, load: Load, lines: Lines) -> Host:
        """A thread, unless the job, the load, or a thread that an earlier test left behind want processes."""
        members = 1 if order.smoke else load.processes
        if self._thread is not None and self._thread.alive:
            lines.add("a thread of an earlier test is still blocked in the daemon, so this test runs in a process")
        elif job.isolation is Isolation.THREAD and members == 1:
            self._thread = ThreadHost(order, lines)
            return self._thread
        return ProcessHost(order, lines, self._orphans, members)

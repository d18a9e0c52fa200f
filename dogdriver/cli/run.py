"""The one-shot client: runs here what a daemon would run, hands it over, and waits for the verdict if asked to."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager

import aiohttp

from dogdriver import identity
from dogdriver.cli.arguments import Exit, Order
from dogdriver.cli.daemon import Daemon
from dogdriver.cli.delivery import HURRY, Delivery
from dogdriver.cli.inbox import open_inbox
from dogdriver.cli.report import Mask, Report, told
from dogdriver.cli.session import Destination, Workshop, open_workshop
from dogdriver.cli.verdict import Judge, Judgement, Own, Remote, lines
from dogdriver.datadog import Datadog
from dogdriver.errors import BadInput, DogdriverError, ExternalError, RunError, Unavailable
from dogdriver.model import Clock, Run, Status
from dogdriver.model.document import run_document
from dogdriver.settings import Settings

BAD = frozenset({Status.FAILED, Status.ABORTED, Status.INVALID})


class Client:
    """One call. Raises DogdriverError where nothing can be run."""

    def __init__(
        self, order: Order, settings: Settings, environ: Mapping[str, str], clock: Clock, report: Report, mask: Mask
    ) -> None:
        self._order, self._settings, self._environ, self._clock = order, settings, environ, clock
        self._report, self._mask = report, mask
        # What is kept in the data directory is the daemon's own source, which a delivery must not change.
        self._source = (order.to and settings.source) or identity.source(settings, socket.gethostname())
        self._loading: tuple[Workshop, Run] | None = None
        self._stopped = False
        self._end: float | None = None  # on the loop's clock: when there must be a verdict

    async def run(self) -> int:
        """The exit code."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one

        def stop() -> None:
            again, self._stopped = self._stopped, True
            shop, run = self._loading or (None, None)
            if again or shop is None or run is None or not shop.services.live.cancel(run.id, "cancelled"):
                task.cancel()

        with _signals(stop):
            try:
                code = await self._run()
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                code = Exit.STOPPED
        result = self._order.undecided if code is Exit.UNDECIDED else int(code)
        self._report.say("result", f"Exit code {result} ({code.name.lower()}).", code=result, meaning=code.name.lower())
        return result

    async def _run(self) -> Exit:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            asked = Daemon(session, self._order.ask, self._settings.token) if self._order.ask else None
            destination = await self._destination(stack, session)
            if destination:
                await self._preflight(destination)
            shop = open_workshop(
                self._settings, self._environ, session, self._clock, source=self._source, destination=destination,
                lookup=asked, project=self._order.project, report=self._report, mask=self._mask,
            )  # fmt: skip
            name = destination.name if destination else None
            async with shop as workshop, Delivery(workshop, name, self._report) as delivery:
                runs, exits = await self._make(workshop, delivery)
                if destination is None:
                    exits += await self._judge(Own(workshop.pipeline, workshop.store, self._clock), runs)
                    while await workshop.pipeline.collect_next():
                        pass
                    await delivery.settle(HURRY)
            # The data directory is free again: what follows may take long, and needs nothing of it.
            if destination is None or asked is None:
                return Exit.worst(exits)
            return Exit.worst([*exits, *await self._judge(Remote(asked), runs, session)])

    async def _destination(self, stack: AsyncExitStack, session: aiohttp.ClientSession) -> Destination | None:
        if self._order.bucket:
            return await stack.enter_async_context(open_inbox(self._order.bucket))
        return Daemon(session, self._order.to, self._settings.token) if self._order.to else None

    async def _preflight(self, destination: Destination) -> None:
        """Better to know before the load than after it; a destination that is away may be back by then."""
        try:
            await destination.admits(self._source)
        except Unavailable as error:
            self._report.say("away", f"{error.message}; the run is made all the same, and kept until it is delivered.")

    # Making runs

    async def _make(self, shop: Workshop, delivery: Delivery) -> tuple[list[Run], list[Exit]]:
        """The runs that were made and are where they should be, and what all of them amount to so far."""
        await shop.services.catalog.refresh()
        made = [run for name in self._names(shop) if (run := await self._one(shop, name))]
        if self._order.timeout is not None:
            self._end = asyncio.get_running_loop().time() + self._order.timeout
        await delivery.settle(self._patience())
        left = await delivery.tell(made)
        exits = [Exit.FAILED if run.status in BAD else Exit.FINE for run in made]
        exits += [Exit.UNDELIVERED] * len(left) + [Exit.STOPPED] * self._stopped
        return [run for run in made if run.id not in left and run.status not in BAD], exits

    def _patience(self) -> float | None:
        """Seconds that the last deliveries have; None: as long as it takes."""
        if not self._order.wait or self._stopped:
            return HURRY
        return None if self._order.timeout is None else max(HURRY, self._order.timeout)

    def _names(self, shop: Workshop) -> Iterator[str]:
        """The projects to run, until somebody stops us."""
        catalog = shop.services.catalog.current
        for problem in catalog.problems:
            self._report.say("problem", f"{problem.subject}: {problem.message}", subject=problem.subject)
        if self._order.project is not None:
            yield self._order.project
            return
        names = sorted(name for name, project in catalog.projects.items() if project.allowed and project.test)
        if not names:
            raise RunError("there is no project with a test that may run; `dogdriver check` says why")
        for name in names:
            if not self._stopped:
                yield name

    async def _one(self, shop: Workshop, name: str) -> Run | None:
        try:
            run = await shop.pipeline.trigger(name, deployment=self._order.deployment, test=self._order.test)
        except BadInput as error:
            if self._order.project is not None:
                raise
            self._report.say("skipped", f"{name} is left out: {error.message}", project=name)
            return None
        self._loading = shop, run
        self._report.say("started", f"{run.project} {run.deployment}: run {run.id} from {run.source} begins.",
                         run=run.id, project=run.project, deployment=run.deployment, source=run.source)  # fmt: skip
        while run.status is Status.QUEUED:
            await shop.pipeline.launch_next()
            run = await shop.store.runs.get(run.id) or run
        self._loading = None
        self._report.say("ended", told(run), run=run_document(run))
        return run

    # Judging

    async def _judge(
        self, judge: Judge, runs: Sequence[Run], session: aiohttp.ClientSession | None = None
    ) -> list[Exit]:
        if not self._order.wait or self._stopped:
            return []
        exits = []
        for run in runs:
            self._report.say("waiting", f"Waiting for the metrics of {run.project} and the verdict.", run=run.id)
            try:
                async with asyncio.timeout_at(self._end):
                    judged = await judge.judgement(run)
            except TimeoutError:
                self._report.say("timeout", f"There was no verdict within {self._order.timeout:g} s.", run=run.id)
                exits.append(Exit.UNDECIDED)
                continue
            except DogdriverError as error:
                self._report.say("unjudged", f"The verdict cannot be had: {error.message}", run=run.id)
                exits.append(Exit.UNDECIDED)
                continue
            self._tell(judged)
            if session is not None:
                await self._gauges(session, judged.run)
            exits.append(judged.exit)
        return exits

    def _tell(self, judged: Judgement) -> None:
        run, release = judged.run, judged.run.release or "unknown"
        said = judged.sentence or "Nothing was judged: its release is unknown, or nothing was measured."
        self._report.say(
            "verdict", "\n".join([f"{run.project} {run.deployment} {release}: {said}", *lines(judged.verdicts)]),
            run=run.id, release=release, status=run.status.value, headline=judged.headline,
            verdicts=list(judged.verdicts),
        )  # fmt: skip

    async def _gauges(self, session: aiohttp.ClientSession, run: Run) -> None:
        """The results back to Datadog: only the run's own source sends them."""
        datadog = Datadog.from_settings(self._settings, session, self._clock)
        if run.status is not Status.DONE or not datadog.configured:
            return
        try:
            await datadog.send_series(datadog.gauges(run, at=self._clock()))
        except ExternalError as error:
            self._report.say("gauges_lost", f"Datadog did not get the results: {error.message}", run=run.id)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call *stop* in the loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

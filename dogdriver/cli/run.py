"""The one-shot client: runs here what a daemon would run, hands it over, and waits for the verdict if asked to."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager

import aiohttp

from dogdriver import identity
from dogdriver.cli.arguments import ExitCode, Request
from dogdriver.cli.delivery import FLUSH_TIMEOUT, Delivery
from dogdriver.cli.destinations import DaemonClient, Destination, open_bucket_inbox
from dogdriver.cli.report import Report, run_sentence
from dogdriver.cli.session import Session, open_session
from dogdriver.cli.verdict import DaemonVerdicts, Judgement, OwnVerdicts, VerdictSource, verdict_lines
from dogdriver.datadog import Datadog
from dogdriver.errors import BadInput, DogdriverError, ExternalError, RunError, Unavailable
from dogdriver.logs import Masker
from dogdriver.model import Clock, Run, Status
from dogdriver.model.document import run_document
from dogdriver.network import http_client
from dogdriver.settings import Settings

BAD = frozenset({Status.FAILED, Status.ABORTED, Status.INVALID})


class Client:
    """One call. Raises DogdriverError where nothing can be run."""

    def __init__(
        self,
        request: Request,
        settings: Settings,
        environ: Mapping[str, str],
        clock: Clock,
        report: Report,
        mask: Masker,
    ) -> None:
        self._request, self._settings, self._environ, self._clock = request, settings, environ, clock
        self._report, self._mask = report, mask
        # What is kept in the data directory is the daemon's own source, which a delivery must not change.
        self._source = (request.to and settings.source) or identity.source(settings, socket.gethostname())
        self._loading: tuple[Session, Run] | None = None
        self._stopped = False
        self._end: float | None = None  # on the loop's clock: when there must be a verdict

    async def run(self) -> int:
        """The exit code."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one

        def stop() -> None:
            again, self._stopped = self._stopped, True
            session, run = self._loading or (None, None)
            if again or session is None or run is None or not session.context.live.cancel(run.id, "cancelled"):
                task.cancel()

        with _signals(stop):
            try:
                code = await self._run()
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                code = ExitCode.STOPPED
        result = self._request.undecided if code is ExitCode.UNDECIDED else int(code)
        self._report.say("result", f"Exit code {result} ({code.name.lower()}).", code=result, meaning=code.name.lower())
        return result

    async def _run(self) -> ExitCode:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(http_client(self._environ))
            daemon = DaemonClient(http, self._request.ask, self._settings.token) if self._request.ask else None
            destination = await self._destination(stack, http)
            if destination:
                await self._preflight(destination)
            opening = open_session(
                self._settings, self._environ, http, self._clock, source=self._source, destination=destination,
                lookup=daemon, project=self._request.project, report=self._report, mask=self._mask,
            )  # fmt: skip
            name = destination.name if destination else None
            async with opening as session, Delivery(session, name, self._report) as delivery:
                runs, codes = await self._make_runs(session, delivery)
                if destination is None:
                    own = OwnVerdicts(
                        session.pipeline, session.store, session.context.catalog, self._clock,
                        baseline=self._request.baseline,
                    )  # fmt: skip
                    codes += await self._await_verdicts(own, runs)
                    while await session.pipeline.collect_next():
                        pass
                    await delivery.wait_sent(FLUSH_TIMEOUT)
            # The data directory is free again: what follows may take long, and needs nothing of it.
            if destination is not None and daemon is not None:
                verdicts = DaemonVerdicts(daemon, baseline=self._request.baseline)
                codes += await self._await_verdicts(verdicts, runs, http)
            return ExitCode.worst(codes)

    async def _destination(self, stack: AsyncExitStack, http: aiohttp.ClientSession) -> Destination | None:
        if self._request.bucket:
            return await stack.enter_async_context(open_bucket_inbox(self._request.bucket))
        return DaemonClient(http, self._request.to, self._settings.token) if self._request.to else None

    async def _preflight(self, destination: Destination) -> None:
        """Better to know before the load than after it; a destination that is away may be back by then."""
        try:
            await destination.preflight(self._source)
        except Unavailable as error:
            self._report.say("away", f"{error.message}; the run is made all the same, and kept until it is delivered.")

    # Making runs

    async def _make_runs(self, session: Session, delivery: Delivery) -> tuple[list[Run], list[ExitCode]]:
        """The runs that were made and are where they should be, and what all of them amount to so far."""
        await session.context.catalog.refresh()
        made = [run for name in self._project_names(session) if (run := await self._make_run(session, name))]
        if self._request.timeout is not None:
            self._end = asyncio.get_running_loop().time() + self._request.timeout
        await delivery.wait_sent(self._patience())
        left = await delivery.report(made)
        codes = [ExitCode.FAILED if run.status in BAD else ExitCode.FINE for run in made]
        codes += [ExitCode.UNDELIVERED] * len(left) + [ExitCode.STOPPED] * self._stopped
        return [run for run in made if run.id not in left and run.status not in BAD], codes

    def _patience(self) -> float | None:
        """Seconds that the last deliveries have; None: as long as it takes."""
        if not self._request.wait or self._stopped:
            return FLUSH_TIMEOUT
        return None if self._request.timeout is None else max(FLUSH_TIMEOUT, self._request.timeout)

    def _project_names(self, session: Session) -> Iterator[str]:
        """The projects to run, until somebody stops us."""
        catalog = session.context.catalog.current
        for problem in catalog.problems:
            self._report.say("problem", f"{problem.subject}: {problem.message}", subject=problem.subject)
        if self._request.project is not None:
            yield self._request.project
            return
        names = sorted(name for name, project in catalog.projects.items() if project.allowed and project.test)
        if not names:
            raise RunError("there is no project with a test that may run; `dogdriver check` says why")
        for name in names:
            if not self._stopped:
                yield name

    async def _make_run(self, session: Session, name: str) -> Run | None:
        try:
            run = await session.pipeline.trigger(
                name, deployment=self._request.deployment, test=self._request.test, release=self._request.release,
            )  # fmt: skip
        except BadInput as error:
            if self._request.project is not None:
                raise
            self._report.say("skipped", f"{name} is left out: {error.message}", project=name)
            return None
        self._loading = session, run
        self._report.say("started", f"{run.project} {run.deployment}: run {run.id} from {run.source} begins.",
                         run=run.id, project=run.project, deployment=run.deployment, source=run.source)  # fmt: skip
        while run.status is Status.QUEUED:
            await session.pipeline.launch_next()
            run = await session.store.runs.get(run.id) or run
        self._loading = None
        self._report.say("ended", run_sentence(run), run=run_document(run))
        return run

    # Judging

    async def _await_verdicts(
        self, verdicts: VerdictSource, runs: Sequence[Run], http: aiohttp.ClientSession | None = None
    ) -> list[ExitCode]:
        if not self._request.wait or self._stopped:
            return []
        codes = []
        for run in runs:
            self._report.say("waiting", f"Waiting for the metrics of {run.project} and the verdict.", run=run.id)
            try:
                async with asyncio.timeout_at(self._end):
                    judged = await verdicts.wait(run)
            except TimeoutError:
                self._report.say("timeout", f"There was no verdict within {self._request.timeout:g} s.", run=run.id)
                codes.append(ExitCode.UNDECIDED)
                continue
            except DogdriverError as error:
                self._report.say("unjudged", f"There is no verdict: {error.message}", run=run.id)
                codes.append(ExitCode.UNDECIDED)
                continue
            self._report_verdict(judged)
            if http is not None:
                await self._send_results(http, judged.run)
            codes.append(judged.exit_code)
        return codes

    def _report_verdict(self, judged: Judgement) -> None:
        run, release = judged.run, judged.run.release or "unknown"
        said = judged.sentence or "Nothing was judged: its release is unknown, or nothing was measured."
        lines = [f"{run.project} {run.deployment} {release}: {said}", *verdict_lines(judged.verdicts)]
        self._report.say(
            "verdict", "\n".join(lines),
            run=run.id, release=release, status=run.status.value, headline=judged.headline,
            verdicts=list(judged.verdicts),
        )  # fmt: skip

    async def _send_results(self, http: aiohttp.ClientSession, run: Run) -> None:
        """The results back to Datadog: only the run's own source sends them."""
        datadog = Datadog.from_settings(self._settings, http, self._clock)
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

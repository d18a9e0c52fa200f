"""The core that a thread and a child process share: one event loop, its workers, from the import to the teardown."""

import asyncio
from time import monotonic
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.instrumented import tracer_class, worker_class
from dogdriver.loadgen.molotov import Console, Library, counters
from dogdriver.loadgen.protocol import Beat, Order, PhaseStarted, Result, Tell
from dogdriver.loadgen.recorder import Recorder
from dogdriver.loadgen.scenario import Scenario
from dogdriver.loadgen.stopping import Stopping
from dogdriver.model import Phase

BEAT = 1.0


class Crew:
    """Everything but `stop` is called in one thread, in the order of the methods; the calls block."""

    def __init__(self, order: Order, tell: Tell) -> None:
        self._order = order
        self._tell = tell
        self._stopping = Stopping(order.grace)
        self._recorder = Recorder()
        self._results = counters()
        self._member = 0
        self._hands: list[Any] = []
        self._exited: str | None = None
        self._died: list[str] = []
        self._overdue = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """From any thread, at any time: end the load."""
        self._stopping.ask()

    def prepare(self) -> None:
        """Import the test and call its global_setup. Raises LoadTestError."""
        order = self._order
        self._tell(PhaseStarted(Phase.IMPORT))
        self._loop = self._new_loop()
        self._library = library = Library.fresh()
        self._console = Console(library.util)
        self._args = library.args(order.options, self._console)
        self._test = Scenario(order.name, order.directory, library)
        self._test.load(order.options["scenario"], order.options["use_extension"], order.options["single_mode"])
        if order.smoke:
            self._only_smoke()
        self._tell(PhaseStarted(Phase.GLOBAL_SETUP))
        self._test.fixture("global_setup", self._args)

    def member(self, number: int, tell: Tell) -> None:
        """From here on this is process *number* of several, made by a fork: it needs a loop of its own."""
        self._member = number
        self._tell = tell
        self._loop = self._new_loop()

    def work(self) -> None:
        """The load. Raises LoadTestError where the test's fixtures fail or nothing could be executed."""
        self._tell(PhaseStarted(Phase.LOADING))
        library = self._library
        self._sessions: list[Any] = []
        library.session.SessionTracer = tracer_class(library, self._recorder, self._sessions)
        assert self._loop is not None  # noqa: S101 - prepare made it
        self._loop.run_until_complete(self._load())
        self._check()

    def teardown(self) -> None:
        """global_teardown. An error in the fixture is printed, as Molotov does."""
        self._tell(PhaseStarted(Phase.GLOBAL_TEARDOWN))
        try:
            self._test.fixture("global_teardown")
        except LoadTestError as error:
            self._console.print(error.message)

    def close(self) -> None:
        """The end of the loop, however far it came."""
        if self._loop is not None:
            self._loop.set_exception_handler(lambda _loop, _context: None)  # tasks given up have been reported
            self._loop.close()
            asyncio.set_event_loop(None)

    def died(self, error: Exception) -> None:
        told = self._test.told(error)
        self._died.append(told)
        self._recorder.failed(f"a worker ended: {told}")

    def exited(self, error: BaseException) -> None:
        self._exited = self._exited or f"the test ended the run: {self._test.told(error)}"
        self.stop()

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        if self._order.options["uvloop"]:
            try:
                import uvloop  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - only where a test asks for it
            except ImportError:
                raise LoadTestError(
                    f"entry {self._order.name} asks for uvloop, which is not installed; add it to its requirements"
                ) from None
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        else:
            loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return loop

    def _only_smoke(self) -> None:
        args = self._args
        args.workers, args.ramp_up, args.delay, args.sizing, args.exception = 1, 0.0, 0.0, False, False
        args.duration = 86400
        args.max_runs = 1 if args.single_mode else None
        args.single_run = not args.single_mode
        for item in self._library.api.get_scenarios():
            item["delay"] = 0.0

    async def _load(self) -> None:
        library, args, loop = self._library, self._args, asyncio.get_running_loop()
        began = monotonic()
        library.util.set_timer()
        self._results["PROCESS"].value = 1
        hand = worker_class(library, self._recorder, self)
        step = args.ramp_up / args.workers
        self._hands = [
            hand(number, self._results, self._console, args, None, number * step, loop)
            for number in range(args.workers)
        ]
        own = [asyncio.create_task(work) for work in (self._recorder.pulse.beat(), self._beats(), self._events())]
        workers = [asyncio.create_task(hand.run()) for hand in self._hands]
        if self._order.limit is not None:
            loop.call_later(self._order.limit, self._too_long)
        abandoned = await self._stopping.finish(workers, library.util, self._sessions)
        ended = monotonic()
        self._recorder.pulse.stop()
        for task in own:
            task.cancel()
        await asyncio.gather(*own, return_exceptions=True)
        self._tell_result(began, ended, abandoned)
        await self._stopping.clear()

    def _too_long(self) -> None:
        """The load's own time is long over."""
        if self._stopping.asked:
            return
        busy = [hand.doing.scenario for hand in self._hands if getattr(hand, "doing", None) and hand.doing.busy]
        self._overdue = len(busy)
        for name in busy:
            self._recorder.failed(f"{name} was still running {self._order.limit:g} s after the load began")
        self._results["FAILED"] += len(busy)
        self.stop()

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            counts, recorder = self._results, self._recorder
            self._tell(
                Beat(
                    self._member, counts["WORKER"].value, counts["OK"].value, counts["FAILED"].value,
                    recorder.requests, recorder.errors, recorder.take_recent(), self._goal(),
                )
            )  # fmt: skip

    def _goal(self) -> int | None:
        args = self._args
        if args.single_run:
            return int(args.workers * len(self._library.api.get_scenarios()))
        return args.workers * args.max_runs if args.max_runs else None

    async def _events(self) -> None:
        """Molotov's event once a second, for the test's listeners."""
        sender = self._library.listeners.EventSender(self._console)
        while True:
            await sender.send_event("current_workers", workers=self._results["WORKER"].value)
            await asyncio.sleep(1)

    def _tell_result(self, began: float, ended: float, abandoned: int) -> None:
        counts, recorder = self._results, self._recorder
        reached = counts["REACHED"].value == 1
        self._tell(
            Result(
                member=self._member, began=began, ended=ended,
                ok=counts["OK"].value, failed=counts["FAILED"].value,
                requests=recorder.requests, errors=recorder.errors, recording=recorder.recording(),
                exited=self._exited, overdue=self._overdue, abandoned=abandoned,
                sizing=(counts["RATIO"].value / 100, counts["MAX_WORKERS"].value) if reached else None,
            )
        )  # fmt: skip

    def _check(self) -> None:
        counts, name = self._results, self._order.name
        failed = [label for label in ("SETUP_FAILED", "SESSION_SETUP_FAILED") if counts[label].value]
        if failed and not self._exited:
            fixture = "setup" if failed[0] == "SETUP_FAILED" else "setup_session"
            why = next(iter(self._library.util.stop_reason()), "")
            said = str(why) or "an error"
            raise LoadTestError(f"the {fixture} fixture of entry {name} failed: {said}; fix the test")
        if self._died and not counts["OK"].value and not counts["FAILED"].value:
            raise LoadTestError(f"every worker of entry {name} ended before its first scenario: {self._died[0]}")

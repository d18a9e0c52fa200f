"""What came of a load: the results of its members put together, and why it ended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from time import monotonic

from dogdriver.loadgen.protocol import Order, Result
from dogdriver.loadgen.summary import measures
from dogdriver.model import ClientMeasures, Grade, Load, Measured, Stopped, Tally, Window


class Outcome:
    """Filled while the load goes on; the first reason to stop counts."""

    def __init__(self, order: Order, load: Load, mask: Callable[[str], str], *, stall: float) -> None:
        self._order = order
        self._load = load
        self._mask = mask
        self._stall = stall
        self.results: list[Result] = []
        self.broken: str | None = None
        self.left_behind: str | None = None
        self.stopped: Stopped | None = None
        self._reasons: list[str] = []

    def stop(self, why: Stopped | None, reason: str) -> None:
        self.stopped = self.stopped or why
        self._reasons.append(reason)

    def measured(
        self,
        wall: Callable[[float], datetime],
        counted: tuple[int, int, int, int],
        *,
        began: float | None,
        clock_stepped: bool,
    ) -> Measured:
        """*wall* turns a reading of the monotonic clock into a time; *counted* is ok, failed, requests, errors;
        *began* is what is known where no member gave a result."""
        results, tally = self.results, Tally(*counted)
        if results:
            start, end = min(r.began for r in results), max(r.ended for r in results)
            client = measures([r.recording for r in results], tally, end - start, stall=self._stall)
        else:
            end = monotonic()
            start = end if began is None else began
            client = _unknown(tally)
        fail = self._order.options["fail"]
        return Measured(
            window=Window(wall(start), wall(end)),
            load=self._load,
            tally=tally,
            client=self._masked(client),
            stopped=self.stopped,
            reason=self._reason(),
            failed=fail is not None and not self._order.smoke and tally.failed >= fail,
            clock_stepped=clock_stepped,
        )

    def _reason(self) -> str | None:
        reasons = list(self._reasons)
        abandoned = sum(r.abandoned for r in self.results)
        overdue = sum(r.overdue for r in self.results)
        if overdue:
            reasons.append(f"{overdue} scenarios were still running long after the end of the load and count as failed")
        if abandoned:
            reasons.append(f"{abandoned} workers caught their cancellation and were cut off")
        reached = [result.sizing for result in self.results if result.sizing is not None]
        reasons += [f"sizing: {percent:.1f} % errors with {workers} workers" for percent, workers in reached]
        if self.left_behind:
            reasons.append(self.left_behind)
        return self._mask("; ".join(reasons)) if reasons else None

    def _masked(self, client: ClientMeasures) -> ClientMeasures:
        return replace(client, failures=tuple((self._mask(message), count) for message, count in client.failures))


def _unknown(tally: Tally) -> ClientMeasures:
    executed = tally.ok + tally.failed
    return ClientMeasures(
        rps=None, p50=None, p95=None, p99=None, error_ratio=tally.failed / executed if executed else None,
        lag_p99=None, stall=None, cpu=None, grade=Grade.INVALID,
        reasons=("the load generator was ended before it could say what it had measured",),
    )  # fmt: skip

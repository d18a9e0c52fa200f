"""What the daemon makes of what a load tells it, without a load."""

import asyncio
from datetime import UTC, datetime

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.guard import LEAST_EXECUTIONS, Guard
from dogdriver.loadgen.output import LogBuffer
from dogdriver.loadgen.protocol import (
    Finished,
    Heartbeat,
    LoadSpec,
    LogLine,
    Message,
    PhaseStarted,
    Result,
    SetupFailed,
)
from dogdriver.loadgen.recording import Recording
from dogdriver.loadgen.supervisor import Limits, Supervisor
from dogdriver.model import Load, Measured, Phase, Snapshot, Stopped, Tally

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_snapshot_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the machine is."""
    monkeypatch.setattr("dogdriver.loadgen.supervisor.LATE", 600.0)


class PlayedExecutor:
    """Says *messages* at once, and *last* when it is told to stop."""

    members = 1

    def __init__(self, *messages: Message, last: tuple[Message, ...] = (Finished(),)) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.stopped = self.closed = 0
        self._said = messages
        self._last = last

    async def start(self) -> None:
        for message in self._said:
            self.messages.put_nowait(message)

    def stop(self) -> None:
        self.stopped += 1
        for message in self._last:
            self.messages.put_nowait(message)

    async def close(self) -> str | None:
        self.closed += 1
        return None


def heartbeat(ok: int, failed: int) -> Heartbeat:
    return Heartbeat(0, 1, ok, failed, ok, failed, {1000: ok})


def result(ok: int, failed: int, *, exited: str | None = None, overdue: int = 0) -> Result:
    return Result(0, 1.0, 11.0, ok, failed, ok, failed, Recording(), exited=exited, overdue=overdue)


async def supervised(
    executor: PlayedExecutor, *, smoke: bool = False, cancelled: asyncio.Event | None = None
) -> tuple[Measured, list[Snapshot]]:
    options = {"fail": None}
    spec = LoadSpec("t", "/", None, options, {}, smoke=smoke, grace=600.0, limit=600.0)
    snapshots: list[Snapshot] = []
    supervisor = Supervisor(
        spec, Load(1, 1, 60.0), executor, guard=0.5, stall=1.0, log=LogBuffer(), limits=Limits(), clock=lambda: NOW,
        mask=lambda text: text.replace("hush", "***"), watch=snapshots.append, harmed=lambda _: None,
    )  # fmt: skip
    return await supervisor.run(cancelled or asyncio.Event()), snapshots


LOADING = PhaseStarted(Phase.LOADING)


def test_the_guard_lets_pass_what_it_allows() -> None:
    assert Guard(0.5).check(5.0, Tally(ok=10, failed=10)) is None
    assert Guard(0.5).check(5.0, Tally(ok=9, failed=11)) == 0.55


def test_the_guard_says_nothing_of_few_executions() -> None:
    guard = Guard(0.0)
    assert guard.check(5.0, Tally(failed=LEAST_EXECUTIONS - 1)) is None
    assert guard.check(6.0, Tally(failed=LEAST_EXECUTIONS)) == 1.0


def test_the_guard_looks_at_the_last_minute_alone() -> None:
    guard = Guard(0.5)
    assert guard.check(30.0, Tally(ok=1000)) is None
    assert guard.check(60.0, Tally(ok=1000, failed=30)) is None
    assert guard.check(95.0, Tally(ok=1000, failed=60)) == 1.0


async def test_what_the_guard_saw_is_shown_before_it_stops_the_load() -> None:
    executor = PlayedExecutor(LOADING, heartbeat(5, 15), last=(result(5, 16), Finished()))
    measured, snapshots = await supervised(executor)
    assert (measured.stopped, executor.stopped) == (Stopped.GUARD, 1)
    assert measured.reason == "75% of the executions of the last minute failed, so the load was ended"
    assert (measured.tally.ok, measured.tally.failed) == (5, 16)
    states = [Phase.LOADING, Phase.LOADING, Phase.STOPPING, Phase.STOPPING]
    assert [snapshot.state for snapshot in snapshots] == states
    assert [snapshot.failed for snapshot in snapshots] == [0, 15, 15, 16]


async def test_a_smoke_has_no_guard() -> None:
    executor = PlayedExecutor(LOADING, heartbeat(0, 50), result(0, 50), Finished())
    measured, _ = await supervised(executor, smoke=True)
    assert (measured.stopped, executor.stopped, executor.closed) == (None, 0, 1)


async def test_why_a_load_stopped_first_is_what_counts() -> None:
    executor = PlayedExecutor(
        LOADING, heartbeat(0, 20), last=(result(0, 20, exited="hush", overdue=1), Finished("gone"))
    )
    measured, _ = await supervised(executor)
    assert measured.stopped is Stopped.GUARD
    assert "1 scenarios were still running" in (measured.reason or "")
    assert "hush" not in (measured.reason or "")


async def test_a_scenario_that_exits_ends_the_load() -> None:
    executor = PlayedExecutor(LOADING, result(1, 0, exited="it said hush"), last=(Finished(),))
    measured, _ = await supervised(executor)
    assert (measured.stopped, measured.reason) == (Stopped.EXIT, "it said ***")


async def test_a_load_that_is_lost_says_what_it_had_told() -> None:
    measured, _ = await supervised(PlayedExecutor(LOADING, heartbeat(3, 1), Finished("its process ended")))
    assert (measured.stopped, measured.reason) == (Stopped.EXIT, "its process ended")
    assert (measured.tally.ok, measured.client.error_ratio, measured.client.rps) == (3, 0.25, None)


async def test_the_first_error_of_a_setup_is_told() -> None:
    executor = PlayedExecutor(SetupFailed("hush, first"), SetupFailed("second"), Finished())
    with pytest.raises(LoadTestError) as raised:
        await supervised(executor)
    assert raised.value.message == "***, first"
    assert executor.closed == 1


async def test_a_test_that_is_cancelled_need_not_have_been_in_order() -> None:
    cancelled = asyncio.Event()
    cancelled.set()
    measured, _ = await supervised(PlayedExecutor(last=(SetupFailed("no"), Finished())), cancelled=cancelled)
    assert (measured.stopped, measured.reason) == (Stopped.CANCELLED, "cancelled")


async def test_sentences_go_into_the_run_s_log(caplog: pytest.LogCaptureFixture) -> None:
    _, snapshots = await supervised(PlayedExecutor(LogLine("numpy hush stays loaded"), LOADING, Finished()))
    assert [line for snapshot in snapshots for line in snapshot.lines] == ["numpy *** stays loaded"]
    assert "t: numpy *** stays loaded" in caplog.text

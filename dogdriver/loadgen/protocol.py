"""What a crew is told to do, and what it tells in return; all of it can cross a process boundary as JSON."""

from collections.abc import Callable
from typing import Any

import msgspec

from dogdriver.loadgen.recording import Recording
from dogdriver.model import Phase


class Order(msgspec.Struct):
    """One load (or, with *smoke*, each scenario once) of the test in *directory*.

    *options* are Molotov's args, *env* what the test finds in its environment. *grace*: seconds between being told to
    stop and being cut off. *limit*: seconds of load after which scenarios that still run are ended; None where nothing
    but the load's own options ends it.
    """

    name: str
    directory: str
    site: str | None
    options: dict[str, Any]
    env: dict[str, str]
    smoke: bool
    grace: float
    limit: float | None


class PhaseStarted(msgspec.Struct, tag=True):
    """The crew begins with *phase*."""

    phase: Phase


class Beat(msgspec.Struct, tag=True):
    """Once a second: counts since the start of the load; *recent* are the latencies since the last beat.

    *goal* is how many executions there will be in all, None where time alone ends the load.
    """

    member: int
    workers: int
    ok: int
    failed: int
    requests: int
    errors: int
    recent: dict[int, int]
    goal: int | None = None


class Result(msgspec.Struct, tag=True):
    """The load is over. *began* and *ended* are readings of the monotonic clock, which all processes share.

    *abandoned*: workers that could not be ended; *sizing*: the error percentage and the workers at which sizing was
    reached; *exited*: what a scenario said when it wanted the whole process to end.
    """

    member: int
    began: float
    ended: float
    ok: int
    failed: int
    requests: int
    errors: int
    recording: Recording
    exited: str | None = None
    overdue: int = 0
    abandoned: int = 0
    sizing: tuple[float, int] | None = None


class Broken(msgspec.Struct, tag=True):
    """The test cannot be run; *message* is the sentence for a LoadTestError."""

    message: str


class Note(msgspec.Struct, tag=True):
    """A sentence for the run's log."""

    message: str


class Over(msgspec.Struct, tag=True):
    """Nothing more comes from here. *how* is None where the crew ended by itself, else a sentence."""

    how: str | None = None


Message = PhaseStarted | Beat | Result | Broken | Note | Over
Tell = Callable[[Message], None]

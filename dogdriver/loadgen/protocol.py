"""What the daemon and a load say to each other, and the socket on which they do so where the load is another process.

Down comes one LoadSpec, then commands; up come messages. All are lines of JSON but the commands, which are bare words.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from dogdriver.loadgen.recording import Recording
from dogdriver.model import Phase

START = b"start\n"
"""To a process that is Ready: begin."""
STOP = b"stop\n"
"""To any process, at any time: end the load."""

_LONGEST_LINE = 1 << 24  # bytes of a LoadSpec


class LoadSpec(msgspec.Struct):
    """One load (or, with *smoke*, each scenario once) of the test in *directory*.

    *options* are Molotov's args, *env* what the test finds in its environment. *grace*: seconds between being told to
    stop and being cut off. *limit*: seconds of load after which scenarios that still run are ended.
    """

    name: str
    directory: str
    site: str | None
    options: dict[str, Any]
    env: dict[str, str]
    smoke: bool
    grace: float
    limit: float

    @property
    def scenario_folder(self) -> str:
        """The folder of the scenario's file, from which its own imports are found."""
        return str((Path(self.directory) / self.options["scenario"]).parent)


class PhaseStarted(msgspec.Struct, tag=True):
    """The load has come to *phase*."""

    phase: Phase


class Heartbeat(msgspec.Struct, tag=True):
    """Once a second from each member: counts since the start of its load.

    *recent*: latencies since the last heartbeat, counts by microseconds. *goal*: how many executions there will be in
    all, None where time alone ends the load.
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
    """A member's load is over. *began* and *ended* are readings of the monotonic clock, which all processes share.

    *exited*: what a scenario said when it wanted the whole process to end. *overdue*: executions that were ended at
    the spec's limit. *abandoned*: workers that could not be ended. *sizing*: the error percentage and the workers at
    which sizing was reached.
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


class SetupFailed(msgspec.Struct, tag=True):
    """The test cannot be run; *message* is the sentence for a LoadTestError."""

    message: str


class LogLine(msgspec.Struct, tag=True):
    """A sentence of ours for the run's log."""

    message: str


class Harmed(msgspec.Struct, tag=True):
    """The test has done to the daemon's process what it must not; *message* is a sentence without its subject."""

    message: str


class Finished(msgspec.Struct, tag=True):
    """Nothing more comes from here. *error* is None where the load ended by itself, else a sentence."""

    error: str | None = None


class Ready(msgspec.Struct, tag=True):
    """Between the processes alone: the member *pid* is there, and waits for START until it is on record."""

    pid: int


Message = PhaseStarted | Heartbeat | Result | SetupFailed | LogLine | Harmed | Finished
Send = Callable[[Message], None]

ENCODER = msgspec.json.Encoder()
DECODER: msgspec.json.Decoder[Message | Ready] = msgspec.json.Decoder(Message | Ready)


class Channel:
    """A child's end of its socket. When the daemon's end closes, the daemon is gone: the whole group is killed."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")
        self._sending = threading.Lock()

    def receive_spec(self) -> LoadSpec:
        """Blocks until the daemon has sent it."""
        return msgspec.json.decode(self._line(), type=LoadSpec)

    def wait_for_start(self) -> bool:
        """Blocks; False where the load is to stop before it has begun."""
        return self._line() == START

    def on_stop(self, stop: Callable[[], None]) -> None:
        """From now on STOP calls *stop*, in a thread of this channel's own."""
        threading.Thread(target=self._listen, args=(stop,), name="daemon", daemon=True).start()

    def send(self, message: Message | Ready) -> None:
        """From any thread."""
        with self._sending, suppress(OSError):  # a closed socket: the listening thread ends us
            self._socket.sendall(ENCODER.encode(message) + b"\n")

    def close(self) -> None:
        """This process's copy of the descriptor only: after a fork the buffers' locks may be held for ever."""
        os.close(self._socket.fileno())

    def _listen(self, stop: Callable[[], None]) -> None:
        while self._line() == STOP:
            stop()

    def _line(self) -> bytes:
        line = b""
        with suppress(OSError):
            line = self._lines.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        return line

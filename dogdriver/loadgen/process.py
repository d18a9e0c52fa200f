"""Engines in child processes: the daemon's side.

A leader imports the test and, where there are several members, forks; each of them has a socket of its own.
"""

import asyncio
import codecs
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import dogdriver
from dogdriver.errors import LoadTestError
from dogdriver.loadgen.interpreter import ENVIRON
from dogdriver.loadgen.orphans import Orphans
from dogdriver.loadgen.output import LogBuffer
from dogdriver.loadgen.protocol import DECODER, ENCODER, START, STOP, Finished, LoadSpec, Message, Ready, SetupFailed

INHERITED = frozenset({
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR",
})  # fmt: skip
"""All that a child sees of the daemon's environment, with LC_* and PYTHON*."""

_LONGEST_MESSAGE = 1 << 26  # bytes; a result of a load with many latencies is long
_KILL_TIMEOUT = 2.0  # seconds for a killed process to be gone, and for its last output to be read


class Child:
    """The leader's process, with all that it has forked and started: `kill` ends the whole group."""

    def __init__(self, process: Process, log: LogBuffer) -> None:
        self._process = process
        self._output = asyncio.create_task(_read_output(process, log))

    @classmethod
    async def start(cls, sockets: list[socket.socket], log: LogBuffer) -> Self:
        """A process with its ends of the *sockets*; what it prints comes into *log*. Raises OSError."""
        descriptors = [each.fileno() for each in sockets]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dogdriver.loadgen.child", str(os.getpid()), *map(str, descriptors),
            stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, cwd=Path(dogdriver.__file__).parent.parent,
            env=inherited(ENVIRON), start_new_session=True, pass_fds=descriptors,
        )  # fmt: skip
        return cls(process, log)

    @property
    def pid(self) -> int:
        """Also the number of its group and of its session."""
        return self._process.pid

    def kill(self) -> None:
        """Also where the leader has died by itself: it may have left somebody."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def exit_code(self) -> int | None:
        """Of a process that should be gone; None: it is not."""
        with suppress(TimeoutError):  # `wait` alone would wait for whoever holds its pipes
            await asyncio.wait_for(self._process.wait(), _KILL_TIMEOUT)
        return self._process.returncode

    async def read_rest(self) -> None:
        """What was printed before the end is still in the pipe, which a kill closes."""
        await asyncio.wait({self._output}, timeout=_KILL_TIMEOUT)

    async def close(self) -> str | None:
        """Kill it; a sentence where that did not work."""
        self.kill()
        code = await self.exit_code()
        await self.read_rest()
        self._output.cancel()
        await asyncio.gather(self._output, return_exceptions=True)
        return f"process {self.pid} of the test could not be killed" if code is None else None


class ProcessExecutor:
    """*members* engines, each in a process of its own; *orphans* has them on record before they load."""

    def __init__(self, spec: LoadSpec, log: LogBuffer, orphans: Orphans, members: int) -> None:
        self.members = members
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self._spec = spec
        self._log = log
        self._orphans = orphans
        self._child: Child | None = None
        self._writers: list[asyncio.StreamWriter] = []  # the leader's, then the members'
        self._readers: list[asyncio.Task[None]] = []
        self._ready: list[int] = []
        self._lost: str | None = None
        self._stopped = False

    async def start(self) -> None:
        """Start the leader and send it the spec. Raises LoadTestError where that, or putting it on record, fails."""
        forked = self.members if self.members > 1 else 0
        pairs = [socket.socketpair() for _ in range(1 + forked)]
        ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        try:
            child = self._child = await Child.start(theirs, self._log)
        except OSError as error:
            for end in ours:
                end.close()
            raise LoadTestError(f"no process could be started for the test: {error}; look at the host") from error
        finally:
            for end in theirs:
                end.close()
        for number, end in enumerate(ours):
            reader, writer = await asyncio.open_connection(sock=end, limit=_LONGEST_MESSAGE)
            self._writers.append(writer)
            reading = self._read_member(reader, number) if number else self._read_leader(reader, child)
            self._readers.append(asyncio.create_task(reading))
        await self._record([child.pid])
        self._writers[0].write(ENCODER.encode(self._spec) + b"\n")

    def stop(self) -> None:
        """Ask all members to end their loads, once."""
        if not self._stopped:
            self._stopped = True
            self._command(STOP, self._writers)

    async def close(self) -> str | None:
        """Kill whatever is left of it; a sentence where that did not work."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.kill()
        for writer in self._writers:
            writer.close()
        left = await child.close()
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if left is None:
            await asyncio.to_thread(self._orphans.kill)  # nobody, unless the leader died and left somebody
        return left

    async def _read_leader(self, reader: asyncio.StreamReader, child: Child) -> None:
        async for message in _messages(reader):
            if isinstance(message, Finished):
                child.kill()
                await child.read_rest()
                self.messages.put_nowait(Finished(self._lost))
                return
            if not isinstance(message, Ready):
                self.messages.put_nowait(message)
        child.kill()
        code = await child.exit_code()
        self.messages.put_nowait(Finished(f"the test's process ended by itself, {_how(code)}"))

    async def _read_member(self, reader: asyncio.StreamReader, number: int) -> None:
        async for message in _messages(reader):
            if isinstance(message, Finished):
                return
            if isinstance(message, Ready):
                await self._start_when_all_are_ready(message.pid)
            else:
                self.messages.put_nowait(message)
        if self._child is not None and not self._stopped:
            self._lost = f"process {number} of {self.members} of the load ended by itself"
            self.stop()

    async def _start_when_all_are_ready(self, pid: int) -> None:
        """All begin together, when the last one is on record."""
        self._ready.append(pid)
        if len(self._ready) < self.members:
            return
        try:
            await self._record(self._ready)
        except LoadTestError as error:
            self.messages.put_nowait(SetupFailed(error.message))
            self.stop()
        if not self._stopped:
            self._command(START, self._writers[1:])

    async def _record(self, pids: list[int]) -> None:
        try:
            await asyncio.to_thread(self._orphans.record, pids)
        except OSError as error:
            raise LoadTestError(
                f"the load's processes cannot be noted in the data directory ({error.strerror}); make room there"
            ) from None

    def _command(self, command: bytes, writers: list[asyncio.StreamWriter]) -> None:
        for writer in writers:
            if not writer.is_closing():
                writer.write(command)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What a child gets of the daemon's *environ*: no secret is among it."""
    return {k: v for k, v in environ.items() if k in INHERITED or k.startswith(("LC_", "PYTHON"))}


async def _read_output(process: Process, log: LogBuffer) -> None:
    if process.stdout is None:
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while chunk := await process.stdout.read(1 << 16):
        log.write(decoder.decode(chunk))


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[Message | Ready]:
    with suppress(ConnectionError):
        while line := await reader.readline():
            yield DECODER.decode(line)


def _how(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"

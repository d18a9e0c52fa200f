"""A crew in child processes: the daemon's side."""

import asyncio
import codecs
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dogdriver
from dogdriver.errors import LoadTestError
from dogdriver.loadgen.interpreter import ENVIRON
from dogdriver.loadgen.orphans import Orphans
from dogdriver.loadgen.output import Lines
from dogdriver.loadgen.protocol import Broken, Message, Order, Over
from dogdriver.loadgen.wire import DECODER, ENCODER, GO, STOP, Hello

PASSED = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"})
"""All that a child sees of the daemon's environment, with LC_* and PYTHON*."""
_LONGEST = 1 << 26  # a result of a load with many latencies is long
_FAREWELL = 2.0


def passed(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if k in PASSED or k.startswith(("LC_", "PYTHON"))}


class ProcessHost:
    """A leader that imports the test and, for more than one of *members*, forks; each has a socket of its own."""

    def __init__(self, order: Order, lines: Lines, orphans: Orphans, members: int) -> None:
        self.members = members
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self._order = order
        self._lines = lines
        self._orphans = orphans
        self._process: Process | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._hello: list[int] = []
        self._lost: str | None = None
        self._stopped = self._ended = False
        self._output: asyncio.Task[None] | None = None

    async def start(self) -> None:
        count = 1 + (self.members if self.members > 1 else 0)
        pairs = [socket.socketpair() for _ in range(count)]
        theirs = [pair[1] for pair in pairs]
        root = Path(dogdriver.__file__).parent.parent
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "dogdriver.loadgen.child", str(os.getpid()), *(str(s.fileno()) for s in theirs),
                stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, cwd=root, env=passed(ENVIRON), start_new_session=True,
                pass_fds=[s.fileno() for s in theirs],
            )  # fmt: skip
        except OSError as error:
            for ours, _ in pairs:
                ours.close()
            raise LoadTestError(f"no process could be started for the test: {error}; look at the host") from error
        finally:
            for end in theirs:
                end.close()
        self._output = asyncio.create_task(self._read_output(self._process))
        for number, (ours, _) in enumerate(pairs):
            reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST)
            self._writers.append(writer)
            self._follow(self._hear_leader(reader) if number == 0 else self._hear_member(reader, number - 1))
        await self._record([self._process.pid])
        self._writers[0].write(ENCODER.encode(self._order) + b"\n")

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._say(STOP)

    async def end(self) -> str | None:
        if self._ended or self._process is None:
            return None
        self._ended = True
        self._kill()
        for writer in self._writers:
            writer.close()
        left = None
        if await self._exit_code(self._process) is None:
            left = f"process {self._process.pid} of the test could not be killed"
        if self._output is not None:
            await asyncio.wait({self._output}, timeout=_FAREWELL)
        tasks = [
            task for task in (*self._tasks, self._output) if task is not None and task is not asyncio.current_task()
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if left is None:
            await asyncio.to_thread(self._orphans.end)  # nobody, unless the leader died and left somebody
        return left

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _say(self, word: bytes) -> None:
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(word)

    def _kill(self) -> None:
        """The whole group: a leader that has died by itself may have left somebody."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _exit_code(self, process: Process) -> int | None:
        """Of a process that should be gone; None: it is not. `wait` alone would wait for whoever holds its pipes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _FAREWELL)
        return process.returncode

    async def _hear_leader(self, reader: asyncio.StreamReader) -> None:
        async for message in _messages(reader):
            if isinstance(message, Over):
                await self._read_rest()
                self.messages.put_nowait(Over(self._lost))
                return
            if not isinstance(message, Hello):
                self.messages.put_nowait(message)
        assert self._process is not None  # noqa: S101 - there is no reader without it
        self._kill()
        code = await self._exit_code(self._process)
        self.messages.put_nowait(Over(f"the test's process ended by itself, {_how(code)}"))

    async def _hear_member(self, reader: asyncio.StreamReader, number: int) -> None:
        async for message in _messages(reader):
            if isinstance(message, Over):
                return
            if isinstance(message, Hello):
                await self._greet(message.pid)
            else:
                self.messages.put_nowait(message)
        if not self._ended and not self._stopped:
            self._lost = f"process {number + 1} of {self.members} of the load ended by itself"
            self.stop()

    async def _greet(self, pid: int) -> None:
        """All begin when the last one is on record."""
        self._hello.append(pid)
        if len(self._hello) == self.members:
            try:
                await self._record(self._hello)
            except LoadTestError as error:
                self.messages.put_nowait(Broken(error.message))
                self.stop()
            if not self._stopped:
                for writer in self._writers[1:]:
                    writer.write(GO)

    async def _record(self, pids: list[int]) -> None:
        try:
            await asyncio.to_thread(self._orphans.record, pids)
        except OSError as error:
            raise LoadTestError(
                f"the load's processes cannot be noted in the data directory ({error.strerror}); make room there"
            ) from None

    async def _read_output(self, process: Process) -> None:
        if process.stdout is None:
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := await process.stdout.read(1 << 16):
            self._lines.write(decoder.decode(chunk))

    async def _read_rest(self) -> None:
        """What was printed before the end is in the pipe; the kill closes it."""
        self._kill()
        if self._output is not None:
            await asyncio.wait({self._output}, timeout=_FAREWELL)


async def _messages(reader: asyncio.StreamReader) -> Any:
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

"""Other programs, run without a shell, in a process group of their own that ends with them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dogdriver.model.text import ELLIPSIS
from dogdriver.network import CA_FILES, CA_FOLDERS, certificates

KILL_TIMEOUT = 5.0  # seconds for a killed program to be gone
MOST_OUTPUT = 256 * 1024  # bytes of each stream; the rest is read and dropped
INHERITED = (
    "PATH", "SSH_AUTH_SOCK", "TMPDIR", *CA_FILES, *CA_FOLDERS,
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip


Mask = Callable[[str], str]
"""Takes the known secrets out of a text."""


def unmasked(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended, and what it printed. *code* is None where it was killed because its time was up."""

    code: int | None
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """It ended by itself, and without an error."""
        return self.code == 0


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program may know of the daemon's environment: how to reach the network, and no secret."""
    environ = {**environ, **certificates(environ)}
    return {"PATH": os.defpath, **{name: environ[name] for name in INHERITED if name in environ}, "LC_ALL": "C.UTF-8"}


async def run(
    argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, seconds: float, mask: Mask = unmasked
) -> Completed:
    """Run *argv* for at most *seconds*; what it complains of goes through *mask*, whole.

    Raises OSError where it cannot be started. It is killed with everything that it started when that time is
    over, or when the caller is cancelled.
    """
    starting = asyncio.ensure_future(_start(argv, env, cwd))
    code: int | None = None
    try:
        async with asyncio.timeout(seconds):
            process, streams = await asyncio.shield(starting)
            await asyncio.wait(streams)  # unlike gather, it leaves them alone when the time is up
            code = await process.wait()
    except TimeoutError:
        pass
    finally:
        if code is None:
            process, streams = await starting  # cut short, it would leave alone whom the program has started by then
            await _kill(process, streams)
    out, err = ("" if stream.cancelled() else stream.result() for stream in streams)
    return Completed(code, out, mask(err))


async def _start(
    argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path
) -> tuple[asyncio.subprocess.Process, list[asyncio.Task[str]]]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout  # noqa: S101 - asked for above
    assert process.stderr  # noqa: S101
    return process, [asyncio.create_task(_read(stream)) for stream in (process.stdout, process.stderr)]


async def _kill(process: asyncio.subprocess.Process, streams: list[asyncio.Task[str]]) -> None:
    """Kill the group of *process*, and wait until the last of it has closed its *streams*."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):  # what left the group may hold the pipes open
        async with asyncio.timeout(KILL_TIMEOUT):
            await process.wait()
            await asyncio.wait(streams)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)


async def _read(stream: asyncio.StreamReader) -> str:
    kept, whole = bytearray(), True
    while chunk := await stream.read(64 * 1024):
        whole = whole and len(kept) + len(chunk) <= MOST_OUTPUT
        kept += chunk[: MOST_OUTPUT - len(kept)]
    return kept.decode("utf-8", errors="replace") + ("" if whole else ELLIPSIS)

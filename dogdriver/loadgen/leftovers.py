"""What a test leaves running in or below the daemon's process, and its end."""

import ctypes
import os
import signal
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

PATIENCE = 1.0
"""Seconds in which threads and children must have ended."""
_STEP = 0.02


def end_threads(threads: Iterable[threading.Thread]) -> None:
    """Raise SystemExit in each until it ends, PATIENCE seconds long; what waits outside of Python does not hear it."""
    deadline = monotonic() + PATIENCE
    while (alive := [each for each in threads if each.is_alive()]) and monotonic() < deadline:
        for each in alive:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(each.ident or 0), ctypes.py_object(SystemExit))
        sleep(_STEP)


def children() -> set[int]:
    """The pids of this process's children; none where the system does not say."""
    return _below(os.getpid(), _parents())


def kill_children(started: Collection[int]) -> list[int]:
    """Kill and reap those of this process's children that were *started* by a test, and all below them."""
    parents = _parents()
    killed, todo = [], [pid for pid in _below(os.getpid(), parents) if pid in started]
    mine = list(todo)
    while todo:
        pid = todo.pop()
        todo.extend(_below(pid, parents))
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        killed.append(pid)
    deadline = monotonic() + PATIENCE
    while mine and monotonic() < deadline:
        mine = [pid for pid in mine if not _reaped(pid)]
        if mine:
            sleep(_STEP)
    return killed


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _parents() -> dict[int, int]:
    """Of every process its parent, corpses left out."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in {"Z", "X"}:
                found[int(entry.name)] = int(parent)
    return found


def _below(parent: int, parents: dict[int, int]) -> set[int]:
    return {pid for pid, its in parents.items() if its == parent}

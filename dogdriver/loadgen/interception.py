"""What a test in the daemon's process must not do to that process: end it, signal it, close its descriptors.

Such calls of a test's threads raise SystemExit, or fail as for a descriptor that is not there; the test's forked
children give up what is the daemon's, and die with the load.
"""

import _posixsubprocess
import ctypes
import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Protocol

_PR_SET_PDEATHSIG = 1
STANDARD = 3
"""Descriptors below it are input, output and errors."""


class Harmed(Protocol):
    """Is told in a sentence what a test does to the process."""

    def __call__(self, sentence: str, /) -> None: ...


class Interception:
    """Between `begin` and `end`; *daemons* are the threads that may do as they like. Those that they start are added:
    which thread has started it, not when, says whose a thread is.
    """

    now: ClassVar["Interception | None"] = None

    def __init__(self, daemons: set[threading.Thread], harmed: Harmed) -> None:
        self._daemons = daemons
        self._harmed = harmed
        self._pid = os.getpid()
        self.children: set[int] = set()  # the test's threads have started them, not the daemon's
        self._replaced: list[tuple[Any, str, Any]] = []
        self._descriptors = open_descriptors()
        self._ports = _ports(self._descriptors)
        self._standard = [(number, os.dup(number)) for number in range(STANDARD) if number in self._descriptors]

    def begin(self) -> None:
        """From now on."""
        Interception.now = self
        for owner, name, wrapped in (
            (os, "_exit", self._ending("os._exit")), (os, "abort", self._ending("os.abort")),
            (os, "kill", self._signalling("os.kill")), (os, "killpg", self._signalling("os.killpg")),
            (signal, "raise_signal", self._ending("signal.raise_signal")),
            (signal, "pthread_kill", self._ending("signal.pthread_kill")),
            (os, "close", self._closing(os.close)), (os, "dup2", self._duplicating(os.dup2)),
            (os, "closerange", self._close_range),
        ):  # fmt: skip
            self._replace(owner, name, wrapped)
        self._replace(threading.Thread, "start", self._starting_thread(threading.Thread.start))
        for owner, name in (
            (os, "fork"), (os, "posix_spawn"), (os, "posix_spawnp"),
            (_posixsubprocess, "fork_exec"), (subprocess, "_fork_exec"),
        ):  # fmt: skip
            if hasattr(owner, name):
                self._replace(owner, name, self._starting(getattr(owner, name)))

    def end(self) -> None:
        """Once, in any thread; what the test has closed of input, output and errors is there again."""
        for owner, name, real in self._replaced:
            setattr(owner, name, real)
        self._replaced.clear()
        if Interception.now is self:
            Interception.now = None
        for number, copy in self._standard:
            if _identity(number) != self._descriptors[number]:
                os.dup2(copy, number)
                self._harmed(f"closed descriptor {number} of the daemon")
            os.close(copy)
        self._standard.clear()

    def _replace(self, owner: Any, name: str, wrapped: Callable[..., Any]) -> None:
        self._replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, wrapped)

    def _starting(self, real: Callable[..., int]) -> Callable[..., int]:
        def start(*args: Any, **options: Any) -> int:
            pid = real(*args, **options)
            if pid and self._is_tests():
                self.children.add(pid)
            return pid

        return start

    def _starting_thread(self, real: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
        def start(thread: threading.Thread) -> None:
            if threading.current_thread() in self._daemons:
                self._daemons.add(thread)
            real(thread)

        return start

    def _is_tests(self) -> bool:
        return threading.current_thread() not in self._daemons and os.getpid() == self._pid

    def _ending(self, name: str) -> Callable[..., Any]:
        real = getattr(os if name.startswith("os.") else signal, name.partition(".")[2])

        def end(*args: Any) -> Any:
            if not self._is_tests():
                return real(*args)
            return self._refuse(f"{name}({', '.join(map(str, args))})")

        return end

    def _signalling(self, name: str) -> Callable[[int, int], None]:
        real = getattr(os, name.partition(".")[2])

        def kill(target: int, number: int) -> None:
            ours = {0, -1, self._pid, -os.getpgrp()} if name == "os.kill" else {0, os.getpgrp()}
            if number and target in ours and self._is_tests():
                self._refuse(f"{name}({target}, {number})")
            real(target, number)

        return kill

    def _refuse(self, call: str) -> None:
        self._harmed(f"called {call}, which would have ended the daemon")
        raise SystemExit(call)

    def _closing(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def close(descriptor: int) -> None:
            if self._is_tests() and self._is_daemons(descriptor):
                self._harmed(f"wanted to close descriptor {descriptor} of the daemon")
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            real(descriptor)

        return close

    def _duplicating(self, real: Callable[..., int]) -> Callable[..., int]:
        def dup2(source: int, target: int, inheritable: bool = True) -> int:
            if self._is_tests() and self._is_daemons(target):
                self._harmed(f"wanted to replace descriptor {target} of the daemon")
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return real(source, target, inheritable)

        return dup2

    def _close_range(self, low: int, high: int, /) -> None:
        """As os.closerange, but for what is the daemon's."""
        for descriptor in open_descriptors():
            if low <= descriptor < high:
                with suppress(OSError):
                    os.close(descriptor)

    def _is_daemons(self, descriptor: int) -> bool:
        known = self._descriptors.get(descriptor)
        if known is not None and known == _identity(descriptor):
            return True
        return bool(self._ports) and _port(descriptor) in self._ports

    def give_up(self) -> None:
        """In a forked child: a port or a lock that it kept would keep the next daemon from starting."""
        if threading.current_thread() in self._daemons:
            return
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        close = next((real for owner, name, real in self._replaced if (owner, name) == (os, "close")), os.close)
        for descriptor in open_descriptors():
            if descriptor >= STANDARD and self._is_daemons(descriptor):
                with suppress(OSError):
                    close(descriptor)


def _after_fork() -> None:
    if Interception.now is not None:
        Interception.now.give_up()


os.register_at_fork(after_in_child=_after_fork)


def open_descriptors() -> dict[int, tuple[int, int]]:
    """This process's, with device and number of what stands behind each; empty where the system does not say."""
    with suppress(OSError):
        found = {int(name): _identity(int(name)) for name in os.listdir("/dev/fd")}  # noqa: PTH208 - their names are all
        return {number: identity for number, identity in found.items() if identity is not None}
    return {}


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        known = os.fstat(descriptor)
    except OSError:
        return None
    return known.st_dev, known.st_ino


def _ports(descriptors: dict[int, tuple[int, int]]) -> set[int]:
    """At which this process listens."""
    return {port for number in descriptors if (port := _port(number, listening=True)) is not None}


def _port(descriptor: int, *, listening: bool = False) -> int | None:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        one = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return None
    with one, suppress(OSError):
        if one.family in {socket.AF_INET, socket.AF_INET6} and (
            not listening or one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ):
            return int(one.getsockname()[1])
    return None

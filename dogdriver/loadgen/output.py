"""The test's own lines: prints of its threads go to its run's log, everybody else's to where they went before."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

LINES = 50
"""So many lines are kept between two snapshots; of the others only the number."""
LENGTH = 500
"""Characters of a line that are kept."""

_UNFINISHED = 8 * LENGTH


class Lines:
    """A bounded buffer between who prints and the next snapshot. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[str] = deque()
        self._dropped = 0
        self._tail = ""

    def write(self, text: str) -> None:
        """Text as it is printed, in any pieces."""
        with self._lock:
            *whole, self._tail = (self._tail + text).split("\n")
            self._tail = self._tail[:_UNFINISHED]
            for line in whole:
                self._keep(line.rstrip())

    def add(self, line: str) -> None:
        """A line of the runner's own."""
        with self._lock:
            self._keep(line)

    def take(self, mask: Callable[[str], str], *, last: bool = False) -> tuple[str, ...]:
        """What came since the last call, masked before it is shortened; with *last* also a line that has no end."""
        with self._lock:
            if last and self._tail:
                self._keep(self._tail)
                self._tail = ""
            kept, dropped = list(self._kept), self._dropped
            self._kept.clear()
            self._dropped = 0
        lines = [_short(mask(line)) for line in kept]
        if dropped:
            lines.append(f"… and {dropped} more lines")
        return tuple(lines)

    def _keep(self, line: str) -> None:
        if not line:
            return
        if len(self._kept) < LINES:
            self._kept.append(line[:_UNFINISHED])
        else:
            self._dropped += 1


class Tee:
    """A text stream for sys.stdout and sys.stderr: threads that were there before write to *before*, others to *lines*.

    A thread that the test starts is new, too, whatever starts it; that is why threads are asked and not contexts.
    """

    def __init__(self, before: TextIO, lines: Lines, threads: set[threading.Thread]) -> None:
        self._before = before
        self._lines = lines
        self._threads = threads

    def write(self, text: str) -> int:
        if threading.current_thread() in self._threads:
            return self._before.write(text)
        self._lines.write(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if threading.current_thread() in self._threads:
            self._before.flush()

    def close(self) -> None:
        """A test may close its output; what stands behind it is the daemon's."""

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._before, name)


def _short(line: str) -> str:
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"

"""The test's own lines: prints of its threads go to its run's log, everybody else's to where they went before."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

from dogdriver.loadgen.verbosity import ENOUGH, Allowance
from dogdriver.model.text import shortened

MOST_LINES = 50
"""So many lines are kept between two snapshots; of the others only the number."""
LONGEST_LINE = 500
"""Characters of a line that are kept."""

_LONGEST_UNMASKED = 8 * LONGEST_LINE  # what is known may take up most of a line


class LogBuffer:
    """A bounded buffer between who prints and the next snapshot. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._unfinished = ""
        self.allowance = Allowance()

    def write(self, text: str) -> None:
        """Text as it is printed, in any pieces."""
        with self._lock:
            if not self.allowance.take(len(text)):
                if self.allowance.tell():
                    self._lines.append(ENOUGH)
                return
            *whole, self._unfinished = (self._unfinished + text).split("\n")
            self._unfinished = shortened(self._unfinished, _LONGEST_UNMASKED)
            for line in whole:
                self._append(line.rstrip())

    def append(self, line: str) -> None:
        """A line of the runner's own."""
        with self._lock:
            self._append(line)

    def drain(self, mask: Callable[[str], str], *, last: bool = False) -> tuple[str, ...]:
        """What came since the last call, masked before it is shortened; with *last* also a line that has no end."""
        with self._lock:
            if last and self._unfinished:
                self._append(self._unfinished)
                self._unfinished = ""
            lines, dropped = list(self._lines), self._dropped
            self._lines.clear()
            self._dropped = 0
        shown = [shortened(mask(line), LONGEST_LINE) for line in lines]
        if dropped:
            shown.append(f"… and {dropped} more lines")
        return tuple(shown)

    def _append(self, line: str) -> None:
        if not line:
            return
        if len(self._lines) < MOST_LINES:
            self._lines.append(shortened(line, _LONGEST_UNMASKED))
        else:
            self._dropped += 1


class OutputRouter:
    """A text stream for sys.stdout and sys.stderr: *threads*, which are the daemon's own, write to *daemons*,
    all others to *log*.

    A thread that the test starts is new, too, whatever starts it; that is why threads are asked and not contexts.
    """

    def __init__(self, daemons: TextIO, log: LogBuffer, threads: set[threading.Thread]) -> None:
        self._daemons = daemons
        self._log = log
        self._threads = threads

    def write(self, text: str) -> int:
        if threading.current_thread() in self._threads:
            return self._daemons.write(text)
        self._log.write(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if threading.current_thread() in self._threads:
            self._daemons.flush()

    def close(self) -> None:
        """A test may close its output; what stands behind it is the daemon's."""

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._daemons, name)

"""How much a test may say in one run: its prints, and what it logs through the daemon's own log."""

import logging
import threading
from pathlib import Path

MOST_BYTES = 5 * 2**20
ENOUGH = f"the test has said {MOST_BYTES // 2**20} MB in this run; what follows is left out"

_LINE, _TRACEBACK = 250, 2000  # about so much is around a message, and is a traceback
_DECIDED = "within_allowance"
_OURS = str(Path(__file__).parent.parent) + "/"


class Allowance:
    """Of one run. Safe in any thread: a little more may pass."""

    def __init__(self) -> None:
        self._left = MOST_BYTES
        self._told = False

    def take(self, size: int) -> bool:
        """Whether so much may still be said."""
        self._left -= size
        return self._left >= 0

    def tell(self) -> bool:
        """Whether it has yet to be said that it is enough; once."""
        told, self._told = self._told, True
        return not told


class LogLimit(logging.Filter):
    """On the daemon's handlers while a test runs in a thread: *threads* are the daemon's own."""

    def __init__(self, allowance: Allowance, threads: set[threading.Thread]) -> None:
        super().__init__()
        self._allowance, self._threads = allowance, threads
        self._handlers = list(logging.getLogger().handlers)
        for handler in self._handlers:
            handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if threading.current_thread() in self._threads or record.pathname.startswith(_OURS):
            return True
        passes: bool | None = getattr(record, _DECIDED, None)  # by another handler's turn
        if passes is None:
            passes = self._decide(record)
            setattr(record, _DECIDED, passes)
        return passes

    def _decide(self, record: logging.LogRecord) -> bool:
        size = _LINE + len(str(record.msg)) + len(str(record.args)) + bool(record.exc_info) * _TRACEBACK
        if self._allowance.take(size):
            return True
        if not self._allowance.tell():
            return False
        record.msg, record.args, record.exc_info, record.exc_text = ENOUGH, (), None, None
        return True

    def remove(self) -> None:
        for handler in self._handlers:
            handler.removeFilter(self)

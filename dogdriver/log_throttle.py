"""A log that repeats itself is cut short, and says how much was left out."""

import logging
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

WINDOW = 60.0  # seconds
MOST, MOST_QUIET = 20, 200  # lines of one kind in a window: of warnings and errors, and of what is less
MOST_KINDS = 1000
LONGEST = 200

_NUMBERS = re.compile(r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b|\d+", re.IGNORECASE)

Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Said:
    since: float
    count: int = 0


class Throttle:
    """Lines are of one kind when they differ in numbers and ids alone. Time is that of the records."""

    def __init__(self) -> None:
        self._said: OrderedDict[Kind, _Said] = OrderedDict()  # the oldest first

    def passes(self, record: logging.LogRecord) -> bool:
        kind = _kind(record)
        said = self._said.setdefault(kind, _Said(record.created))
        said.count += 1
        return said.count <= _most(record.levelno)

    def over(self, now: float) -> Iterator[logging.LogRecord]:
        """What has to be said of those whose window is over at *now*."""
        while self._said:
            kind, said = next(iter(self._said.items()))
            if abs(now - said.since) < WINDOW and len(self._said) <= MOST_KINDS:
                return
            del self._said[kind]
            name, level, text = kind
            left_out = said.count - _most(level)
            if left_out > 0:
                words = f"{left_out} more line(s) like this one were left out within a minute: {text}"
                yield logging.LogRecord(name, level, "", 0, words, (), None)


def _most(level: int) -> int:
    return MOST if level >= logging.WARNING else MOST_QUIET


def _kind(record: logging.LogRecord) -> Kind:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit: logging itself complains
        text = str(record.msg)
    return record.name, record.levelno, _NUMBERS.sub("#", text[:LONGEST])

"""Errors in groups: a bounded number of messages, each of bounded length, with how often it was seen."""

import re
from collections.abc import Mapping

MOST = 50
LONGEST = 300
REST = "other errors"

_VARIES = re.compile(
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<address>\b0x[0-9a-fA-F]{4,})"
    r"|(?P<long>(?<![\w.])(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b)"
    r"|(?P<number>(?<![\w.])\d{7,}\b)"
)


class Failures:
    """Counts messages; those after the first *MOST* different ones are counted together."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def record(self, message: str) -> None:
        self.add({folded(message): 1})

    def add(self, counts: Mapping[str, int]) -> None:
        for message, count in counts.items():
            key = message if message in self.counts or len(self.counts) < MOST else REST
            self.counts[key] = self.counts.get(key, 0) + count


def describe(error: BaseException) -> str:
    """`ValueError: what it says`, on one line."""
    said = " ".join(str(error)[: 4 * LONGEST].split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def folded(message: str) -> str:
    """*message* without what differs each time (UUIDs, addresses, hashes, long numbers), shortened."""
    message = _VARIES.sub("…", message[: 4 * LONGEST])
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"


__all__ = ["LONGEST", "MOST", "REST", "Failures", "describe", "folded"]

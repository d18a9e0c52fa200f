"""How much of the daemon one client may take, and all that nobody knows together: the rest is for who has a token."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE = 5.0  # seconds after which it is worth to ask again
LEAST = 4


class Limits:
    """Counts what is in hand, of *most* connections: an eighth of them is kept for health checks and token holders, and
    one address has a quarter.
    """

    def __init__(self, most: int) -> None:
        self.of_all = most - max(LEAST, most // 8)
        self.of_one = max(LEAST, most // 4)
        self._in_hand: Counter[str] = Counter()

    def full(self, address: str) -> str | None:
        """Why *address* gets nothing now."""
        if self._in_hand[address] >= self.of_one:
            return f"this address has {self._in_hand[address]} requests open"
        if self._in_hand.total() >= self.of_all:
            return "too many requests are open"
        return None

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        self._in_hand[address] += 1
        try:
            yield
        finally:
            self._in_hand[address] -= 1
            if not self._in_hand[address]:
                del self._in_hand[address]

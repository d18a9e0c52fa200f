"""Results that took long, kept for as long as what they were made of has not changed."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 2000


class Kept:
    """The newest result for each key, with the *stamp* of what it was made of; the least recently used go first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, tuple[Any, Any]] = OrderedDict()

    async def get(self, key: Hashable, stamp: Any, make: Callable[[], Awaitable[T]]) -> T:
        """What is kept for *key* with an equal *stamp*, else what *make* gives."""
        kept = self._results.get(key)
        if kept is not None and kept[0] == stamp:
            self._results.move_to_end(key)
            known: T = kept[1]
            return known
        result = await make()
        self._results[key] = (stamp, result)
        self._results.move_to_end(key)
        if len(self._results) > self._most:
            self._results.popitem(last=False)
        return result

"""What keeps small things over a restart, whoever needs it."""

from typing import Any, Protocol

IMPORTED = "imported"
"""A name in the state: an import has brought looks, and nobody has counted what they announce as told."""

NOTICED = "noticed"
"""A name in the state: what stood before notifications were kept counts as told."""


class State(Protocol):
    """JSON values by name; a part of the store."""

    async def get(self, name: str) -> Any:
        """What is kept under *name*, or None."""

    async def set(self, name: str, value: Any) -> None: ...

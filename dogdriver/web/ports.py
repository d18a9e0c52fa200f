"""What the web needs of the store beside what the reports read."""

from typing import Protocol

from dogdriver.pipeline.ports import Commits
from dogdriver.reports.ports import Store as ReadStore


class Store(ReadStore, Protocol):
    """The store as the web has it."""

    @property
    def commits(self) -> Commits: ...

    async def ping(self) -> None:
        """Raises StoreError where it cannot be read and written, or was taken away."""

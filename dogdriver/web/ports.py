"""What the web needs of the store beside what the reports read."""

from collections.abc import Sequence
from typing import Protocol

from dogdriver.model.audit import Change
from dogdriver.pipeline.ports import Commits
from dogdriver.reports.ports import Store as ReadStore


class Audit(Protocol):
    """Who has changed what."""

    async def add(self, change: Change) -> None: ...

    async def newest(self, limit: int) -> Sequence[Change]:
        """The newest first."""


class Store(ReadStore, Protocol):
    """The store as the web has it."""

    @property
    def audit(self) -> Audit: ...

    @property
    def commits(self) -> Commits: ...

    async def ping(self) -> None:
        """Raises StoreError where it cannot be read and written, or was taken away."""

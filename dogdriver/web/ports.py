"""What the web needs of the store beside what the reports read."""

from typing import Protocol

from dogdriver.reports.ports import Store as ReadStore


class Commits(Protocol):
    """Everything that was written: *number* counts, and `after` waits for more."""

    @property
    def number(self) -> int: ...

    async def after(self, number: int) -> int:
        """Wait until there was a later commit than *number*; gives the number of the newest one."""


class Store(ReadStore, Protocol):
    """The store as the web has it."""

    @property
    def commits(self) -> Commits: ...

    async def ping(self) -> None:
        """Raises StoreError where it cannot be read and written, or was taken away."""

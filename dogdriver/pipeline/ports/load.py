"""What a run needs before and while it loads: its project, its service, its test, Molotov."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from dogdriver.model import Catalog, Deployment, Job, Load, Measured, Prepared, Snapshot, Test


class CatalogSource(Protocol):
    """Which projects exist. `current` never waits; `refresh` asks ServiceBook and reads the file again."""

    @property
    def current(self) -> Catalog: ...

    async def refresh(self) -> Catalog: ...


class Target(Protocol):
    """The service under test."""

    async def version(self, deployment: Deployment) -> tuple[str | None, str | None]:
        """(version, commit) as `/__version__` says; (None, None) where it says nothing usable. Raises TargetError
        where the service cannot be reached at all.
        """

    async def check(self, deployment: Deployment) -> None:
        """Raises TargetError with one sentence where the heartbeat says that the service is unhealthy."""


class Checkouts(Protocol):
    """Test repositories on disk."""

    async def prepare(self, test: Test) -> Prepared:
        """Fetch, resolve, install the requirements. Raises CheckoutError or LoadTestError (no such entry)."""


class Runner(Protocol):
    """Molotov."""

    def describe(self, prepared: Prepared) -> Load:
        """The load that the entry asks for. Raises LoadTestError where it asks for nonsense."""

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        """Each scenario once, one after the other. Raises LoadTestError where the test cannot even be set up."""

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        """The whole load; *watch* is called in the daemon's loop about once a second. Raises LoadTestError."""

    async def recover(self) -> None:
        """End what an earlier daemon left running."""

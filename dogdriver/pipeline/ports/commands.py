"""What the pipeline takes."""

from collections.abc import AsyncIterator
from typing import Protocol

from dogdriver.model import Run, Snapshot, Trigger


class Commands(Protocol):
    """What the web and the scheduler may ask of the pipeline; the pipeline itself is the only one that writes."""

    async def trigger(
        self,
        project: str,
        *,
        deployment: str | None = None,
        test: str | None = None,
        trigger: Trigger = Trigger.REQUEST,
        idempotency_key: str | None = None,
    ) -> Run:
        """Queue a run, or give the one that is queued already. Raises NotFound (project), Invalid (deployment or test,
        naming those there are), Conflict (it cannot run now, and why: no test, outside the allow-list).
        """

    async def accept(self, run: Run) -> tuple[Run, bool]:
        """Keep a run made elsewhere; True where it is new. Raises Conflict where a different one has that id, Invalid
        for this daemon's own source.
        """

    async def cancel(self, run_id: str) -> Run:
        """A queued run is aborted at once, a running one within its grace time. Raises NotFound, Conflict (final)."""

    async def exclude(self, run_id: str, reason: str) -> Run:
        """Leave a final run out of verdicts. Raises NotFound, Conflict (not final)."""

    async def include(self, run_id: str) -> Run:
        """Take the exclusion back."""

    def live(self, run_id: str) -> Snapshot | None:
        """The newest snapshot of a running load."""

    def follow(self, run_id: str) -> AsyncIterator[Snapshot]:
        """Snapshots as they come, until the run leaves `running`; ends at once for a run that is not running."""

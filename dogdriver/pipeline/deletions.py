"""What the pipeline needs of the store to delete runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Deletions(Protocol):
    """What takes runs away."""

    async def deleted(self, run_id: str) -> bool:
        """Whether a run of this id was here and is deleted."""

    async def archive_key(self, run_id: str) -> str | None:
        """The key of its object in the bucket."""

    async def of_project(self, project: str) -> Sequence[tuple[str, bool, str | None]]:
        """All its runs: id, whether it has ended, and the key of its object in the bucket."""

    async def delete(self, run_id: str, at: datetime) -> bool:
        """Delete a run that has ended, and say so in the bucket; False where there is none."""

    async def delete_project(self, project: str, at: datetime) -> int:
        """Delete everything of a project whose runs have all ended; how many runs it had."""

"""What the archive needs of a bucket and of the database, as small Protocols."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dogdriver.model import Run
from dogdriver.model.archive import (
    ClaimedObject,
    Counts,
    Fetched,
    ImportedRun,
    Listing,
    Rejected,
    StoredObject,
    Tombstone,
)
from dogdriver.model.state import State


class Bucket(Protocol):
    """An S3 bucket. Every method raises Unavailable (try again) or Refused (keys, rights, no such bucket).

    What is answered by something else than a bucket is Unavailable, whatever its status.
    """

    @property
    def name(self) -> str: ...

    @property
    def requests(self) -> int:
        """How many were sent so far."""

    async def list(self, prefix: str, *, after: str = "", folders: bool = False) -> Listing:
        """The first thousand keys that begin with *prefix* and sort behind *after*. With *folders* what stands behind
        the next slash is summed up.
        """

    async def get(self, key: str, *, most: int) -> Fetched | None:
        """None: there is no such object. Raises TooLarge for more than *most* bytes."""

    async def put(self, key: str, body: bytes, *, new: bool = False, match: str | None = None) -> bool:
        """False, where the server honours such conditions: with *new* there is one already, with *match* (an etag) it
        was changed.
        """

    async def copy(self, key: str, to: str) -> bool:
        """False: there is no such object."""

    async def remove(self, *keys: str) -> None:
        """What is not there is no error."""


class Ledger(Protocol):
    """The part of the store that keeps what stands in the archive and what came down. Every method is a transaction."""

    async def use_bucket(self, name: str) -> None:
        """Another bucket than the last time: all runs have to go up to it, and nothing was read of it."""

    async def unarchived(self, skip: Sequence[str]) -> tuple[Run, str | None] | None:
        """The finished run that was added first among those that are not in the archive, and the key that it has."""

    async def newest_key(self, prefix: str) -> str | None:
        """The last of the archive keys that begin with *prefix*."""

    async def give_key(self, run_id: str, key: str) -> None:
        """The run is about to be sent under *key*."""

    async def set_archived(self, run_id: str, at: datetime) -> None:
        """The run stands in the archive since *at*; one that was changed since it got its key goes up again."""

    async def send_again(
        self, prefix: str, *, after: str, last: str | None, there: Sequence[str], since: datetime
    ) -> int:
        """Of the runs whose keys begin with *prefix* and lie behind *after*, up to *last*, those that stand in the
        archive since before *since* and are not *there* have to go up once more; how many these are.
        """

    async def unread(self, objects: Sequence[tuple[StoredObject, str]]) -> Sequence[StoredObject]:
        """Of *objects*, each with its run's id, those that were not read yet as they are now."""

    async def import_runs(self, imported: Sequence[ImportedRun], at: datetime) -> int:
        """Keep runs that were made elsewhere, each once; how many were new."""

    async def reject(self, rejected: Rejected) -> None:
        """Keep why an object could not be used."""

    async def rejected(self, *, keys: Sequence[str] | None = None, limit: int = 20) -> Sequence[Rejected]:
        """The newest first; with *keys* those of them."""

    async def unjudged(self) -> tuple[Run, bool] | None:
        """An imported run whose release was not looked at since, the newest of all; True: values that looks have
        seen were changed.
        """

    async def set_judged(self, run: Run) -> None:
        """The release of *run* was looked at."""

    async def counts(self) -> Counts:
        """For the status page."""


class Claims(Protocol):
    """The part of the store that keeps which objects of the inbox this daemon has; importing their runs takes them."""

    async def claimed(self) -> Sequence[ClaimedObject]:
        """All of them, in the order of their keys."""

    async def renew(self, key: str, claimed: datetime) -> None:
        """The object is ours until *claimed*."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Forget objects that are gone."""


class Deletions(Protocol):
    """The part of the store that keeps what was deleted, so that it does not come back."""

    async def deleted(self, run_id: str) -> bool:
        """Whether a run of this id was here and is deleted."""

    async def next_tombstone(self) -> Tombstone | None:
        """The one that waits longest to be put into the bucket."""

    async def set_told(self, run_id: str, at: datetime) -> None:
        """It stands in the bucket since *at*."""

    async def bury(self, tombstones: Sequence[Tombstone]) -> int:
        """What others have deleted goes here, too, where it came from the same object; how many runs went."""


class Store(Protocol):
    """All four, over one database."""

    @property
    def deletions(self) -> Deletions: ...

    @property
    def archive(self) -> Ledger: ...

    @property
    def inbox(self) -> Claims: ...

    @property
    def state(self) -> State: ...

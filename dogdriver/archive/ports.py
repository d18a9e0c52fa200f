"""What the archive needs of a bucket and of the database, as small Protocols."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.model import Run
from dogdriver.model.archive import Arrival, Counts, Fetched, Listing, Rejected, Stored, Taken


class Bucket(Protocol):
    """An S3 bucket. Every method raises Unavailable (try again) or Refused (keys, rights, no such bucket)."""

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
    """The part of the store that keeps what has gone up and what has come down. Every method is one transaction."""

    async def bucket_is(self, name: str) -> None:
        """Another bucket than the last time: all runs have to go up to it, and nothing was read of it."""

    async def unarchived(self, skip: Sequence[str]) -> tuple[Run, str | None] | None:
        """The finished run that was added first among those that are not in the archive, and the key that it has."""

    async def newest_key(self, prefix: str) -> str | None:
        """The last of the archive keys that begin with *prefix*."""

    async def give_key(self, run_id: str, key: str) -> None:
        """The run is about to be sent under *key*."""

    async def archived(self, run_id: str, at: datetime) -> None:
        """The run stands in the archive since *at*; one that was changed since it got its key goes up again."""

    async def unread(self, objects: Sequence[tuple[Stored, str]]) -> Sequence[Stored]:
        """Of *objects*, each with its run's id, those that were not read yet as they are now."""

    async def bring(self, arrivals: Sequence[Arrival], at: datetime) -> int:
        """Keep runs that were made elsewhere, each once; how many were new."""

    async def taken(self) -> Sequence[Taken]: ...

    async def renew(self, key: str, claimed: datetime) -> None: ...

    async def let_go(self, keys: Sequence[str]) -> None:
        """Forget inbox objects that are gone."""

    async def reject(self, rejected: Rejected) -> None: ...

    async def rejected(self, *, keys: Sequence[str] | None = None, limit: int = 20) -> Sequence[Rejected]:
        """The newest first; with *keys* those of them."""

    async def unjudged(self) -> tuple[Run, bool] | None:
        """A brought run whose release was not looked at since, the newest of all; True: values that looks have
        seen were changed.
        """

    async def judged(self, run: Run) -> None: ...

    async def counts(self) -> Counts: ...

    async def recall(self, name: str) -> Any: ...

    async def remember(self, name: str, value: Mapping[str, Any]) -> None: ...

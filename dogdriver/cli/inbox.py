"""A bucket's inbox: any daemon on the bucket takes the run from there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from dogdriver.archive import Bucket, inbox_object
from dogdriver.errors import Refused, Unavailable
from dogdriver.model.parse import run_from_document


class Inbox:
    """*bucket* as the archive of the daemons uses it."""

    def __init__(self, bucket: Bucket) -> None:
        self.name = f"s3://{bucket.name}"
        self._bucket = bucket

    async def admits(self, source: str) -> None:
        """A bucket takes every source; whether it can be written shows when there is something to write."""

    async def deliver(self, document: Mapping[str, Any]) -> None:
        """The key comes from the run, so that again is as good as once. Raises Unavailable."""
        key, body = inbox_object(run_from_document(document))
        try:
            await self._bucket.put(key, body)
        except Refused as error:  # credentials and rights can be fixed: the run stays here until then
            raise Unavailable(error.message) from None

    def link(self, _run: str, /) -> str | None:
        return None


@asynccontextmanager
async def open_inbox(name: str) -> AsyncIterator[Inbox]:
    """The inbox of the bucket *name*; AWS' own variables say the rest."""
    from dogdriver.storage.s3 import open_bucket  # noqa: PLC0415 - 60 MB and a second, for those who have a bucket

    async with open_bucket(name) as bucket:
        yield Inbox(bucket)

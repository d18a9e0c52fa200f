"""Daemons that share a bucket: each a world with its own store and source, all with one clock and one Datadog."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from dogdriver.archive import Archive
from dogdriver.model import Run
from dogdriver.model.archive import StoredObject
from dogdriver.model.filters import Filter
from dogdriver.pipeline import Context, Pipeline
from dogdriver.storage.s3 import S3Bucket, open_bucket
from tests.world import World

SYNC = 30.0


@dataclass
class Daemon(World):
    """A world that has a bucket."""

    source: str = "here"
    bucket_name: str = "shared"
    page: int = 1000
    bucket: S3Bucket = field(init=False)
    context: Context = field(init=False)
    archive: Archive = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _more: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> None:
        await super().open()
        self.context = replace(
            self.pipeline._context,
            source=self.source,
            ids=lambda: uuid.uuid5(uuid.NAMESPACE_URL, f"{self.data} {self.source} {next(self._numbers)}").hex,
        )
        self.pipeline = Pipeline(self.context)
        self._more = AsyncExitStack()
        self.bucket = await self._more.enter_async_context(open_bucket(self.bucket_name, page=self.page))
        self.archive = Archive(self.context, self.store, self.bucket, sync=SYNC)

    async def close(self) -> None:
        await self._more.aclose()
        await super().close()

    async def upload(self) -> None:
        while await self.archive.upload_next():
            pass

    async def sync(self) -> None:
        """The next look, as if its time had come, and all that follows from it."""
        self.clock.forward(SYNC)
        while await self.archive.sync_next():
            pass

    async def done(self, *, cpu: float = 40.0) -> Run:
        """A run from its trigger to its end."""
        pending = await self.launched()
        self.feed(pending, cpu=cpu)
        return await self.collect_until(pending, 1500)

    async def collect_all(self) -> None:
        """Whatever is pending, to its end."""
        while (due := await self.store.runs.next_due()) is not None:
            self.clock.now = max(self.clock.now, due)
            assert await self.pipeline.collect_next()

    async def all(self, **wanted: Any) -> Sequence[Run]:
        return (await self.store.runs.list(Filter(**wanted), limit=1000)).runs

    async def listed(self, prefix: str = "") -> list[str]:
        return [one.key for one in await self.objects(prefix)]

    async def objects(self, prefix: str = "") -> list[StoredObject]:
        found: list[StoredObject] = []
        more = True
        while more:
            listing = await self.bucket.list(prefix, after=found[-1].key if found else "")
            found += listing.objects
            more = listing.more
        return found

    async def status(self) -> Mapping[str, Any]:
        return await self.archive.status()

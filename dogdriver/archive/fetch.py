"""Reading objects, several at a time but never more bytes than fit, and keeping what came of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from dogdriver.archive.objects import LARGEST
from dogdriver.archive.ports import Bucket, Deletions, Ledger
from dogdriver.errors import BadInput, DogdriverError, Early, Invalid, TooLarge, Unavailable
from dogdriver.model.archive import Fetched, ImportedRun, Rejected, StoredObject, Tombstone
from dogdriver.pipeline.context import Context

T = TypeVar("T")
log = logging.getLogger(__name__)
AT_ONCE = 16
BATCH, BATCH_BYTES = 128, 4 * LARGEST

Parse = Callable[[StoredObject, bytes], ImportedRun | Tombstone]
"""Makes a run of an object's content. Raises BadInput with a sentence that names what is wrong."""


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """*work* on every item, AT_ONCE of them at a time; the first error ends it, as itself."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    tasks = [asyncio.ensure_future(worker()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def parse_safely(stored: StoredObject, parse: Callable[[], T]) -> T:
    """What *parse* makes of an object; where it fails by a defect of ours, the object must not hold up the others."""
    try:
        return parse()
    except DogdriverError:
        raise
    except Exception as error:
        log.exception("object %r", stored.key)
        raise Invalid(
            f"dogDriver itself failed to read it ({type(error).__name__}); its log has the details"
        ) from error


async def fetch(bucket: Bucket, stored: StoredObject) -> Fetched | None:
    """Raises TooLarge for an object that is larger than any of ours."""
    if stored.size > LARGEST:
        raise TooLarge(f"it has {stored.size} bytes, which is larger than the {LARGEST} that are read")
    fetched = await bucket.get(stored.key, most=LARGEST)
    if fetched is not None and fetched.etag != stored.etag:
        raise Unavailable(
            "an object is not the one that was listed: it was changed just now; it is read at the next look"
        )
    return fetched


class Importer:
    """Imports objects that are history: one that cannot be used is left where it is, and remembered."""

    def __init__(self, context: Context, ledger: Ledger, deletions: Deletions, bucket: Bucket) -> None:
        self._context, self._ledger, self._deletions, self._bucket = context, ledger, deletions, bucket

    async def import_new(self, objects: Sequence[tuple[StoredObject, str]], parse: Parse) -> int:
        """Of *objects*, each with its run's id, read those that are new; how many runs came of them."""
        new = 0
        for batch in _batches(await self._ledger.unread(objects)):
            new += await self._read(batch, parse)
        return new

    async def _read(self, batch: Sequence[StoredObject], parse: Parse) -> int:
        imported: list[ImportedRun] = []
        deleted: list[Tombstone] = []

        async def read(stored: StoredObject) -> None:
            try:
                fetched = await fetch(self._bucket, stored)
                if fetched is not None:
                    one = parse_safely(stored, lambda: parse(stored, fetched.body))
                    if isinstance(one, Tombstone):
                        deleted.append(one)
                    else:
                        imported.append(one)
            except BadInput as error:
                # What comes too early for our clock is read again.
                etag = "" if isinstance(error, Early) else stored.etag
                await self._ledger.reject(Rejected(stored.key, etag, stored.size, error.message, self._context.clock()))

        await for_each(batch, read)
        if deleted:
            await self._deletions.bury(deleted)
        imported.sort(key=lambda run: run.key)
        return await self._ledger.import_runs(imported, self._context.clock())


def _batches(objects: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    batch: list[StoredObject] = []
    size = 0
    for stored in objects:
        weight = min(stored.size, LARGEST)  # more than that of it is never read
        if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(stored)
        size += weight
    if batch:
        yield batch

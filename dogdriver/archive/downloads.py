"""Down: the finished runs of other daemons (and our own, into an empty database), and the first dogDriver's results.

A look costs as many requests however many objects there are: for each writer one for what follows the last keys that
were seen, and one page of a full scan through everything, which finds what came in late or out of order.
"""

import logging
from collections.abc import Sequence

from msgspec.structs import replace

from dogdriver.archive.fetch import Importer
from dogdriver.archive.legacy import default_place, parse_result_key, result_run
from dogdriver.archive.objects import RUNS, archived_id, archived_run, identity, read_tombstone, writer_prefix
from dogdriver.archive.ports import Bucket, Deletions, Ledger
from dogdriver.errors import Invalid
from dogdriver.model import Trigger
from dogdriver.model.archive import ImportedRun, Listing, StoredObject, Tombstone
from dogdriver.model.state import State
from dogdriver.pipeline.context import Context

log = logging.getLogger(__name__)

OVERLAP = 500  # keys of each writer that are listed again, in the same request as the new ones
LAST = "\U0010ffff"  # sorts behind whatever stands in a folder


class FullScan:
    """All that begins with *prefix*, a page at a time, and then again from the beginning."""

    def __init__(self, bucket: Bucket, prefix: str, *, folders: bool = False) -> None:
        self._bucket, self._prefix, self._folders = bucket, prefix, folders
        self._after = ""

    async def next_page(self) -> Listing:
        listing = await self._bucket.list(self._prefix, after=self._after, folders=self._folders)
        ends = [*(one.key for one in listing.objects[-1:]), *(folder + LAST for folder in listing.folders[-1:])]
        self._after = max(ends) if listing.more and ends else ""
        return listing

    @property
    def after(self) -> str:
        """The key behind which the next page begins."""
        return self._after


class RunDownloads:
    """The runs that daemons have archived."""

    def __init__(self, context: Context, ledger: Ledger, deletions: Deletions, state: State, bucket: Bucket) -> None:
        self._context, self._ledger, self._state, self._bucket = context, ledger, state, bucket
        self._importer = Importer(context, ledger, deletions, bucket)
        self._scan = FullScan(bucket, RUNS)
        self._name = f"bucket {bucket.name} archive"  # of what must survive a restart

    async def look(self) -> int:
        """How many runs are new."""
        after: dict[str, str] = dict(await self._state.get(self._name) or {})
        new = 0
        for writer in await self._writers():
            new += await self._tail(writer, after)
        return new + await self._full_scan()

    async def _full_scan(self) -> int:
        """The next page of it; what we have sent and is not in it goes up once more."""
        after, now = self._scan.after, self._context.clock()
        page = await self._scan.next_page()
        there = [one.key for one in page.objects]
        last = there[-1] if page.more and there else None
        lost = await self._ledger.send_again(
            writer_prefix(self._context.source), after=after, last=last, there=there, since=now
        )
        if lost:
            log.warning("%d run(s) that had been archived are not in the bucket any more; they are sent again", lost)
        return await self._import(page.objects)

    async def _writers(self) -> Sequence[str]:
        writers: list[str] = []
        scan, more = FullScan(self._bucket, RUNS, folders=True), True
        while more:
            listing = await scan.next_page()
            writers += listing.folders
            more = listing.more
        return writers

    async def _tail(self, writer: str, after: dict[str, str]) -> int:
        new, more = 0, True
        keys = [after.get(writer, "")]
        while more:
            listing = await self._bucket.list(writer, after=keys[-1])
            new += await self._import(listing.objects)
            keys = [*keys, *(one.key for one in listing.objects)][-OVERLAP - 1 :]
            more = listing.more and bool(listing.objects)
        if keys[0] != after.get(writer, ""):
            after[writer] = keys[0]
            await self._state.set(self._name, after)
        return new

    async def _import(self, objects: Sequence[StoredObject]) -> int:
        return await self._importer.import_new([(one, archived_id(one.key) or "") for one in objects], self._parse)

    def _parse(self, stored: StoredObject, body: bytes) -> ImportedRun | Tombstone:
        run_id = archived_id(stored.key)
        if run_id is None:
            raise Invalid("its key is not one that a dogDriver gives to an archived run")
        if tombstone := read_tombstone(stored.key, body, run_id):
            return tombstone
        run = archived_run(body, run_id, self._context.clock())
        # Only our own schedule counts from our own runs.
        trigger = run.trigger if run.source == self._context.source else Trigger.ELSEWHERE
        return ImportedRun(replace(run, trigger=trigger), stored.key, stored.etag)


class LegacyDownloads:
    """What the first dogDriver has measured; all of it at first, later a page at a time."""

    def __init__(self, context: Context, ledger: Ledger, deletions: Deletions, state: State, bucket: Bucket) -> None:
        self._context, self._state, self._bucket = context, state, bucket
        self._importer = Importer(context, ledger, deletions, bucket)
        self._scan = FullScan(bucket, "", folders=True)
        self._name = f"bucket {bucket.name} results"

    async def look(self) -> int:
        """How many runs are new."""
        if (await self._state.get(self._name) or {}).get("all"):
            return await self._import((await self._scan.next_page()).objects)
        new, more = 0, True
        while more:
            listing = await self._scan.next_page()
            new += await self._import(listing.objects)
            more = listing.more
        await self._state.set(self._name, {"all": True})
        return new

    async def _import(self, objects: Sequence[StoredObject]) -> int:
        results = {one.key: result for one in objects if (result := parse_result_key(one.key))}

        def parse(stored: StoredObject, body: bytes) -> ImportedRun:
            result = results[stored.key]
            place = default_place(self._context.catalog.current.projects.get(result.project))
            run = result_run(result, body, identity(self._bucket.name, stored.key), place)
            return ImportedRun(run, stored.key, stored.etag, relabel=True)

        named = [(one, identity(self._bucket.name, one.key)) for one in objects if one.key in results]
        return await self._importer.import_new(named, parse)

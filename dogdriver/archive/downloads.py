"""Down: the finished runs of other daemons (and our own, into an empty database), and the first dogDriver's results.

A look costs as many requests however many objects there are: for each writer one for what follows the last keys that
were seen, and one page of a round through everything, which finds what came in late or out of order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dogdriver.archive.fetch import History
from dogdriver.archive.legacy import Result, result_of, result_run, usual_place
from dogdriver.archive.objects import RUNS, archived_id, archived_run, identity
from dogdriver.archive.ports import Books, Bucket
from dogdriver.errors import Invalid
from dogdriver.model import Trigger
from dogdriver.model.archive import Arrival, Listing, Stored
from dogdriver.pipeline.context import Services

OVERLAP = 500  # keys of each writer that are listed again, in the same request as the new ones
LAST = "\U0010ffff"  # sorts behind whatever stands in a folder


class Round:
    """All that begins with *prefix*, a page at a time, and then again from the beginning."""

    def __init__(self, bucket: Bucket, prefix: str, *, folders: bool = False) -> None:
        self._bucket, self._prefix, self._folders = bucket, prefix, folders
        self._after = ""

    async def page(self) -> Listing:
        listing = await self._bucket.list(self._prefix, after=self._after, folders=self._folders)
        ends = [*(one.key for one in listing.objects[-1:]), *(folder + LAST for folder in listing.folders[-1:])]
        self._after = max(ends) if listing.more and ends else ""
        return listing


class Archive:
    """The runs that daemons have archived."""

    def __init__(self, services: Services, books: Books, bucket: Bucket) -> None:
        self._world, self._books, self._bucket = services, books, bucket
        self._history = History(services, books, bucket)
        self._round = Round(bucket, RUNS)
        self._name = f"bucket {bucket.name} archive"  # of what must survive a restart

    async def look(self) -> int:
        """How many runs are new."""
        after: dict[str, str] = dict(await self._books.recall(self._name) or {})
        new = 0
        for writer in await self._writers():
            new += await self._tail(writer, after)
        return new + await self._bring((await self._round.page()).objects)

    async def _writers(self) -> Sequence[str]:
        writers: list[str] = []
        round_, more = Round(self._bucket, RUNS, folders=True), True
        while more:
            listing = await round_.page()
            writers += listing.folders
            more = listing.more
        return writers

    async def _tail(self, writer: str, after: dict[str, str]) -> int:
        new, more = 0, True
        keys = [after.get(writer, "")]
        while more:
            listing = await self._bucket.list(writer, after=keys[-1])
            new += await self._bring(listing.objects)
            keys = [*keys, *(one.key for one in listing.objects)][-OVERLAP - 1 :]
            more = listing.more and bool(listing.objects)
        if keys[0] != after.get(writer, ""):
            after[writer] = keys[0]
            await self._books.remember(self._name, after)
        return new

    async def _bring(self, objects: Sequence[Stored]) -> int:
        return await self._history.bring([(one, archived_id(one.key) or "") for one in objects], self._parse)

    def _parse(self, stored: Stored, body: bytes) -> Arrival:
        run_id = archived_id(stored.key)
        if run_id is None:
            raise Invalid("its key is not one that a dogDriver gives to an archived run")
        run = archived_run(body, run_id)
        # Only our own schedule counts from our own runs.
        trigger = run.trigger if run.source == self._world.source else Trigger.ELSEWHERE
        return Arrival(replace(run, trigger=trigger), stored.key, stored.etag)


class Results:
    """What the first dogDriver has measured; all of it at first, later a page at a time."""

    def __init__(self, services: Services, books: Books, bucket: Bucket) -> None:
        self._world, self._books, self._bucket = services, books, bucket
        self._history = History(services, books, bucket)
        self._round = Round(bucket, "", folders=True)
        self._name = f"bucket {bucket.name} results"

    async def look(self) -> int:
        """How many runs are new."""
        if (await self._books.recall(self._name) or {}).get("all"):
            return await self._bring((await self._round.page()).objects)
        new, more = 0, True
        while more:
            listing = await self._round.page()
            new += await self._bring(listing.objects)
            more = listing.more
        await self._books.remember(self._name, {"all": True})
        return new

    async def _bring(self, objects: Sequence[Stored]) -> int:
        results: Mapping[str, Result] = {one.key: found for one in objects if (found := result_of(one.key))}

        def parse(stored: Stored, body: bytes) -> Arrival:
            result = results[stored.key]
            place = usual_place(self._world.catalog.current.projects.get(result.project))
            run = result_run(result, body, identity(self._bucket.name, stored.key), place)
            return Arrival(run, stored.key, stored.etag, relabel=True)

        named = [(one, identity(self._bucket.name, one.key)) for one in objects if one.key in results]
        return await self._history.bring(named, parse)

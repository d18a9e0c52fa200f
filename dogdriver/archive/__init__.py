"""The life of runs across daemons: one bucket is everybody's archive, and the inbox of those who have no daemon.

`uploads` sends what is final here, `imports` brings what is final elsewhere, `inbox` takes what is not final yet;
`layout` says where all that stands, `first` what the first dogDriver left. Nothing else waits for the bucket.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from dogdriver.archive.downloads import Archive, Results
from dogdriver.archive.health import Health, noted
from dogdriver.archive.inbox import Inbox
from dogdriver.archive.objects import inbox_object
from dogdriver.archive.ports import Books, Bucket
from dogdriver.archive.uploads import Uploads
from dogdriver.errors import ExternalError, Refused
from dogdriver.pipeline.context import Services
from dogdriver.pipeline.judge import Judging

SHOWN = 20  # rejected objects on the status page


class Exchange:
    """Two steps for the scheduler's workers: `upload_next` and `sync_next`. *sync*: seconds between two looks."""

    def __init__(self, services: Services, books: Books, bucket: Bucket, *, sync: float) -> None:
        self._world, self._books, self._bucket = services, books, bucket
        self._sync = timedelta(seconds=sync)
        self._uploads = Uploads(services, books, bucket, rest=sync)
        self._inbox = Inbox(services, books, bucket)
        archive, results = Archive(services, books, bucket), Results(services, books, bucket)
        self._looks = {"inbox": self._inbox.look, "archive": archive.look, "results": results.look}
        self._health = {name: Health() for name in self._looks}
        self._clearing = Health()
        self._judging = Judging(services.store)
        self._next: datetime | None = None
        self._begun = False
        self._spent: int | None = None  # requests of the last look

    # Up

    async def upload_next(self) -> bool:
        """Send one finished run, or clear the inbox of what is archived; False: there is nothing to send now."""
        await self._begin()
        if await self._uploads.next():
            return True
        if self._uploads.health.error is None:
            await self._clear()
        return False

    async def next_upload(self) -> datetime | None:
        """When to try again after a failure."""
        return await self._uploads.due()

    # Down

    async def sync_next(self) -> bool:
        """One look at a release that runs came in for, else one into the bucket if it is time; False: neither."""
        await self._begin()
        if await self._judge():
            return True
        now = self._world.clock()
        if self._next is not None and now < self._next:
            return False
        self._next = now + self._sync
        await self._look()
        return await self._books.unjudged() is not None

    async def next_sync(self) -> datetime | None:
        return self._next

    async def _look(self) -> None:
        """What fails is on the status page, and tried again at the next look."""
        before = self._bucket.requests
        for name, look in self._looks.items():
            try:
                with noted(self._health[name], self._world.clock):
                    await look()
            except Refused:
                continue  # the others may have the rights that they need
            except ExternalError:
                break
        self._spent = self._bucket.requests - before

    async def _judge(self) -> bool:
        found = await self._books.unjudged()
        if found is None:
            return False
        run, again = found
        try:
            judged = await self._judging.look(run, self._world.project(run), self._world.clock(), again=again)
            await self._world.store.note(judged)
        except Exception:
            await self._books.judged(run)  # a defect must not hold up the other releases
            raise
        await self._books.judged(run)
        return True

    async def _begin(self) -> None:
        if not self._begun:
            await self._books.bucket_is(self._bucket.name)
            self._begun = True

    async def _clear(self) -> None:
        if done := await self._inbox.done():
            with suppress(ExternalError), noted(self._clearing, self._world.clock):  # tried again soon
                await self._inbox.clear(done)

    async def status(self) -> dict[str, Any]:
        """For the status page; times aware or None."""
        counts = await self._books.counts()
        parts = (*self._health.values(), self._uploads.health, self._clearing)
        failing = [part.error for part in parts if part.error]
        successes = [part.last_success for part in parts if part.last_success]
        return {
            "state": "failing" if failing else "ok" if successes else "unknown",
            "message": f"{counts.rejected} object(s) could not be used" if counts.rejected else None,
            "name": self._bucket.name,
            "last_success": max(successes, default=None),
            "last_error": failing[0] if failing else None,
            "last_error_at": max((part.last_error for part in parts if part.last_error), default=None),
            "waiting": counts.waiting,
            "archived": counts.archived,
            "inbox": counts.inbox,
            "requests": self._spent,
            "rejected": [
                {"key": one.key[:200], "reason": one.reason, "size": one.size, "at": one.at, "moved": one.moved}
                for one in await self._books.rejected(limit=SHOWN)
            ],
        }


__all__ = ["Books", "Bucket", "Exchange", "inbox_object"]

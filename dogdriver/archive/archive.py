"""The bucket's two directions as steps for the scheduler's workers, and how the bucket did."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from dogdriver.archive.downloads import LegacyDownloads, RunDownloads
from dogdriver.archive.inbox import Inbox
from dogdriver.archive.ports import Bucket, Store
from dogdriver.archive.uploads import Uploads
from dogdriver.errors import ExternalError, Refused
from dogdriver.model.health import Condition, Health
from dogdriver.pipeline.announcements import Announcements
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.looks import Looks

SHOWN = 20  # rejected objects on the status page


class Archive:
    """Two steps for the scheduler's workers: `upload_next` and `sync_next`. *sync*: seconds between two looks."""

    def __init__(self, context: Context, store: Store, bucket: Bucket, *, sync: float) -> None:
        self._context, self._ledger, self._bucket = context, store.archive, bucket
        self._sync = timedelta(seconds=sync)
        self._uploads = Uploads(context, store.archive, store.deletions, bucket, pause=sync)
        self._inbox = Inbox(context, store.archive, store.deletions, store.inbox, bucket)
        self._looks = {
            "inbox": self._inbox.look,
            "archive": RunDownloads(context, store.archive, store.deletions, store.state, bucket).look,
            "results": LegacyDownloads(context, store.archive, store.deletions, store.state, bucket).look,
        }
        self._health = {name: Health() for name in self._looks}
        self._clearing = Health()
        self._release_looks = Looks(context.store, context.compute, context.turn)
        self._announcements = Announcements(context)
        self._next: datetime | None = None
        self._opened = False
        self._requests: int | None = None  # of the last look

    # Up

    async def upload_next(self) -> bool:
        """Send one finished run, or clear the inbox of what is archived; False: there is nothing to send now."""
        await self._open()
        if await self._uploads.upload_next():
            return True
        if self._uploads.health.error is None:
            await self._clear()
        return False

    async def next_upload(self) -> datetime | None:
        """When to try again after a failure."""
        return await self._uploads.next_attempt()

    # Down

    async def sync_next(self) -> bool:
        """One look at a release that runs came in for, else one into the bucket if it is time; False: neither."""
        await self._open()
        if await self._judge():
            return True
        now = self._context.clock()
        if self._next is not None and now < self._next:
            return False
        self._next = now + self._sync
        await self._look()
        return await self._ledger.unjudged() is not None

    async def next_sync(self) -> datetime | None:
        return self._next

    async def _look(self) -> None:
        """What fails is on the status page, and tried again at the next look."""
        before = self._bucket.requests
        for name, look in self._looks.items():
            try:
                with self._health[name].recorded(self._context.clock):
                    await look()
            except Refused:
                continue  # the others may have the rights that they need
            except ExternalError:
                break
        self._requests = self._bucket.requests - before

    async def _judge(self) -> bool:
        found = await self._ledger.unjudged()
        if found is None:
            return False
        run, again = found
        try:
            project, now = self._context.project(run), self._context.clock()
            await self._release_looks.look_at_import(run, project, now, again=again)
            if run.source == self._context.source and run.known_release:  # restored: it was told when it was new
                await self._announcements.count_as_told(run.scope, [run.known_release])
        except Exception:
            await self._ledger.set_judged(run)  # a defect must not hold up the other releases
            raise
        await self._ledger.set_judged(run)
        return True

    async def _open(self) -> None:
        if not self._opened:
            await self._ledger.use_bucket(self._bucket.name)
            self._opened = True

    async def _clear(self) -> None:
        failed = self._clearing.last_error if self._clearing.error else None
        if failed and self._context.clock() < failed + self._sync:
            return  # each commit leads here, and the bucket is left alone for a while
        if archived := await self._inbox.archived():
            with suppress(ExternalError), self._clearing.recorded(self._context.clock):  # tried again soon
                await self._inbox.remove(archived)

    async def status(self) -> dict[str, Any]:
        """For the status page; times aware or None."""
        counts = await self._ledger.counts()
        parts = (*self._health.values(), self._uploads.health, self._clearing)
        failing = [part.error for part in parts if part.error]
        successes = [part.last_success for part in parts if part.last_success]
        return {
            "state": Condition.FAILING if failing else Condition.OK if successes else Condition.UNKNOWN,
            "message": f"{counts.rejected} object(s) could not be used" if counts.rejected else None,
            "name": self._bucket.name,
            "last_success": max(successes, default=None),
            "last_error": failing[0] if failing else None,
            "last_error_at": max((part.last_error for part in parts if part.last_error), default=None),
            "waiting": counts.waiting,
            "archived": counts.archived,
            "inbox": counts.inbox,
            "requests": self._requests,
            "rejected": [
                {"key": one.key[:200], "reason": one.reason, "size": one.size, "at": one.at, "moved": one.moved}
                for one in await self._ledger.rejected(limit=SHOWN)
            ],
        }

"""Up: every finished run becomes an object, in the order in which the runs were added, as soon as it is final."""

import logging
from datetime import datetime, timedelta

from dogdriver.archive.objects import archive_key, archive_object, deleted_object, stamp_of, writer_prefix
from dogdriver.archive.ports import Bucket, Deletions, Ledger
from dogdriver.errors import ExternalError, Refused
from dogdriver.model import Run
from dogdriver.model.archive import Tombstone
from dogdriver.model.health import Health
from dogdriver.pipeline.context import Context

log = logging.getLogger(__name__)


class Uploads:
    """One run a step. Its key is kept before the object is sent: sent again, after whatever, it is the same object."""

    def __init__(self, context: Context, ledger: Ledger, deletions: Deletions, bucket: Bucket, *, pause: float) -> None:
        self._context, self._ledger, self._deletions, self._bucket = context, ledger, deletions, bucket
        self._pause = timedelta(seconds=pause)
        self._prefix = writer_prefix(context.source)
        self._retry_at: datetime | None = None
        self._refused: list[str] = []
        self.health = Health()

    async def upload_next(self) -> bool:
        """Send the next run; False: all are there, or the bucket cannot be reached and is left alone for a while."""
        now = self._context.clock()
        if self._retry_at and now < self._retry_at:
            return False
        self._retry_at = None
        if tombstone := await self._deletions.next_tombstone():
            return await self._bury(tombstone, now)
        found = await self._ledger.unarchived(self._refused)
        if found is None:
            self._refused.clear()
            return False
        run, key = found
        if key is not None and not key.startswith(self._prefix):
            await self._ledger.give_key(run.id, key)  # another daemon's object, or the first dogDriver's: it stays so
            await self._ledger.set_archived(run.id, now)
            return True
        return await self._send(run, key, now)

    async def next_attempt(self) -> datetime | None:
        """When to try again after a failure."""
        return self._retry_at

    async def _bury(self, tombstone: Tombstone, now: datetime) -> bool:
        """In the place of a run that was deleted, so that it comes back to nobody."""
        try:
            with self.health.recorded(self._context.clock):
                await self._bucket.put(tombstone.key, deleted_object(tombstone.run, tombstone.at))
        except ExternalError as error:
            self._retry_at = now + self._pause
            log.warning("that run %s is deleted cannot be said in the bucket yet: %s", tombstone.run, error.message)
            return False
        await self._deletions.set_told(tombstone.run, self._context.clock())
        return True

    async def _send(self, run: Run, key: str | None, now: datetime) -> bool:
        try:
            with self.health.recorded(self._context.clock):
                key = key or await self._new_key(run, now)
                await self._ledger.give_key(run.id, key)
                await self._bucket.put(key, archive_object(run))
        except ExternalError as error:
            self._retry_at = now + self._pause
            if isinstance(error, Refused):
                log.warning("run %s could not be archived: %s", run.id, error.message)
                self._refused.append(run.id)
            return False
        except Exception:
            self._refused.append(run.id)  # a defect of ours must not hold up the other runs
            raise
        await self._ledger.set_archived(run.id, self._context.clock())
        return True

    async def _new_key(self, run: Run, now: datetime) -> str:
        """Behind every key given out before, even where the clock was set back."""
        key = archive_key(self._context.source, now, run.id)
        last = await self._ledger.newest_key(self._prefix)
        if last is not None and last >= key:
            after = stamp_of(last) + timedelta(microseconds=1)
            key = archive_key(self._context.source, after, run.id)
        return key

"""The inbox: runs made elsewhere whose metrics nobody has read yet, those of the first dogDriver's clients included.

A claim saves work, no more: two daemons that take the same object get the same run, under the same id. The object
goes when the run is final and in the archive, so that a daemon that is lost for good has lost nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from dogdriver.archive.downloads import FullScan
from dogdriver.archive.fetch import fetch, for_each, parse_safely
from dogdriver.archive.legacy import JOBS, default_place, is_job, job_run, of_unknown_project
from dogdriver.archive.objects import (
    INBOX,
    claim_key,
    claim_object,
    delivered_id,
    identity,
    inbox_run,
    read_claim,
    reason_object,
    rejected_keys,
)
from dogdriver.archive.ports import Bucket, Claims, Deletions, Ledger
from dogdriver.errors import BadInput, Invalid
from dogdriver.model import Run
from dogdriver.model.archive import ClaimedObject, ImportedRun, Rejected, StoredObject
from dogdriver.pipeline.commands import same_run
from dogdriver.pipeline.context import Context

CLAIM = timedelta(hours=1)  # renewed when half of it is over
CLAIM_BYTES = 4096
PAGES = 10  # of each inbox in one look


class Inbox:
    """Takes, claims, sets aside and removes the objects of both inboxes."""

    def __init__(self, context: Context, ledger: Ledger, deletions: Deletions, claims: Claims, bucket: Bucket) -> None:
        self._context, self._ledger, self._claims, self._bucket = context, ledger, claims, bucket
        self._deletions = deletions
        self._scans = (FullScan(bucket, INBOX), FullScan(bucket, JOBS, folders=True))
        self._claimed_elsewhere: dict[str, datetime] = {}  # until when somebody else has an object
        self._first_seen: dict[str, datetime] = {}

    async def look(self) -> int:
        """How many objects were taken."""
        now = self._context.clock()
        taken = {one.key: one for one in await self._claims.claimed()}
        await for_each([one for one in taken.values() if not one.archived], lambda one: self._renew(one, now))
        listed = [one for one in await self._listed() if one.key not in taken]
        known = {one.key: one for one in await self._ledger.rejected(keys=[one.key for one in listed])}
        self._claimed_elsewhere = {key: until for key, until in self._claimed_elsewhere.items() if until > now}
        self._first_seen = {one.key: self._first_seen.get(one.key, now) for one in listed}
        imported: list[ImportedRun] = []

        async def take(stored: StoredObject) -> None:
            if self._belongs_to_others(stored, now) or not await self._claim(stored.key, now):
                return
            if run := await self._read(stored, known, now):
                imported.append(run)

        try:
            await for_each(listed, take)
        finally:
            if imported:
                await self._ledger.import_runs(imported, now)
        return len(imported)

    async def archived(self) -> Sequence[str]:
        """The objects whose runs are in the archive."""
        return [one.key for one in await self._claims.claimed() if one.archived]

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove them: first the object, then its claim."""

        async def remove(key: str) -> None:
            await self._bucket.remove(key, claim_key(key))
            await self._claims.delete([key])

        await for_each(keys, remove)

    async def _listed(self) -> Sequence[StoredObject]:
        found: dict[str, StoredObject] = {}
        for scan in self._scans:
            for _ in range(PAGES):
                listing = await scan.next_page()
                found |= {one.key: one for one in listing.objects}
                if not listing.more:
                    break
        return [one for one in found.values() if one.key.startswith(INBOX) or is_job(one.key)]

    def _belongs_to_others(self, stored: StoredObject, now: datetime) -> bool:
        """Somebody else has it; or we could not read its metrics, and somebody else may be able to."""
        if stored.key in self._claimed_elsewhere:
            return True
        waited = now - self._first_seen[stored.key]
        return not self._context.datadog.configured and waited < timedelta(seconds=self._context.settle)

    # Claims

    async def _claim(self, key: str, now: datetime) -> bool:
        place, body = claim_key(key), claim_object(self._context.source, now + CLAIM)
        if await self._bucket.put(place, body, new=True):
            return True
        kept = await self._bucket.get(place, most=CLAIM_BYTES)
        if kept is None:
            return False  # just given back: the next look will tell
        held = read_claim(kept.body)
        if held and held.owner != self._context.source and held.expires > now:
            self._claimed_elsewhere[key] = min(held.expires, now + CLAIM)
            return False
        return await self._bucket.put(place, body, match=kept.etag)

    async def _renew(self, taken: ClaimedObject, now: datetime) -> None:
        if taken.claimed - now < CLAIM / 2:
            await self._bucket.put(claim_key(taken.key), claim_object(self._context.source, now + CLAIM))
            await self._claims.renew(taken.key, now + CLAIM)

    # Objects

    async def _read(self, stored: StoredObject, known: Mapping[str, Rejected], now: datetime) -> ImportedRun | None:
        """The run that a claimed object holds; None: it is gone, was set aside, or has to wait."""
        before = known.get(stored.key)
        if before and before.etag == stored.etag:
            await self._set_aside(stored, before.reason, now)  # a look that was cut off had begun it
            return None
        try:
            return await self._import(stored, now)
        except BadInput as error:
            await self._set_aside(stored, error.message, now)
            return None

    async def _import(self, stored: StoredObject, now: datetime) -> ImportedRun | None:
        job = not stored.key.startswith(INBOX)
        run_id = identity(self._bucket.name, stored.key) if job else delivered_id(stored.key)
        if run_id is None:
            raise Invalid("its key is not one that a dogDriver gives to a delivered run")
        fetched = await fetch(self._bucket, stored)
        if fetched is None:
            await self._bucket.remove(claim_key(stored.key))
            return None
        body = fetched.body
        run = parse_safely(stored, lambda: self._run(body, run_id, job=job, now=now))
        if self._context.awaits_catalog(run):
            await self._bucket.remove(claim_key(stored.key))  # until ServiceBook has answered
            return None
        run = self._context.as_received(run)
        if await self._deletions.deleted(run_id):
            raise Invalid(f"run {run_id} was deleted here; send it under a new id")
        kept = await self._context.store.runs.get(run_id)
        if kept is not None and not job and not same_run(kept, _as_labelled(run, kept)):
            raise Invalid(f"run {run_id} is here already and differs from it")
        return ImportedRun(run, stored.key, stored.etag, claimed=now + CLAIM, relabel=job)

    def _run(self, body: bytes, run_id: str, *, job: bool, now: datetime) -> Run:
        if not job:
            return inbox_run(body, run_id, now)
        run = job_run(body, run_id, now, self._place)
        return run if self._context.project(run) else of_unknown_project(run)

    def _place(self, project: str) -> tuple[str, str]:
        return default_place(self._context.catalog.current.projects.get(project))

    async def _set_aside(self, stored: StoredObject, reason: str, now: datetime) -> None:
        """Move an object where nobody reads it, its reason beside it; it is on our status page before it is moved."""
        place, beside = rejected_keys(stored.key)
        await self._ledger.reject(Rejected(stored.key, stored.etag, stored.size, reason, now, place))
        if await self._bucket.copy(stored.key, place):
            await self._bucket.put(beside, reason_object(stored.key, reason, now, self._context.source))
        await self._bucket.remove(stored.key, claim_key(stored.key))


def _as_labelled(run: Run, kept: Run) -> Run:
    """*run* with the label that the same release has here."""
    if run.release is None or kept.release is None:
        return run
    return replace(run, release=kept.release)

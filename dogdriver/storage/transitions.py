"""The life of a run's row: added, claimed, saved, excluded, and in a client's store deleted in the end."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from dogdriver.model import Judged, MetricValue, OutboxMessage, Run, Status, Trigger
from dogdriver.model.card import Edition, ScopeCards
from dogdriver.storage import cards, outbox, releases, runs, values, verdicts
from dogdriver.storage.codec import from_json, to_json, to_time
from dogdriver.storage.database import Part, read, write

KEY_KEPT = timedelta(hours=24)  # an idempotency key


def add(database: sqlite3.Connection, new: Run, idempotency_key: str | None) -> tuple[Run, bool]:
    kept = _kept(database, new, idempotency_key)
    if kept is None:
        elsewhere = new.trigger is Trigger.ELSEWHERE
        runs.insert(database, releases.labelled(database, new, relabel=False) if elsewhere else new)
    if idempotency_key is not None:
        database.execute(
            "INSERT INTO idempotency (key, run, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (idempotency_key, new.id if kept is None else kept.id, to_time(new.created)),
        )
    return (runs.by_id(database, new.id) or new, True) if kept is None else (kept, False)


def _kept(database: sqlite3.Connection, new: Run, idempotency_key: str | None) -> Run | None:
    """The run that stands for *new* already."""
    if idempotency_key is not None:
        database.execute("DELETE FROM idempotency WHERE created <= ?", (to_time(new.created - KEY_KEPT),))
        row = database.execute("SELECT run FROM idempotency WHERE key = ?", (idempotency_key,)).fetchone()
        if row:
            return runs.by_id(database, row["run"])
    if kept := runs.by_id(database, new.id):
        return kept
    if new.status is not Status.QUEUED:
        return None
    row = database.execute(
        "SELECT * FROM run WHERE status = 'queued' AND project = ? AND deployment = ? AND test = ?",
        (new.project, new.deployment, new.test),
    ).fetchone()
    return runs.whole(database, row)


class Transitions(Part):
    """Each takes a run from one status to the next, with all that must change in the same transaction."""

    @write
    def add(self, database: sqlite3.Connection, run: Run, *, idempotency_key: str | None = None) -> tuple[Run, bool]:
        """Keep a new run. Returns it and True; or, for a queued run of the same project, deployment and test that is
        there already, or one with the same idempotency key, that one and False. A run that is not queued (made
        elsewhere) is kept under its own id; an id that exists returns the kept one and False.
        """
        return add(database, run, idempotency_key)

    async def claim(self, now: datetime, *, held: Sequence[str] = ()) -> Run | None:
        """Turn the oldest queued run that is not *held* into running, by a conditional UPDATE; None: there is none.

        Read first: whoever is woken by every commit must not take the write lock to find nothing.
        """
        return await self._claim(now, held) if await self._queued(held) else None

    @read
    def _queued(self, database: sqlite3.Connection, held: Sequence[str]) -> bool:
        found = database.execute(
            "SELECT 1 FROM run WHERE status = 'queued' AND id NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
            (to_json(held),),
        )
        return found.fetchone() is not None

    @write
    def _claim(self, database: sqlite3.Connection, now: datetime, held: Sequence[str]) -> Run | None:
        row = database.execute(
            "UPDATE run SET status = 'running', claimed = ? WHERE status = 'queued' AND seq ="
            " (SELECT seq FROM run WHERE status = 'queued' AND id NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY created, seq LIMIT 1) RETURNING *",
            (to_time(now), to_json(held)),
        ).fetchall()
        return runs.whole(database, row[0]) if row else None

    async def claim_due(self, now: datetime, lease_end: datetime) -> Run | None:
        """The pending run that has been due longest at *now*, its due moved to *lease_end*; None: there is none."""
        return await self._claim_due(now, lease_end) if await self._due(now) else None

    @read
    def _due(self, database: sqlite3.Connection, now: datetime) -> bool:
        found = database.execute(
            "SELECT 1 FROM run INDEXED BY run_due WHERE status = 'pending' AND due <= ? LIMIT 1", (to_time(now),)
        )
        return found.fetchone() is not None

    @write
    def _claim_due(self, database: sqlite3.Connection, now: datetime, lease_end: datetime) -> Run | None:
        row = database.execute(
            "UPDATE run SET due = :lease_end WHERE status = 'pending' AND due <= :now AND seq ="
            " (SELECT seq FROM run INDEXED BY run_due WHERE status = 'pending' AND due <= :now"
            " ORDER BY due, seq LIMIT 1) RETURNING *",
            {"now": to_time(now), "lease_end": to_time(lease_end)},
        ).fetchall()
        return runs.whole(database, row[0]) if row else None

    @write
    def save(
        self,
        database: sqlite3.Connection,
        run: Run,
        *,
        expect: Status,
        values: Mapping[str, MetricValue] | None = None,
        judged: Sequence[Judged] = (),
        messages: Sequence[OutboxMessage] = (),
        release_seen: datetime | None = None,
        of: Edition | None = None,
        shown: ScopeCards | None = None,
    ) -> bool:
        """Write the row, with the *values* given (others stay), verdicts, cards and messages, in one transaction.

        False, and nothing written, where the kept run is not in status *expect* any more, or where what these were made
        *of* has changed since. A message of a kind and key
        that exists is left as it is. With *release_seen* the run's release is recorded as observed then.
        """
        if of is not None and not cards.holds(database, of):
            return False
        written = save(database, run, expect, values or {}, judged, messages, release_seen)
        if written and shown is not None:
            cards.put(database, shown)
        return written

    @write
    def set_excluded(self, database: sqlite3.Connection, run_id: str, excluded: str | None) -> bool:
        """Set or take back the exclusion of a run that has ended; False where it has not. `save` leaves it alone."""
        changed = database.execute(
            "UPDATE run SET excluded = ? WHERE id = ? AND status IN ('done', 'failed', 'aborted', 'invalid')",
            (excluded, run_id),
        ).rowcount
        return bool(changed)

    @write
    def delete_delivered(self, database: sqlite3.Connection, before: datetime) -> None:
        """Delete the runs that were created before then, of which nothing is still to be sent, with their messages."""
        over = database.execute(
            "SELECT id FROM run WHERE status NOT IN ('queued', 'running') AND created < ? AND id NOT IN"
            " (SELECT run FROM errand WHERE state <> 'sent' AND run IS NOT NULL)",
            (to_time(before),),
        ).fetchall()
        for (run,) in over:
            database.execute("DELETE FROM errand WHERE run = ?", (run,))
            database.execute("DELETE FROM run WHERE id = ?", (run,))


def save(
    database: sqlite3.Connection,
    changed: Run,
    expect: Status,
    metrics: Mapping[str, MetricValue],
    judged: Sequence[Judged],
    messages: Sequence[OutboxMessage],
    release_seen: datetime | None,
) -> bool:
    kept = database.execute(
        "SELECT project, deployment, links FROM run WHERE id = ? AND status = ?", (changed.id, expect.value)
    ).fetchone()
    if kept is None:
        return False
    # Links that messages have added since *changed* was read stay, and an exclusion is `set_excluded`'s alone.
    row = runs.changing_columns(changed) | {
        "links": to_json(from_json(kept["links"], dict[str, str]) | dict(changed.links))
    }
    del row["excluded"]
    runs.update(database, changed.id, row)
    values.keep(database, changed.id, kept["project"], metrics)
    for look in judged:
        verdicts.add(database, look)
    for message in messages:
        outbox.add(database, message)
    if release_seen is not None and changed.observed is not None:
        releases.observe(database, kept["project"], kept["deployment"], changed.observed, release_seen)
    return True

"""Messages: what must reach somebody else in the end. Their table is called errand."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dogdriver.model import MessageState, OutboxMessage, Outstanding
from dogdriver.storage.codec import (
    from_json,
    from_json_or_null,
    from_time,
    from_time_or_null,
    insertion,
    to_json,
    to_json_or_null,
    to_row,
    to_time,
)
from dogdriver.storage.database import Part, read, write


def add(database: sqlite3.Connection, message: OutboxMessage) -> None:
    """Keep a message; one of its kind and key that is there is left as it is."""
    row = _columns(message)
    database.execute(f"{insertion('errand', row)} ON CONFLICT (kind, key) DO NOTHING", row)


def _columns(message: OutboxMessage) -> dict[str, Any]:
    return to_row(
        {
            "kind": message.kind,
            "key": message.key,
            "run": message.run,
            "payload": to_json(message.payload),
            "due": to_time(message.due),
            "created": to_time(message.created),
            "attempts": message.attempts,
            "state": message.state.value,
            "error": message.error,
            "result": to_json_or_null(message.result),
            "unsure": message.unsure,
        }
    )


def _from_row(row: sqlite3.Row) -> OutboxMessage:
    return OutboxMessage(
        kind=row["kind"],
        key=row["key"],
        run=row["run"],
        payload=from_json(row["payload"], dict[str, Any]),
        due=from_time(row["due"]),
        created=from_time(row["created"]),
        attempts=row["attempts"],
        state=MessageState(row["state"]),
        error=row["error"],
        result=from_json_or_null(row["result"], dict[str, Any]),
        unsure=row["unsure"],
    )


def link_name(message: OutboxMessage) -> str:
    """The kind, and what the key says beside the run: `datadog.event` of `RUN:start` is `datadog.event.start`."""
    rest = message.key.replace(message.run or "", "", 1).strip(":/.-_ ") if message.run else ""
    return f"{message.kind}.{rest}" if rest else message.kind


class Outbox(Part):
    """The messages of all kinds."""

    @write
    def add(self, database: sqlite3.Connection, message: OutboxMessage) -> None:
        """Keep a message; one of its kind and key that is there is left as it is."""
        add(database, message)

    async def claim(
        self, now: datetime, lease_end: datetime, *, held: Sequence[str] = (), only: str | None = None
    ) -> OutboxMessage | None:
        """The waiting message that has been due longest, its due moved to *lease_end*; None: none is due.

        Kinds that are *held* wait; *only* one kind is wanted. From here on it may be sent: a daemon that ends before
        `close` leaves one that is `unsure` once more than the one that is given here. Read first: whoever is woken by
        every commit must not take the write lock to find nothing.
        """
        due = await self.next_due(held=held, only=only)
        return None if due is None or due > now else await self._claim(now, lease_end, held, only)

    @write
    def _claim(
        self, database: sqlite3.Connection, now: datetime, lease_end: datetime, held: Sequence[str], only: str | None
    ) -> OutboxMessage | None:
        row = database.execute(
            "SELECT * FROM errand INDEXED BY errand_due WHERE state = 'waiting' AND due <= ?"
            " AND kind NOT IN (SELECT value FROM json_each(?)) AND kind = coalesce(?, kind) ORDER BY due, seq LIMIT 1",
            (to_time(now), to_json(held), only),
        ).fetchone()
        if row is None:
            return None
        database.execute(
            "UPDATE errand SET due = ?, unsure = unsure + 1 WHERE seq = ?", (to_time(lease_end), row["seq"])
        )
        return replace(_from_row(row), due=lease_end)

    @write
    def close(self, database: sqlite3.Connection, message: OutboxMessage) -> None:
        """Write back what came of it; the `url` of its result becomes a link of its run, called as link_name says."""
        database.execute(
            "UPDATE errand SET due = :due, attempts = :attempts, state = :state, error = :error, result = :result,"
            " unsure = :unsure WHERE kind = :kind AND key = :key",
            _columns(message),
        )
        url = (message.result or {}).get("url")
        if message.run is None or not isinstance(url, str):
            return
        row = database.execute("SELECT links FROM run WHERE id = ?", (message.run,)).fetchone()
        if row is not None:
            links = from_json(row["links"], dict[str, str]) | {link_name(message): url}
            database.execute("UPDATE run SET links = ? WHERE id = ?", (to_json(links), message.run))

    @read
    def next_due(
        self, database: sqlite3.Connection, *, held: Sequence[str] = (), only: str | None = None
    ) -> datetime | None:
        """When the next waiting message is due that is of no *held* kind (of *only* one where that is said)."""
        row = database.execute(
            "SELECT min(due) AS due FROM errand WHERE state = 'waiting'"
            " AND kind NOT IN (SELECT value FROM json_each(?)) AND kind = coalesce(?, kind)",
            (to_json(held), only),
        ).fetchone()
        return from_time_or_null(row["due"])

    @read
    def last(self, database: sqlite3.Connection, kind: str, beginning: str) -> OutboxMessage | None:
        """The newest message of *kind* whose key begins so."""
        row = database.execute(
            "SELECT * FROM errand WHERE kind = ? AND key >= ? AND key < ? ORDER BY seq DESC LIMIT 1",
            (kind, beginning, beginning + chr(0x10FFFF)),
        ).fetchone()
        return _from_row(row) if row else None

    @read
    def outstanding(self, database: sqlite3.Connection) -> Outstanding:
        """What waits to be sent, all of it."""
        row = database.execute(
            "SELECT count(*) AS waiting, count(error) AS failing FROM errand WHERE state = 'waiting'"
        ).fetchone()
        error = database.execute(
            "SELECT error FROM errand WHERE state = 'waiting' AND error IS NOT NULL"
            " ORDER BY attempts DESC, seq DESC LIMIT 1"
        ).fetchone()
        return Outstanding(row["waiting"], row["failing"], error["error"] if error else None)

    @read
    def list(
        self, database: sqlite3.Connection, *, state: MessageState | None = None, limit: int = 50
    ) -> Sequence[OutboxMessage]:
        """Newest first; with *state* those alone."""
        where, bound = ("state = ?", (state.value,)) if state is not None else ("true", ())
        rows = database.execute(
            f"SELECT * FROM errand WHERE {where} ORDER BY created DESC, seq DESC LIMIT ?",  # noqa: S608 - see where
            (*bound, max(limit, 0)),
        )
        return [_from_row(row) for row in rows]

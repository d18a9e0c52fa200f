"""Rows of errands: what must reach somebody else in the end."""

import sqlite3
from datetime import datetime
from typing import Any

from dogdriver.model import Errand, Outstanding
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


def add(database: sqlite3.Connection, errand: Errand) -> None:
    """Keep an errand; one of its kind and key that is there is left as it is."""
    row = _columns(errand)
    database.execute(f"{insertion('errand', row)} ON CONFLICT (kind, key) DO NOTHING", row)


def _columns(errand: Errand) -> dict[str, Any]:
    return to_row(
        {
            "kind": errand.kind,
            "key": errand.key,
            "run": errand.run,
            "payload": to_json(errand.payload),
            "due": to_time(errand.due),
            "created": to_time(errand.created),
            "attempts": errand.attempts,
            "state": errand.state,
            "error": errand.error,
            "result": to_json_or_null(errand.result),
        }
    )


def _from_row(row: sqlite3.Row) -> Errand:
    return Errand(
        kind=row["kind"],
        key=row["key"],
        run=row["run"],
        payload=from_json(row["payload"], dict[str, Any]),
        due=from_time(row["due"]),
        created=from_time(row["created"]),
        attempts=row["attempts"],
        state=row["state"],
        error=row["error"],
        result=from_json_or_null(row["result"], dict[str, Any]),
    )


def claim(database: sqlite3.Connection, now: datetime, lease_end: datetime) -> Errand | None:
    rows = database.execute(
        "UPDATE errand SET due = :lease_end WHERE state = 'waiting' AND due <= :now AND seq ="
        " (SELECT seq FROM errand INDEXED BY errand_due WHERE state = 'waiting' AND due <= :now"
        " ORDER BY due, seq LIMIT 1) RETURNING *",
        {"now": to_time(now), "lease_end": to_time(lease_end)},
    ).fetchall()
    return _from_row(rows[0]) if rows else None


def close(database: sqlite3.Connection, errand: Errand) -> None:
    """Write back what came of it; the `url` of its result becomes a link of its run, called as link_name says."""
    database.execute(
        "UPDATE errand SET due = :due, attempts = :attempts, state = :state, error = :error, result = :result"
        " WHERE kind = :kind AND key = :key",
        _columns(errand),
    )
    url = (errand.result or {}).get("url")
    if errand.run is None or not isinstance(url, str):
        return
    row = database.execute("SELECT links FROM run WHERE id = ?", (errand.run,)).fetchone()
    if row is not None:
        links = from_json(row["links"], dict[str, str]) | {link_name(errand): url}
        database.execute("UPDATE run SET links = ? WHERE id = ?", (to_json(links), errand.run))


def link_name(errand: Errand) -> str:
    """The kind, and what the key says beside the run: `datadog.event` of `RUN:start` is `datadog.event.start`."""
    rest = errand.key.replace(errand.run or "", "", 1).strip(":/.-_ ") if errand.run else ""
    return f"{errand.kind}.{rest}" if rest else errand.kind


def next_due(database: sqlite3.Connection) -> datetime | None:
    row = database.execute("SELECT min(due) AS due FROM errand WHERE state = 'waiting'").fetchone()
    return from_time_or_null(row["due"])


def outbox(database: sqlite3.Connection) -> Outstanding:
    row = database.execute(
        "SELECT count(*) AS waiting, count(error) AS failing FROM errand WHERE state = 'waiting'"
    ).fetchone()
    error = database.execute(
        "SELECT error FROM errand WHERE state = 'waiting' AND error IS NOT NULL"
        " ORDER BY attempts DESC, seq DESC LIMIT 1"
    ).fetchone()
    return Outstanding(row["waiting"], row["failing"], error["error"] if error else None)


def errands(database: sqlite3.Connection, state: str | None, limit: int) -> list[Errand]:
    where, bound = ("state = ?", (state,)) if state is not None else ("true", ())
    rows = database.execute(
        f"SELECT * FROM errand WHERE {where} ORDER BY created DESC, seq DESC LIMIT ?",  # noqa: S608 - see where
        (*bound, max(limit, 0)),
    )
    return [_from_row(row) for row in rows]

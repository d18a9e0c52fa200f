"""The life of a run's row: added, claimed, saved. Every public function is one transaction's work."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from dogdriver.model import Errand, Judged, MetricValue, Run, Status
from dogdriver.storage import outbox as errands
from dogdriver.storage import releases, runs, values, verdicts
from dogdriver.storage import series as points
from dogdriver.storage.codec import from_json, insertion, to_json, to_time

REMEMBERED = timedelta(hours=24)  # an idempotency key


def add(database: sqlite3.Connection, new: Run, idempotency_key: str | None) -> tuple[Run, bool]:
    kept = _kept(database, new, idempotency_key)
    if kept is None:
        row = runs.fixed_columns(new) | runs.columns(new)
        database.execute(insertion("run", row), row)
        values.write(database, new.id, new.project, new.metrics)
        points.refresh(database, new.id)
    if idempotency_key is not None:
        database.execute(
            "INSERT INTO idempotency (key, run, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (idempotency_key, new.id if kept is None else kept.id, to_time(new.created)),
        )
    return (runs.run(database, new.id) or new, True) if kept is None else (kept, False)


def _kept(database: sqlite3.Connection, new: Run, idempotency_key: str | None) -> Run | None:
    """The run that stands for *new* already."""
    if idempotency_key is not None:
        database.execute("DELETE FROM idempotency WHERE created <= ?", (to_time(new.created - REMEMBERED),))
        row = database.execute("SELECT run FROM idempotency WHERE key = ?", (idempotency_key,)).fetchone()
        if row:
            return runs.run(database, row["run"])
    if kept := runs.run(database, new.id):
        return kept
    if new.status is not Status.QUEUED:
        return None
    row = database.execute(
        "SELECT * FROM run WHERE status = 'queued' AND project = ? AND deployment = ? AND test = ?",
        (new.project, new.deployment, new.test),
    ).fetchone()
    return runs.whole(database, row)


def claim(database: sqlite3.Connection, now: datetime, held: Sequence[str]) -> Run | None:
    row = database.execute(
        "UPDATE run SET status = 'running', claimed = ? WHERE status = 'queued' AND seq ="
        " (SELECT seq FROM run WHERE status = 'queued' AND id NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY created, seq LIMIT 1) RETURNING *",
        (to_time(now), to_json(held)),
    ).fetchall()
    return runs.whole(database, row[0]) if row else None


def claim_due(database: sqlite3.Connection, now: datetime, lease_end: datetime) -> Run | None:
    row = database.execute(
        "UPDATE run SET due = :lease_end WHERE status = 'pending' AND due <= :now AND seq ="
        " (SELECT seq FROM run INDEXED BY run_due WHERE status = 'pending' AND due <= :now"
        " ORDER BY due, seq LIMIT 1) RETURNING *",
        {"now": to_time(now), "lease_end": to_time(lease_end)},
    ).fetchall()
    return runs.whole(database, row[0]) if row else None


def save(
    database: sqlite3.Connection,
    changed: Run,
    *,
    expect: Status,
    metrics: Mapping[str, MetricValue],
    judged: Sequence[Judged],
    sent: Sequence[Errand],
    release_seen: datetime | None,
) -> bool:
    kept = database.execute(
        "SELECT project, deployment, links FROM run WHERE id = ? AND status = ?", (changed.id, expect.value)
    ).fetchone()
    if kept is None:
        return False
    points.forget(database, changed.id)
    # Links that errands have added since *changed* was read stay, and an exclusion is `flag`'s alone.
    row = runs.columns(changed) | {"links": to_json(from_json(kept["links"], dict[str, str]) | dict(changed.links))}
    del row["excluded"]
    settings = ", ".join(f"{name} = :{name}" for name in row)
    database.execute(
        f"UPDATE run SET {settings} WHERE id = :id",  # noqa: S608 - our own names
        row | {"id": changed.id},
    )
    values.write(database, changed.id, kept["project"], metrics)
    points.refresh(database, changed.id)
    for look in judged:
        verdicts.add(database, look)
    for errand in sent:
        errands.add(database, errand)
    if release_seen is not None and changed.release is not None:
        releases.see(database, kept["project"], kept["deployment"], changed.release, release_seen)
    return True


def flag(database: sqlite3.Connection, run: str, excluded: str | None) -> bool:
    points.forget(database, run)
    changed = database.execute(
        "UPDATE run SET excluded = ? WHERE id = ? AND status IN ('done', 'failed', 'aborted', 'invalid')",
        (excluded, run),
    ).rowcount
    points.refresh(database, run)
    return bool(changed)


def note(database: sqlite3.Connection, judged: Sequence[Judged]) -> None:
    for look in judged:
        verdicts.add(database, look)

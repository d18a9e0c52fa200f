"""Rows of what has gone up to the bucket, what has come down from it, and what was no use."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dogdriver.model import Run, Status
from dogdriver.model.archive import Arrival, Counts, Rejected, Stored, Taken
from dogdriver.storage import releases, runs, state, values
from dogdriver.storage import series as points
from dogdriver.storage.codec import from_time, insertion, to_row, to_time

BUCKET = "bucket"  # in state: which one it is
UNARCHIVED = "coalesce(archived, 0) = 0 AND status IN ('done', 'failed', 'aborted', 'invalid')"
_AMONG = "IN (SELECT one.value FROM json_each(?) AS one)"


def bucket_is(database: sqlite3.Connection, name: str) -> None:
    if state.recall(database, BUCKET) == name:
        return
    database.execute("UPDATE run SET archive = NULL, archived = NULL, etag = NULL WHERE archive IS NOT NULL")
    for table in ("inbox", "rejected"):
        database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    state.remember(database, BUCKET, name)


def unarchived(database: sqlite3.Connection, skip: Sequence[str]) -> tuple[Run, str | None] | None:
    row = database.execute(
        f"SELECT * FROM run WHERE {UNARCHIVED} AND NOT id {_AMONG} ORDER BY seq LIMIT 1",  # noqa: S608 - ours
        (json.dumps(list(skip)),),
    ).fetchone()
    run = runs.whole(database, row)
    return None if run is None else (run, row["archive"])


def newest_key(database: sqlite3.Connection, prefix: str) -> str | None:
    row = database.execute(
        "SELECT max(archive) AS key FROM run WHERE archive >= ? AND archive < ?", (prefix, prefix + "\U0010ffff")
    ).fetchone()
    return None if row["key"] is None else str(row["key"])


def give_key(database: sqlite3.Connection, run_id: str, key: str) -> None:
    database.execute("UPDATE run SET archive = ?, archived = 0 WHERE id = ?", (key, run_id))


def archived(database: sqlite3.Connection, run_id: str, at: datetime) -> None:
    database.execute("UPDATE run SET archived = ? WHERE id = ? AND archived = 0", (to_time(at), run_id))


def unread(database: sqlite3.Connection, objects: Sequence[tuple[Stored, str]]) -> list[Stored]:
    rows = database.execute(
        f"SELECT id, archive, etag FROM run WHERE id {_AMONG}",  # noqa: S608 - ours
        (json.dumps([run_id for _, run_id in objects]),),
    )
    kept = {row["id"]: (row["archive"], row["etag"]) for row in rows}
    useless = {one.key: one.etag for one in rejected(database, [stored.key for stored, _ in objects], 0)}
    return [
        stored
        for stored, run_id in objects
        if (run_id not in kept or _changed(stored, *kept[run_id])) and useless.get(stored.key) != stored.etag
    ]


def _changed(stored: Stored, key: str | None, etag: str | None) -> bool:
    """Whether the object that a run was read from is another one now."""
    return key == stored.key and etag is not None and etag != stored.etag


def bring(database: sqlite3.Connection, arrivals: Sequence[Arrival], at: datetime) -> int:
    new = 0
    for arrival in arrivals:
        kept = database.execute("SELECT * FROM run WHERE id = ?", (arrival.run.id,)).fetchone()
        if kept is None:
            _add(database, arrival, at)
            new += 1
        elif arrival.claimed is None and kept["archive"] == arrival.key and kept["etag"] is not None:
            _replace(database, arrival, kept)
        if arrival.claimed is not None:
            database.execute(
                "INSERT INTO inbox (key, run, claimed) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " run = excluded.run, claimed = excluded.claimed",
                (arrival.key, arrival.run.id, to_time(arrival.claimed)),
            )
    return new


def _add(database: sqlite3.Connection, arrival: Arrival, at: datetime) -> None:
    run = releases.brought(database, arrival.run, relabel=arrival.relabel)
    row = runs.fixed_columns(run) | runs.columns(run)
    if arrival.claimed is None:  # history: it stands in the bucket
        row |= {"archive": arrival.key, "archived": to_time(at), "etag": arrival.etag}
    database.execute(insertion("run", row), row)
    values.write(database, run.id, run.project, run.metrics)
    points.refresh(database, run.id)
    _to_judge(database, run, again=False)


def _replace(database: sqlite3.Connection, arrival: Arrival, kept: sqlite3.Row) -> None:
    """Its writer has changed what was measured, or excluded it; what was excluded here stays so."""
    excluded = arrival.run.excluded or kept["excluded"]
    run = releases.brought(database, replace(arrival.run, excluded=excluded), relabel=arrival.relabel)
    points.forget(database, run.id)
    row = runs.columns(run)
    settings = ", ".join(f"{name} = :{name}" for name in row)
    database.execute(f"UPDATE run SET {settings} WHERE id = :id", row | {"id": run.id})  # noqa: S608 - our own names
    values.write(database, run.id, run.project, run.metrics)
    database.execute(
        "UPDATE run SET etag = ?, archived = ? WHERE id = ?", (arrival.etag, kept["archived"] or 1, run.id)
    )
    points.refresh(database, run.id)
    _to_judge(database, run, again=True)


def _to_judge(database: sqlite3.Connection, run: Run, *, again: bool) -> None:
    if run.status is Status.DONE and run.release and run.release.known and run.started:
        database.execute(
            "INSERT INTO unjudged (project, deployment, test, source, release, started, run, again)"
            " SELECT project, deployment, test, source, release, started, id, ? FROM run WHERE id = ?"
            " ON CONFLICT DO UPDATE SET again = max(again, excluded.again), run = CASE WHEN excluded.started >= started"
            " THEN excluded.run ELSE run END, started = max(started, excluded.started)",
            (again, run.id),
        )


def taken(database: sqlite3.Connection) -> list[Taken]:
    rows = database.execute(
        "SELECT key, inbox.run, inbox.claimed, coalesce(archived, 0) > 0 AS archived"
        " FROM inbox JOIN run ON run.id = inbox.run ORDER BY key"
    )
    return [Taken(row["key"], row["run"], from_time(row["claimed"]), bool(row["archived"])) for row in rows]


def renew(database: sqlite3.Connection, key: str, claimed: datetime) -> None:
    database.execute("UPDATE inbox SET claimed = ? WHERE key = ?", (to_time(claimed), key))


def let_go(database: sqlite3.Connection, keys: Sequence[str]) -> None:
    database.execute(f"DELETE FROM inbox WHERE key {_AMONG}", (json.dumps(list(keys)),))  # noqa: S608 - ours


def reject(database: sqlite3.Connection, rejected: Rejected) -> None:
    row: dict[str, Any] = to_row(
        {
            "key": rejected.key,
            "etag": rejected.etag,
            "size": rejected.size,
            "reason": rejected.reason,
            "at": to_time(rejected.at),
            "moved": rejected.moved,
        }
    )
    database.execute("DELETE FROM rejected WHERE key = :key", row)
    database.execute(insertion("rejected", row), row)


def rejected(database: sqlite3.Connection, keys: Sequence[str] | None, limit: int) -> list[Rejected]:
    where, bound = ("true", ()) if keys is None else (f"key {_AMONG}", (json.dumps(list(keys)),))
    rows = database.execute(
        f"SELECT * FROM rejected WHERE {where} ORDER BY at DESC, key LIMIT ?",  # noqa: S608 - see where
        (*bound, limit if keys is None else -1),
    )
    return [
        Rejected(row["key"], row["etag"], row["size"], row["reason"], from_time(row["at"]), row["moved"])
        for row in rows
    ]


def unjudged(database: sqlite3.Connection) -> tuple[Run, bool] | None:
    row = database.execute("SELECT run, again FROM unjudged ORDER BY started DESC LIMIT 1").fetchone()
    run = None if row is None else runs.run(database, row["run"])
    return None if run is None else (run, bool(row["again"]))


def judged(database: sqlite3.Connection, run: Run) -> None:
    database.execute("DELETE FROM unjudged WHERE run = ?", (run.id,))


def counts(database: sqlite3.Connection) -> Counts:
    row = database.execute(
        f"SELECT (SELECT count(*) FROM run WHERE {UNARCHIVED}) AS waiting,"  # noqa: S608 - ours
        " (SELECT count(*) FROM inbox) AS inbox, (SELECT count(*) FROM run WHERE archived > 0) AS known,"
        " (SELECT count(*) FROM rejected) AS rejected"
    ).fetchone()
    return Counts(row["waiting"], row["inbox"], row["known"], row["rejected"])

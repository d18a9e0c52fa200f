"""What has gone up to the bucket, what has come down from it, and what of it was no use."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from dogdriver.model import Run, Status
from dogdriver.model.archive import Counts, ImportedRun, Rejected, StoredObject
from dogdriver.storage import inbox, releases, runs, state, values
from dogdriver.storage.codec import from_time, insertion, to_row, to_time
from dogdriver.storage.database import Part, read, write

BUCKET = "bucket"  # in state: which one it is
UNARCHIVED = "coalesce(archived, 0) = 0 AND status IN ('done', 'failed', 'aborted', 'invalid')"
_AMONG = "IN (SELECT one.value FROM json_each(?) AS one)"


class Archive(Part):
    """The ledger of the bucket's archive: each run's object there, and each object that could not be read."""

    @write
    def use_bucket(self, database: sqlite3.Connection, name: str) -> None:
        """Another bucket than the last time: all runs have to go up to it, and nothing was read of it."""
        if state.kept(database, BUCKET) == name:
            return
        database.execute("UPDATE run SET archive = NULL, archived = NULL, etag = NULL WHERE archive IS NOT NULL")
        database.execute("UPDATE deleted SET archive = NULL, sent = NULL")  # nothing of it is in this one
        for table in ("inbox", "rejected"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        state.keep(database, BUCKET, name)

    # Up

    @read
    def unarchived(self, database: sqlite3.Connection, skip: Sequence[str]) -> tuple[Run, str | None] | None:
        """The finished run that was added first among those that are not in the archive, and the key that it has."""
        row = database.execute(
            f"SELECT * FROM run WHERE {UNARCHIVED} AND NOT id {_AMONG} ORDER BY seq LIMIT 1",  # noqa: S608 - ours
            (json.dumps(list(skip)),),
        ).fetchone()
        run = runs.whole(database, row)
        return None if run is None else (run, row["archive"])

    @read
    def newest_key(self, database: sqlite3.Connection, prefix: str) -> str | None:
        """The last of the archive keys that begin with *prefix*."""
        row = database.execute(
            "SELECT max(archive) AS key FROM (SELECT archive FROM run UNION ALL SELECT archive FROM deleted)"
            " WHERE archive >= ? AND archive < ?",
            (prefix, prefix + "\U0010ffff"),
        ).fetchone()
        return None if row["key"] is None else str(row["key"])

    @write
    def give_key(self, database: sqlite3.Connection, run_id: str, key: str) -> None:
        """The run is about to be sent under *key*; again, where it could not be, is no change."""
        database.execute(
            "UPDATE run SET archive = :key, archived = 0 WHERE id = :id AND (archive, archived) IS NOT (:key, 0)",
            {"key": key, "id": run_id},
        )

    @write
    def set_archived(self, database: sqlite3.Connection, run_id: str, at: datetime) -> None:
        """The run stands in the archive since *at*; one that was changed since it got its key goes up again."""
        database.execute("UPDATE run SET archived = ? WHERE id = ? AND archived = 0", (to_time(at), run_id))

    @write
    def send_again(
        self,
        database: sqlite3.Connection,
        prefix: str,
        *,
        after: str,
        last: str | None,
        there: Sequence[str],
        since: datetime,
    ) -> int:
        """Of the runs whose keys begin with *prefix* and lie behind *after*, up to *last*, those that stand in the
        archive since before *since* and are not *there* have to go up once more; how many these are.
        """
        changed = database.execute(
            "UPDATE run SET archived = NULL, etag = NULL WHERE archive >= :prefix AND archive < :end"
            " AND archive > :after AND (:last IS NULL OR archive <= :last) AND archived BETWEEN 1 AND :since"
            " AND archive NOT IN (SELECT one.value FROM json_each(:there) AS one)",
            {
                "prefix": prefix, "end": prefix + "\U0010ffff", "after": after, "last": last, "since": to_time(since),
                "there": json.dumps(list(there)),
            },
        )  # fmt: skip
        return changed.rowcount

    # Down

    @read
    def unread(
        self, database: sqlite3.Connection, objects: Sequence[tuple[StoredObject, str]]
    ) -> Sequence[StoredObject]:
        """Of *objects*, each with its run's id, those that were not read yet as they are now."""
        rows = database.execute(
            f"SELECT id, archive, etag FROM run WHERE id {_AMONG}",  # noqa: S608 - ours
            (json.dumps([run_id for _, run_id in objects]),),
        )
        kept = {row["id"]: (row["archive"], row["etag"]) for row in rows}
        deleted = {
            row["id"]
            for row in database.execute(
                f"SELECT id FROM deleted WHERE id {_AMONG}",  # noqa: S608 - ours
                (json.dumps([run_id for _, run_id in objects]),),
            )
        }
        useless = {one.key: one.etag for one in _rejected(database, [stored.key for stored, _ in objects], 0)}
        return [
            stored
            for stored, run_id in objects
            if (run_id not in kept or _changed(stored, *kept[run_id]))
            and run_id not in deleted
            and useless.get(stored.key) != stored.etag
        ]

    @write
    def import_runs(self, database: sqlite3.Connection, imported: Sequence[ImportedRun], at: datetime) -> int:
        """Keep runs that were made elsewhere, each once; how many were new."""
        new = 0
        for one in imported:
            kept = database.execute("SELECT * FROM run WHERE id = ?", (one.run.id,)).fetchone()
            if kept is None:
                _add(database, one, at)
                new += 1
                database.execute("DELETE FROM rejected WHERE key = ? AND etag = ''", (one.key,))  # it came too early
            elif one.claimed is None and kept["archive"] == one.key and kept["etag"] is not None:
                _replace(database, one, kept)
            if one.claimed is not None:
                inbox.take(database, one.key, one.run.id, one.claimed)
        return new

    @write
    def reject(self, database: sqlite3.Connection, rejected: Rejected) -> None:
        """Keep why an object could not be used."""
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

    @read
    def rejected(
        self, database: sqlite3.Connection, *, keys: Sequence[str] | None = None, limit: int = 20
    ) -> Sequence[Rejected]:
        """The newest first; with *keys* those of them."""
        return _rejected(database, keys, limit)

    # What came down has to be judged

    @read
    def unjudged(self, database: sqlite3.Connection) -> tuple[Run, bool] | None:
        """An imported run whose release was not looked at since, the newest of all; True: values that looks have
        seen were changed.
        """
        row = database.execute("SELECT run, again FROM unjudged ORDER BY started DESC LIMIT 1").fetchone()
        run = None if row is None else runs.by_id(database, row["run"])
        return None if run is None else (run, bool(row["again"]))

    @write
    def set_judged(self, database: sqlite3.Connection, run: Run) -> None:
        """The release of *run* was looked at."""
        database.execute("DELETE FROM unjudged WHERE run = ?", (run.id,))

    @read
    def counts(self, database: sqlite3.Connection) -> Counts:
        """For the status page."""
        row = database.execute(
            f"SELECT (SELECT count(*) FROM run WHERE {UNARCHIVED}) AS waiting,"  # noqa: S608 - ours
            " (SELECT count(*) FROM inbox) AS inbox, (SELECT count(*) FROM run WHERE archived > 0) AS known,"
            " (SELECT count(*) FROM rejected) AS rejected"
        ).fetchone()
        return Counts(row["waiting"], row["inbox"], row["known"], row["rejected"])


def _changed(stored: StoredObject, key: str | None, etag: str | None) -> bool:
    """Whether the object that a run was read from is another one now."""
    return key == stored.key and etag is not None and etag != stored.etag


def _add(database: sqlite3.Connection, imported: ImportedRun, at: datetime) -> None:
    run = releases.labelled(database, imported.run, relabel=imported.relabel)
    # History stands in the bucket; what was claimed from the inbox has to go there.
    archived = {"archive": imported.key, "archived": to_time(at), "etag": imported.etag}
    runs.insert(database, run, **(archived if imported.claimed is None else {}))
    _to_judge(database, run, again=False)


def _replace(database: sqlite3.Connection, imported: ImportedRun, kept: sqlite3.Row) -> None:
    """Its writer has changed what was measured, or excluded it; what was excluded here stays so."""
    excluded = imported.run.excluded or kept["excluded"]
    run = releases.labelled(database, replace(imported.run, excluded=excluded), relabel=imported.relabel)
    runs.update(database, run.id, runs.changing_columns(run))
    values.keep(database, run.id, run.project, run.metrics)
    database.execute(
        "UPDATE run SET etag = ?, archived = ? WHERE id = ?", (imported.etag, kept["archived"] or 1, run.id)
    )
    _to_judge(database, run, again=True)


def _to_judge(database: sqlite3.Connection, run: Run, *, again: bool) -> None:
    if run.status is Status.DONE and run.known_release and run.started:
        database.execute(
            "INSERT INTO unjudged (project, deployment, test, source, release, started, run, again)"
            " SELECT project, deployment, test, source,"
            " CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END, started, id, ? FROM run WHERE id = ?"
            " ON CONFLICT DO UPDATE SET again = max(again, excluded.again), run = CASE WHEN excluded.started >= started"
            " THEN excluded.run ELSE run END, started = max(started, excluded.started)",
            (again, run.id),
        )


def _rejected(database: sqlite3.Connection, keys: Sequence[str] | None, limit: int) -> list[Rejected]:
    where, bound = ("true", ()) if keys is None else (f"key {_AMONG}", (json.dumps(list(keys)),))
    rows = database.execute(
        f"SELECT * FROM rejected WHERE {where} ORDER BY at DESC, key LIMIT ?",  # noqa: S608 - see where
        (*bound, limit if keys is None else -1),
    )
    return [
        Rejected(row["key"], row["etag"], row["size"], row["reason"], from_time(row["at"]), row["moved"])
        for row in rows
    ]

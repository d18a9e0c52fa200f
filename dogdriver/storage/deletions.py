"""Runs that are deleted: their rows go, verdicts stay, and what is kept of them is that they must not come back."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from dogdriver.model.archive import Tombstone
from dogdriver.storage.codec import from_time, to_time, to_time_or_null
from dogdriver.storage.database import Part, read, write

ENDED = "status IN ('done', 'failed', 'aborted', 'invalid')"
KEPT_YET = "id IN (SELECT run FROM errand WHERE state = 'waiting' AND run IS NOT NULL) OR id IN (SELECT run FROM inbox)"
"""Something of it has still to be sent, or taken out of the bucket's inbox."""
OF_A_PROJECT = ("verdict", "release", "stay", "card", "stale")


def is_deleted(database: sqlite3.Connection, run_id: str) -> bool:
    return database.execute("SELECT 1 FROM deleted WHERE id = ?", (run_id,)).fetchone() is not None


class Deletions(Part):
    """Each takes runs away with all that is theirs alone."""

    @read
    def deleted(self, database: sqlite3.Connection, run_id: str) -> bool:
        """Whether a run of this id was here and is deleted."""
        return is_deleted(database, run_id)

    @read
    def archive_key(self, database: sqlite3.Connection, run_id: str) -> str | None:
        """The key of its object in the bucket."""
        row = database.execute("SELECT archive FROM run WHERE id = ?", (run_id,)).fetchone()
        return None if row is None else row["archive"]

    @read
    def of_project(self, database: sqlite3.Connection, project: str) -> Sequence[tuple[str, bool, str | None]]:
        """All its runs: id, whether it has ended, and the key of its object in the bucket."""
        rows = database.execute(f"SELECT id, {ENDED} AS ended, archive FROM run WHERE project = ?", (project,))  # noqa: S608 - ours
        return [(row["id"], bool(row["ended"]), row["archive"]) for row in rows]

    @write
    def delete(self, database: sqlite3.Connection, run_id: str, at: datetime) -> bool:
        """Delete a run that has ended, and say so in the bucket; False where there is none."""
        return _delete(database, run_id, at, tell=True)

    @write
    def delete_project(self, database: sqlite3.Connection, project: str, at: datetime) -> int:
        """Delete everything of a project whose runs have all ended; how many runs it had."""
        ids = [row["id"] for row in database.execute("SELECT id FROM run WHERE project = ?", (project,)).fetchall()]
        deleted = sum(_delete(database, one, at, tell=True) for one in ids)
        for table in OF_A_PROJECT:
            database.execute(f"DELETE FROM {table} WHERE project = ?", (project,))  # noqa: S608 - our own names
        return deleted

    # What is too old, or too much

    @read
    def old(self, database: sqlite3.Connection, before: datetime | None, most: int | None) -> Sequence[str]:
        """Runs that were created before then, or are more than the newest *most* of a project, deployment, test and
        source; only those that have ended, of which nothing is still to be sent, and that the archive has, if any.
        """
        rows = database.execute(
            f"SELECT id FROM run WHERE {ENDED} AND NOT ({KEPT_YET})"  # noqa: S608 - our own words
            " AND (archived > 0 OR NOT EXISTS (SELECT 1 FROM state WHERE name = 'bucket'))"
            " AND (created < :before OR seq IN (SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY project,"
            " deployment, test, source ORDER BY created DESC, seq DESC) AS place FROM run) WHERE place > :most))"
            " ORDER BY created, seq",
            {"before": to_time_or_null(before), "most": most},
        )
        return [row["id"] for row in rows]

    @write
    def drop(self, database: sqlite3.Connection, runs: Sequence[str], at: datetime) -> int:
        """Delete these here; the bucket keeps what it has of them, and they are not read from there again."""
        return sum(_delete(database, one, at, tell=False) for one in runs)

    # The bucket

    @read
    def next_tombstone(self, database: sqlite3.Connection) -> Tombstone | None:
        """The one that waits longest to be put into the bucket."""
        row = database.execute("SELECT * FROM deleted WHERE sent = 0 ORDER BY at, id LIMIT 1").fetchone()
        return None if row is None else Tombstone(row["id"], row["archive"], from_time(row["at"]))

    @write
    def set_told(self, database: sqlite3.Connection, run_id: str, at: datetime) -> None:
        """It stands in the bucket since *at*."""
        database.execute("UPDATE deleted SET sent = ? WHERE id = ?", (to_time(at), run_id))

    @write
    def bury(self, database: sqlite3.Connection, tombstones: Sequence[Tombstone]) -> int:
        """What others have deleted goes here, too, where it came from the same object; how many runs went."""
        gone = 0
        for one in tombstones:
            run = database.execute("SELECT * FROM run WHERE id = ?", (one.run,)).fetchone()
            if run is None:
                _remember(database, one.run, one.at, one.key, None)
            elif run["archive"] == one.key:
                gone += _delete(database, one.run, one.at, tell=False)
                _look_again(database, run)
        return gone


def _delete(database: sqlite3.Connection, run_id: str, at: datetime, *, tell: bool) -> bool:
    row = database.execute(f"SELECT archive FROM run WHERE id = ? AND {ENDED}", (run_id,)).fetchone()  # noqa: S608 - ours
    if row is None:
        return False
    database.execute("DELETE FROM errand WHERE run = ? AND state = 'waiting' AND kind = 'recollect'", (run_id,))
    database.execute("DELETE FROM run WHERE id = ?", (run_id,))
    _remember(database, run_id, at, row["archive"], 0 if tell and row["archive"] is not None else None)
    return True


def _remember(database: sqlite3.Connection, run_id: str, at: datetime, key: str | None, sent: int | None) -> None:
    database.execute(
        "INSERT INTO deleted (id, at, archive, sent) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (run_id, to_time(at), key, sent),
    )


def _look_again(database: sqlite3.Connection, gone: sqlite3.Row) -> None:
    """At the release that *gone* was of, where another run of it is left."""
    database.execute(
        "INSERT INTO unjudged (project, deployment, test, source, release, started, run, again)"
        " SELECT project, deployment, test, source,"
        " CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END, started, id, 1 FROM run"
        " WHERE project = :project AND deployment = :deployment AND test = :test AND source = :source"
        " AND release = :release AND release <> 'unknown' AND stay IS :stay AND status = 'done' AND started IS NOT NULL"
        " ORDER BY started DESC LIMIT 1"
        " ON CONFLICT DO UPDATE SET again = 1",
        dict(gone),
    )

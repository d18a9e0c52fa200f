"""Rows of runs, and how they are listed."""

import base64
import binascii
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from dogdriver.errors import Invalid
from dogdriver.model import (
    Filter,
    Known,
    MetricValue,
    Page,
    Run,
)
from dogdriver.model.fields import FIXED, marked
from dogdriver.storage import series as points
from dogdriver.storage import stays, values
from dogdriver.storage.codec import (
    from_time,
    from_time_or_null,
    insertion,
    to_time_or_null,
)
from dogdriver.storage.columns import Columns
from dogdriver.storage.database import Part, read

_COLUMNS = Columns("run", Run, renamed={"commit": "revision"}, apart=("metrics",))


def columns(run: Run) -> dict[str, Any]:
    return _COLUMNS.row(run) | {"comparable": points.comparable(run.load, run.content)}


def changing_columns(run: Run) -> dict[str, Any]:
    """Without what a run is from its first moment on."""
    fixed = marked(Run, FIXED)
    return {name: value for name, value in columns(run).items() if name not in fixed}


def from_row(row: sqlite3.Row, metrics: Mapping[str, MetricValue]) -> Run:
    return _COLUMNS.value(row, metrics=metrics)


def whole(database: sqlite3.Connection, row: sqlite3.Row | None) -> Run | None:
    return None if row is None else from_row(row, values.of_run(database, row["id"]))


def _listed(database: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Run]:
    metrics = values.of_runs(database, [row["id"] for row in rows])
    return [from_row(row, metrics.get(row["id"], {})) for row in rows]


def by_id(database: sqlite3.Connection, run_id: str) -> Run | None:
    return whole(database, database.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone())


def insert(database: sqlite3.Connection, run: Run, **others: Any) -> None:
    """*run* with its values; *others* are columns that a run does not know of itself."""
    row = columns(run) | others
    database.execute(insertion("run", row), row)
    values.keep(database, run.id, run.project, run.metrics)
    stays.place(database, run.id)


def update(database: sqlite3.Connection, run_id: str, row: Mapping[str, Any]) -> None:
    settings = ", ".join(f"{name} = :{name}" for name in row)
    began = "SELECT started, release FROM run WHERE id = ?"
    before = tuple(database.execute(began, (run_id,)).fetchone() or ())
    database.execute(f"UPDATE run SET {settings} WHERE id = :id", {**row, "id": run_id})  # noqa: S608 - our own names
    if before != tuple(database.execute(began, (run_id,)).fetchone() or ()):
        stays.place(database, run_id)


def _newest(database: sqlite3.Connection, where: list[str], bound: list[Any], limit: int) -> list[sqlite3.Row]:
    return database.execute(
        f"SELECT * FROM run WHERE {' AND '.join(where) or 'true'} ORDER BY created DESC, seq DESC LIMIT ?",  # noqa: S608 - see _where
        (*bound, limit),
    ).fetchall()


def _where(wanted: Filter) -> tuple[list[str], list[Any]]:
    conditions: list[tuple[str, Any]] = [
        ("project = ?", wanted.project),
        ("deployment = ?", wanted.deployment),
        ("test = ?", wanted.test),
        ("source = ?", wanted.source),
        ("? IN (release, release || '@' || stay)", wanted.release),
        ("created >= ?", to_time_or_null(wanted.since)),
        ("created < ?", to_time_or_null(wanted.until)),
    ]
    conditions = [(condition, value) for condition, value in conditions if value is not None]
    where, bound = [condition for condition, _ in conditions], [value for _, value in conditions]
    return where, bound


def _to_cursor(row: sqlite3.Row) -> str:
    return base64.urlsafe_b64encode(f"{row['created']}.{row['seq']}".encode()).decode().rstrip("=")


def _from_cursor(cursor: str) -> tuple[int, int]:
    try:
        created, seq = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).split(b".")
        place = int(created), int(seq)
    except (ValueError, binascii.Error):
        place = (2**63, 2**63)
    if not all(-(2**63) <= number < 2**63 for number in place):
        raise Invalid("cursor is not one that was given with a page of runs; take `next` of that page as it is")
    return place


def _queued(database: sqlite3.Connection) -> list[Run]:
    return _listed(
        database, database.execute("SELECT * FROM run WHERE status = 'queued' ORDER BY created, seq").fetchall()
    )


def _running(database: sqlite3.Connection) -> list[Run]:
    return _listed(
        database,
        database.execute("SELECT * FROM run WHERE status = 'running' ORDER BY claimed, created, seq").fetchall(),
    )


class Runs(Part):
    """The runs of all statuses, to be read; how they change is the business of their transitions."""

    @read
    def get(self, database: sqlite3.Connection, run_id: str) -> Run | None:
        """One run with all its metrics (their readings included)."""
        return by_id(database, run_id)

    @read
    def list(self, database: sqlite3.Connection, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first by created; metrics included without their readings. A bad cursor raises Invalid."""
        if limit < 1:
            raise Invalid(f"limit is {limit}; it must be at least 1")
        where, bound = _where(wanted)
        if cursor is not None:
            where.append("(created, seq) < (?, ?)")
            bound += _from_cursor(cursor)
        # Each status by itself, for one after the other an index gives them in order, and together none does.
        asked = [([*where, "status = ?"], [*bound, status.value]) for status in wanted.statuses] or [(where, bound)]
        found = [row for one in asked for row in _newest(database, *one, limit + 1)]
        rows = sorted(found, key=itemgetter("created", "seq"), reverse=True)[: limit + 1]
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(runs=_listed(database, rows), next=_to_cursor(rows[-1]) if more else None)

    @read
    def running(self, database: sqlite3.Connection) -> Sequence[Run]:
        """What is in status running, oldest first (for recovery)."""
        return _running(database)

    @read
    def queued(self, database: sqlite3.Connection) -> Sequence[Run]:
        """What is in status queued, oldest first."""
        return _queued(database)

    @read
    def queue(self, database: sqlite3.Connection) -> Sequence[Run]:
        """Queued, running and pending runs, in the order they will go on."""
        pending = database.execute("SELECT * FROM run WHERE status = 'pending' ORDER BY due, seq").fetchall()
        return [*_running(database), *_queued(database), *_listed(database, pending)]

    @read
    def next_due(self, database: sqlite3.Connection) -> datetime | None:
        """When the next pending run is due; None: none is pending."""
        row = database.execute("SELECT min(due) AS due FROM run WHERE status = 'pending'").fetchone()
        return from_time_or_null(row["due"])

    @read
    def last_scheduled(self, database: sqlite3.Connection, project: str, deployment: str) -> datetime | None:
        """When the newest run with trigger `schedule` was created."""
        row = database.execute(
            "SELECT max(created) AS created FROM run WHERE trigger = 'schedule' AND project = ? AND deployment = ?",
            (project, deployment),
        ).fetchone()
        return from_time_or_null(row["created"])

    @read
    def projects(self, database: sqlite3.Connection) -> Sequence[str]:
        """Every project that has runs, sorted."""
        # From one name to the next through the index: the table is long, the names are few.
        rows = database.execute(
            "WITH RECURSIVE name (project) AS (SELECT min(project) FROM run UNION ALL"
            " SELECT (SELECT min(run.project) FROM run WHERE run.project > name.project)"
            " FROM name WHERE name.project IS NOT NULL) SELECT project FROM name WHERE project IS NOT NULL"
        )
        return [project for (project,) in rows]

    @read
    def known(self, database: sqlite3.Connection, project: str | None = None) -> Sequence[Known]:
        """Everything that has runs, most runs first, most recent first among equals.

        *runs* counts those that are done, *last* is when the newest of all was created.
        """
        where, bound = ("project = ?", (project,)) if project is not None else ("true", ())
        rows = database.execute(
            "SELECT project, deployment, test, source, sum(status = 'done') AS runs, max(created) AS last FROM run"  # noqa: S608 - see where
            f" WHERE {where} GROUP BY project, deployment, test, source"
            " ORDER BY runs DESC, last DESC, project, deployment, test, source",
            bound,
        )
        return [
            Known(
                project=row["project"],
                deployment=row["deployment"],
                test=row["test"],
                source=row["source"],
                runs=row["runs"],
                last=from_time(row["last"]),
            )
            for row in rows
        ]

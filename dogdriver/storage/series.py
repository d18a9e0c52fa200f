"""The rows that charts are drawn from: a copy of runs and values, which triggers of the schema keep current."""

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from dogdriver.model import Load, MetricState, Point, Reading, SeriesKey, Status
from dogdriver.storage.codec import from_time, to_bytes, to_time, unpack
from dogdriver.storage.database import Part, read

ITSELF = ""  # the metric of the row that stands for the run
ALWAYS, NEVER = -(2**63), 2**63 - 1  # of a started column

_STATUS = {status.value: status for status in Status}
_STATE = {state.value: state for state in MetricState}


def comparable(load: Load | None, content: str | None) -> str:
    """Equal for runs with an equal load and an equal test."""
    asked = None if load is None else (load.workers, load.processes, float(load.duration), load.options)
    return hashlib.sha256(to_bytes([asked, content])).hexdigest()[:16]


def rows(
    database: sqlite3.Connection, key: SeriesKey, since: datetime | None, until: datetime | None, limit: int | None
) -> list[Any]:
    bound = (
        ALWAYS if since is None else to_time(since),
        NEVER if until is None else to_time(until),
        -1 if limit is None else max(limit, 0),
    )
    found = {row[0]: row for metric in (ITSELF, key.metric) for row in _range(database, key, metric, bound)}
    newest_last = sorted(found.values(), key=itemgetter(1, 0))
    return newest_last if limit is None else newest_last[max(len(newest_last) - limit, 0) :]


def _range(database: sqlite3.Connection, key: SeriesKey, metric: str, bound: tuple[int, int, int]) -> list[Any]:
    cursor = database.cursor()
    cursor.row_factory = None  # plain tuples: these are many
    return cursor.execute(
        "SELECT run, started, value, release, status, comparable, state, excluded, fingerprint, kinds FROM point"
        " WHERE project = ? AND deployment = ? AND test = ? AND source = ? AND metric = ?"
        " AND started >= ? AND started < ? ORDER BY started DESC, run DESC LIMIT ?",
        (key.project, key.deployment, key.test, key.source, metric, *bound),
    ).fetchall()


def from_row(
    run: str,
    started: int,
    value: float | None,
    release: str,
    status: str,
    comparable: str,
    state: str,
    excluded: int,
    fingerprint: float | None,
    kinds: str | None,
) -> Point:
    return Point(
        run=run,
        at=from_time(started),
        value=value,
        release=release,
        status=_STATUS[status],
        comparable=comparable,
        state=_STATE[state],
        excluded=bool(excluded),
        fingerprint=fingerprint,
        kinds=kinds,
    )


class Series(Part):
    """The values of one metric over the runs of one scope, as charts and verdicts read them."""

    @read
    def points(
        self,
        database: sqlite3.Connection,
        key: SeriesKey,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Point]:
        """Runs that are done (judged) or ended badly (hollow), from *since* on and before *until*, by the start of the
        load; the newest *limit*, oldest first.
        """
        return [from_row(*row) for row in rows(database, key, since, until, limit)]

    @read
    def readings(self, database: sqlite3.Connection, key: SeriesKey, *, limit: int) -> Sequence[Reading]:
        """The raw series of the newest *limit* settled values, newest first (for the usual gap)."""
        found = database.execute(
            "SELECT value.reading FROM point JOIN value ON value.run = point.run AND value.metric = point.metric"
            " WHERE point.project = ? AND point.deployment = ? AND point.test = ? AND point.source = ?"
            " AND point.metric = ? AND point.state = 'settled' AND value.reading IS NOT NULL"
            " ORDER BY point.started DESC, point.run DESC LIMIT ?",
            (key.project, key.deployment, key.test, key.source, key.metric, limit),
        )
        return [unpack(body, Reading) for (body,) in found]

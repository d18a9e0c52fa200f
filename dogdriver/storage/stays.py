"""Rows of stays: each time that a release ran at a deployment, as the starts of runs show it."""

import sqlite3

from dogdriver.model import UNKNOWN
from dogdriver.model.run import stay_name

HELD = 3  # runs of others in a row that end a stay: fewer are a rolling deploy, or two releases that take turns


def place(database: sqlite3.Connection, run_id: str) -> None:
    """Put a run into the stay of its release that it belongs to, by the time of its start.

    A number that is given stays: no later run, and none of an earlier time, renames a stay.
    """
    run = database.execute(
        "SELECT id, project, deployment, release, started, stay FROM run WHERE id = ? AND started IS NOT NULL"
        " AND release IS NOT NULL AND release <> ?",
        (run_id, UNKNOWN),
    ).fetchone()
    if run is None:
        return
    number = run["stay"]
    if number is None:
        number = _number(database, run)
        if number > 1:
            database.execute("UPDATE run SET stay = ? WHERE id = ?", (number, run_id))
    database.execute(
        "INSERT INTO stay (project, deployment, label, number, name, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
        (
            run["project"],
            run["deployment"],
            run["release"],
            number,
            stay_name(run["release"], number),
            run["started"],
            run["started"],
        ),
    )


def _number(database: sqlite3.Connection, run: sqlite3.Row) -> int:
    here = (run["project"], run["deployment"], run["release"])
    for older, order in (("<=", "DESC"), (">", "ASC")):
        near = database.execute(
            "SELECT coalesce(stay, 1) AS stay, started FROM run WHERE project = ? AND deployment = ? AND release = ?"  # noqa: S608 - our own words
            f" AND started {older} ? AND id <> ? ORDER BY started {order} LIMIT 1",
            (*here, run["started"], run["id"]),
        ).fetchone()
        if near and _others_between(database, run, near["started"]) < HELD:
            return max(int(near["stay"]), _begun(database, run))
    last = database.execute(
        "SELECT max(coalesce(stay, 1)) FROM run WHERE project = ? AND deployment = ? AND release = ?"
        " AND started IS NOT NULL AND id <> ?",
        (*here, run["id"]),
    ).fetchone()[0]
    return max(1 + (last or 0), _begun(database, run))


def _begun(database: sqlite3.Connection, run: sqlite3.Row) -> int:
    """The newest stay that had begun when *run* started: one that the watch saw begin has no run yet."""
    begun = database.execute(
        "SELECT max(number) FROM stay WHERE project = ? AND deployment = ? AND label = ? AND first <= ?",
        (run["project"], run["deployment"], run["release"], run["started"]),
    )
    return begun.fetchone()[0] or 0


def _others_between(database: sqlite3.Connection, run: sqlite3.Row, other: int) -> int:
    """Runs of other releases between *run* and one that started at *other*; no more than HELD are counted."""
    found = database.execute(
        "SELECT count(*) FROM (SELECT 1 FROM run WHERE project = ? AND deployment = ?"
        " AND started > ? AND started < ? AND release NOT IN (?, ?) LIMIT ?)",
        (
            run["project"],
            run["deployment"],
            min(run["started"], other),
            max(run["started"], other),
            run["release"],
            UNKNOWN,
            HELD,
        ),
    )
    return int(found.fetchone()[0])

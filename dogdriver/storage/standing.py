"""What the release watch holds to be there, by deployment: an answer that was given several times in a row."""

import sqlite3

from dogdriver.model import Release
from dogdriver.model.run import stay_name
from dogdriver.storage.codec import to_json
from dogdriver.storage.state import keep, kept


def stand(database: sqlite3.Connection, project: str, deployment: str, release: Release, at: int) -> None:
    """*release* stands there since *at* where another did before. One that has been there before that other has a
    further stay, though no run met either. To be called before the sighting itself is recorded.
    """
    name = _name(project, deployment)
    before = kept(database, name)
    if before is not None and before["label"] == release.label:
        return
    if before is not None:
        _begin_stay(database, (project, deployment, release.label), before["since"], at)
    keep(database, name, {"label": release.label, "since": at})


def standing(database: sqlite3.Connection, project: str, deployment: str) -> Release | None:
    """The release that stands there; None where nothing was seen yet, or its project was deleted since."""
    before = kept(database, _name(project, deployment))
    row = (
        before
        and database.execute(
            "SELECT version, revision FROM release WHERE project = ? AND deployment = ? AND label = ?",
            (project, deployment, before["label"]),
        ).fetchone()
    )
    return Release(before["label"], row["version"], row["revision"]) if row else None


def _begin_stay(database: sqlite3.Connection, here: tuple[str, str, str], since: int, at: int) -> None:
    """A stay from *at*, unless the newest one began after *since*, by a run that saw it first."""
    seen = database.execute(
        "SELECT first, coalesce(last, first) AS last FROM release WHERE project = ? AND deployment = ? AND label = ?",
        here,
    ).fetchone()
    newest = database.execute(
        "SELECT number, first FROM stay WHERE project = ? AND deployment = ? AND label = ? ORDER BY number DESC", here
    ).fetchone()
    number, first = (1, None) if newest is None else (newest["number"], newest["first"])
    if number == 1 and seen is not None and seen["first"] is not None:  # the watch may have seen it before any run did
        first = seen["first"] if first is None else min(first, seen["first"])
    if first is None or first >= since:
        return
    if newest is None:
        _insert(database, here, 1, first, seen["last"])
    _insert(database, here, number + 1, at, at)


def _insert(database: sqlite3.Connection, here: tuple[str, str, str], number: int, first: int, last: int) -> None:
    database.execute(
        "INSERT INTO stay (project, deployment, label, number, name, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*here, number, stay_name(here[2], number), first, last),
    )


def _name(project: str, deployment: str) -> str:
    return f"standing {to_json([project, deployment])}"

"""Rows of cards, of the scopes whose cards are behind, and the number of what is kept of each project."""

import sqlite3
from collections.abc import Mapping

from dogdriver.model import Scope, SeriesKey
from dogdriver.model.card import Card, Edition, ScopeCards
from dogdriver.storage.codec import from_json, insertion, to_json, to_row
from dogdriver.storage.database import Part, read, write


def holds(database: sqlite3.Connection, edition: Edition) -> bool:
    """Whether nothing that is kept of its project has changed since."""
    return _number(database, edition.project) == edition.number


def put(database: sqlite3.Connection, made: ScopeCards) -> None:
    """The cards of all series of a scope."""
    where = _where(made.scope)
    database.execute(f"DELETE FROM card WHERE {_SAME}", where)  # noqa: S608 - our own words
    for card in made.cards:
        row = to_row(where | {"metric": card.metric, "made": card.made, "body": to_json(card)})
        database.execute(insertion("card", row), row)
    database.execute(f"DELETE FROM stale WHERE {_SAME}", where)  # noqa: S608 - our own words


_SAME = "project = :project AND deployment = :deployment AND test = :test AND source = :source"


def _where(scope: Scope) -> dict[str, str]:
    return {"project": scope.project, "deployment": scope.deployment, "test": scope.test, "source": scope.source}


class Cards(Part):
    """What is shown of each series without computing it."""

    @read
    def of(self, database: sqlite3.Connection, scope: Scope) -> Mapping[str, Card]:
        """By metric."""
        rows = database.execute(f"SELECT metric, body FROM card WHERE {_SAME}", _where(scope))  # noqa: S608 - ours
        return {row["metric"]: from_json(row["body"], Card) for row in rows}

    @read
    def stale(self, database: sqlite3.Connection) -> Scope | None:
        """A scope whose points have changed since its cards were made."""
        row = database.execute("SELECT * FROM stale LIMIT 1").fetchone()
        return None if row is None else Scope(row["project"], row["deployment"], row["test"], row["source"])

    @read
    def made(self, database: sqlite3.Connection) -> Mapping[SeriesKey, str]:
        """What each card was made with."""
        rows = database.execute("SELECT project, deployment, test, source, metric, made FROM card")
        return {SeriesKey(*row[:5]): row["made"] for row in rows}

    @write
    def outdate(self, database: sqlite3.Connection, scope: Scope) -> None:
        """The cards of *scope* have to be made again."""
        database.execute(
            "INSERT INTO stale VALUES (:project, :deployment, :test, :source) ON CONFLICT DO NOTHING", _where(scope)
        )

    @read
    def edition(self, database: sqlite3.Connection, project: str) -> Edition:
        """What is read after this is true as long as this holds."""
        return Edition(project, _number(database, project))

    @read
    def numbers(self, database: sqlite3.Connection) -> Mapping[str, int]:
        """How often what is kept of each project has changed."""
        return {row["project"]: row["number"] for row in database.execute("SELECT project, number FROM change")}


def _number(database: sqlite3.Connection, project: str) -> int:
    row = database.execute("SELECT number FROM change WHERE project = ?", (project,)).fetchone()
    return 0 if row is None else int(row[0])

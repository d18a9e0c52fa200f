"""Rows of verdicts: every look at a release is kept, with what it takes to replay it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from dogdriver.model import Judged, OutboxMessage, Outcome, Scope, SeriesKey, Standing, Verdict
from dogdriver.model.card import Edition, ScopeCards
from dogdriver.storage import cards, outbox
from dogdriver.storage.codec import from_json, from_time, insertion, pack, to_json, to_row, to_time, unpack
from dogdriver.storage.database import Part, read, write


def add(database: sqlite3.Connection, judged: Judged) -> None:
    row = to_row(
        {
            "project": judged.key.project,
            "deployment": judged.key.deployment,
            "test": judged.key.test,
            "source": judged.key.source,
            "metric": judged.key.metric,
            "release": judged.release,
            "look": judged.look,
            "at": to_time(judged.at),
            "verdict": to_json(judged.verdict),
            "standing": judged.standing.value,
            "standing_outcome": judged.standing_outcome.value,
            "standing_reason": judged.standing_reason,
            "inputs": pack(judged.inputs),
        }
    )
    _drop_inputs(database, judged)
    database.execute(insertion("verdict", row), row)


def _drop_inputs(database: sqlite3.Connection, judged: Judged) -> None:
    """Only the newest look, and those at which something changed, keep the runs that they were made from."""
    key = judged.key
    before = database.execute(
        "SELECT seq, standing, standing_outcome FROM verdict WHERE project = ? AND deployment = ? AND test = ?"
        " AND source = ? AND metric = ? AND release = ? ORDER BY look DESC, seq DESC LIMIT 2",
        (key.project, key.deployment, key.test, key.source, key.metric, judged.release),
    ).fetchall()
    if len(before) == 2 and tuple(before[0])[1:] == tuple(before[1])[1:]:  # noqa: PLR2004 - the last two
        database.execute("UPDATE verdict SET inputs = ? WHERE seq = ?", (pack({}), before[0]["seq"]))


def _from_row(row: sqlite3.Row) -> Judged:
    return Judged(
        key=SeriesKey(row["project"], row["deployment"], row["test"], row["source"], row["metric"]),
        release=row["release"],
        look=row["look"],
        at=from_time(row["at"]),
        verdict=from_json(row["verdict"], Verdict),
        standing=Standing(row["standing"]),
        standing_outcome=Outcome(row["standing_outcome"]),
        standing_reason=row["standing_reason"],
        inputs=unpack(row["inputs"], dict[str, Any]),
    )


class Verdicts(Part):
    """Every look at every release of every series."""

    async def save(
        self,
        judged: Sequence[Judged],
        messages: Sequence[OutboxMessage] = (),
        *,
        of: Edition | None = None,
        shown: ScopeCards | None = None,
    ) -> bool:
        """Keep looks, the *messages* that follow from them, and what is *shown*, in one transaction; False, and nothing
        kept, where they were made *of* what has changed since.
        """
        return await self._save(judged, messages, of, shown) if judged or messages or shown else True

    @write
    def _save(
        self,
        database: sqlite3.Connection,
        judged: Sequence[Judged],
        messages: Sequence[OutboxMessage],
        of: Edition | None,
        shown: ScopeCards | None,
    ) -> bool:
        if of is not None and not cards.holds(database, of):
            return False
        for look in judged:
            add(database, look)
        for message in messages:
            outbox.add(database, message)
        if shown is not None:
            cards.put(database, shown)
        return True

    @read
    def looks(self, database: sqlite3.Connection, key: SeriesKey, release: str) -> Sequence[Judged]:
        """All looks at one release of one series, oldest first."""
        rows = database.execute(
            "SELECT * FROM verdict WHERE project = ? AND deployment = ? AND test = ? AND source = ? AND metric = ?"
            " AND release = ? ORDER BY look, seq",
            (key.project, key.deployment, key.test, key.source, key.metric, release),
        )
        return [_from_row(row) for row in rows]

    @read
    def newest(self, database: sqlite3.Connection, scope: Scope) -> Sequence[Judged]:
        """The last look per metric and release; releases in the order in which their stays began, else were judged."""
        rows = database.execute(
            "WITH last AS (SELECT max(seq) AS seq, min(at) AS at FROM verdict WHERE project = :project"
            " AND deployment = :deployment AND test = :test AND source = :source GROUP BY metric, release),"
            " judged AS (SELECT verdict.*, coalesce(stay.first, min(last.at) OVER (PARTITION BY verdict.release))"
            " AS first FROM last JOIN verdict ON verdict.seq = last.seq LEFT JOIN stay"
            " ON stay.project = :project AND stay.deployment = :deployment AND stay.name = verdict.release)"
            " SELECT * FROM judged ORDER BY first, release, metric",
            {
                "project": scope.project,
                "deployment": scope.deployment,
                "test": scope.test,
                "source": scope.source,
            },
        )
        return [_from_row(row) for row in rows]

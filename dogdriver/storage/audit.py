"""The list of who has changed what; nothing is ever taken out of it."""

import sqlite3
from collections.abc import Sequence

from dogdriver.model.audit import Change
from dogdriver.storage.codec import from_time, insertion, to_row, to_time
from dogdriver.storage.database import Part, read, write


class Audit(Part):
    """Changes that people and programs have asked for, by the name of their token."""

    @write
    def add(self, database: sqlite3.Connection, change: Change) -> None:
        row = to_row(
            {
                "at": to_time(change.at),
                "who": change.who,
                "what": change.what,
                "subject": change.subject,
                "address": change.address,
            }
        )
        database.execute(insertion("audit", row), row)

    @read
    def newest(self, database: sqlite3.Connection, limit: int) -> Sequence[Change]:
        """The newest first."""
        rows = database.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT ?", (limit,))
        return [Change(from_time(row["at"]), row["who"], row["what"], row["subject"], row["address"]) for row in rows]

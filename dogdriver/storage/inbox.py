"""Objects of the bucket's inbox whose run is here, until they are removed from the bucket."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from dogdriver.model.archive import ClaimedObject
from dogdriver.storage.codec import from_time, to_time
from dogdriver.storage.database import Part, read, write


def take(database: sqlite3.Connection, key: str, run: str, claimed: datetime) -> None:
    database.execute(
        "INSERT INTO inbox (key, run, claimed) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
        " run = excluded.run, claimed = excluded.claimed",
        (key, run, to_time(claimed)),
    )


class Inbox(Part):
    """The objects that this daemon has claimed; importing their runs takes them."""

    @read
    def claimed(self, database: sqlite3.Connection) -> Sequence[ClaimedObject]:
        """All of them, in the order of their keys."""
        rows = database.execute(
            "SELECT key, inbox.run, inbox.claimed, coalesce(archived, 0) > 0 AS archived"
            " FROM inbox JOIN run ON run.id = inbox.run ORDER BY key"
        )
        return [ClaimedObject(row["key"], row["run"], from_time(row["claimed"]), bool(row["archived"])) for row in rows]

    @write
    def renew(self, database: sqlite3.Connection, key: str, claimed: datetime) -> None:
        """The object is ours until *claimed*."""
        database.execute("UPDATE inbox SET claimed = ? WHERE key = ?", (to_time(claimed), key))

    @write
    def delete(self, database: sqlite3.Connection, keys: Sequence[str]) -> None:
        """Forget objects that are gone."""
        database.execute(
            "DELETE FROM inbox WHERE key IN (SELECT one.value FROM json_each(?) AS one)", (json.dumps(list(keys)),)
        )

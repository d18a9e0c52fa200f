"""Small things that must survive a restart, by name."""

import sqlite3
from typing import Any

from dogdriver.storage.codec import from_json, to_json
from dogdriver.storage.database import Part, read, write


def kept(database: sqlite3.Connection, name: str) -> Any:
    row = database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if row is None else from_json(row["value"], object)


def keep(database: sqlite3.Connection, name: str, value: Any) -> None:
    database.execute(
        "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, to_json(value)),
    )


class State(Part):
    """Values that have a JSON form."""

    @read
    def get(self, database: sqlite3.Connection, name: str) -> Any:
        """What is kept under *name*, or None."""
        return kept(database, name)

    @write
    def set(self, database: sqlite3.Connection, name: str, value: Any) -> None:
        keep(database, name, value)

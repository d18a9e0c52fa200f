"""Small things that must survive a restart, by name."""

import sqlite3
from typing import Any

from dogdriver.storage.codec import from_json, to_json


def recall(database: sqlite3.Connection, name: str) -> Any:
    row = database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if row is None else from_json(row["value"], object)


def remember(database: sqlite3.Connection, name: str, value: Any) -> None:
    database.execute(
        "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, to_json(value)),
    )

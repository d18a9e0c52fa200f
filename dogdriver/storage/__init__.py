"""Where runs are kept: SQLite in the data directory."""

from dogdriver.storage.backup import backup
from dogdriver.storage.store import SqliteStore, open_store

__all__ = ["SqliteStore", "backup", "open_store"]

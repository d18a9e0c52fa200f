"""Where runs are kept: SQLite in the data directory."""

from dogdriver.storage.backups import backup
from dogdriver.storage.sqlite import SqliteStore, open_store

__all__ = ["SqliteStore", "backup", "open_store"]

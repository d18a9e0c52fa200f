"""Where runs are kept: SQLite in the data directory."""

from dogdriver.storage.backup import backup
from dogdriver.storage.store import Store, open_store

__all__ = ["Store", "backup", "open_store"]

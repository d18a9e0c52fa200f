"""A copy of the database while it is in use."""

import os
from contextlib import closing, suppress
from pathlib import Path

from dogdriver.errors import StoreError
from dogdriver.storage.database import NAME, connect, look_for_damage
from dogdriver.storage.sqlite_errors import explained


def backup(data: Path, target: Path) -> None:
    """Copy the database of the data directory to the new file *target*, consistent to one commit.

    Works beside a running daemon and holds up neither its readers nor its writes. To restore: stop the daemon, put the
    copy into an empty data directory as dogdriver.db, start it. Raises StoreError; *target* is whole or not there.
    """
    source = data / NAME
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if not source.is_file():
            raise StoreError(f"There is no database {source}: name the data directory of a dogDriver.")
        if target.exists():
            raise StoreError(f"{target} exists: name a new file for the backup.")
        part.touch(mode=0o600)
        with explained(source):
            damage = _copy(source, part)
        if damage:
            raise StoreError(f"The database {source} is damaged ({damage[0]}): put an older backup in its place.")
        _flush(part)
        part.rename(target)
        _flush(target.parent)
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror}): name another file for the backup.") from error
    finally:
        for rest in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                part.with_name(part.name + rest).unlink()


def _copy(source: Path, part: Path) -> list[str]:
    """What is damaged in the copy."""
    with closing(connect(source)) as original, closing(connect(part)) as copy:
        original.backup(copy)
        return look_for_damage(copy, whole=True)


def check(path: Path) -> list[str]:
    """Read all of the database at *path*; what is damaged, in SQLite's words."""
    with explained(path), closing(connect(path)) as database:
        return look_for_damage(database, whole=True)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)

"""What SQLite says when it cannot, as sentences for who runs the daemon."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dogdriver.errors import Invalid, StoreError

REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program holds its lock; end that one",
    sqlite3.SQLITE_CANTOPEN: "make the directory readable and writable for this user, or set DOGDRIVER_DATA to another",
    sqlite3.SQLITE_CORRUPT: "it is damaged; put a backup in its place, or move it away to start empty",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk fails; look into the system's log",
    sqlite3.SQLITE_NOTADB: "it is damaged or no database; put a backup in its place, or move it away to start empty",
    sqlite3.SQLITE_PERM: "make it readable and writable for this user, or set DOGDRIVER_DATA to another directory",
    sqlite3.SQLITE_READONLY: "make it writable for this user, or set DOGDRIVER_DATA to another directory",
}


def sentence(path: Path, error: sqlite3.Error) -> str:
    # The low byte is the family of the code; errors of the module itself (misuse) have none.
    family = getattr(error, "sqlite_errorcode", 0) & 0xFF
    remedy = REMEDIES.get(family)
    return f"The database {path} cannot be used ({error})" + (f": {remedy}." if remedy else ".")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors inside, and rows that cannot be read, become StoreErrors about the database at *path*."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(sentence(path, error)) from error
    except UnicodeEncodeError as error:
        raise Invalid("there is half a character in a name that was given; write it in UTF-8") from error
    except (msgspec.DecodeError, zlib.error) as error:
        raise StoreError(
            f"The database {path} holds a row that cannot be read ({error}): put a backup in its place."
        ) from error

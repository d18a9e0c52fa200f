"""The schema as numbered files, NNNN_name.sql, and the step from any earlier one to the newest."""

import re
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dogdriver.errors import StoreError

SCHEMA: Traversable = files("dogdriver.storage") / "schema"
APPLICATION = 0x00D06D21  # PRAGMA application_id: which program's database it is


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its SQL leads from version *number* - 1 to *number*."""

    number: int
    name: str
    sql: str


def migrations(folder: Traversable = SCHEMA) -> list[Migration]:
    """All of *folder* in their order. Raises StoreError where a number is missing or there twice."""
    found = sorted(
        (Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")) for file, match in _numbered(folder)),
        key=lambda one: (one.number, one.name),
    )
    if not found or [one.number for one in found] != list(range(1, len(found) + 1)):
        names = ", ".join(one.name for one in found) or "none"
        raise StoreError(f"The schema's files must be numbered from 0001 without a gap; there are: {names}.")
    return found


def _numbered(folder: Traversable) -> list[tuple[Traversable, re.Match[str]]]:
    matched = ((file, re.fullmatch(r"(\d{4})_\w+\.sql", file.name)) for file in folder.iterdir())
    return [(file, match) for file, match in matched if match]


def migrate(database: sqlite3.Connection, path: Path, steps: list[Migration]) -> None:
    """Bring the database to the newest version: all steps or none.

    Raises StoreError where it is newer than that, or not dogDriver's at all.
    """
    version = pragma(database, "user_version")
    if version > len(steps):
        raise StoreError(
            f"The database {path} was written by a newer dogDriver (its schema is {version}, this one knows "
            f"{len(steps)}): install that version again, or put an older backup in its place."
        )
    if pragma(database, "application_id") != APPLICATION and _filled(database):
        raise StoreError(f"The database {path} is another program's: set DOGDRIVER_DATA to another directory.")
    if version == len(steps):
        return
    # Off while tables are rebuilt, which must happen outside of the transaction; what is left dangling is found below.
    database.execute("PRAGMA foreign_keys = OFF")
    try:
        # One script: a second executescript would commit the first.
        database.executescript(";\n".join(["BEGIN IMMEDIATE", *(step.sql for step in steps[version:]), ""]))
        _whole(database, path)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {len(steps)}")
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")
        database.execute("PRAGMA foreign_keys = ON")


def _whole(database: sqlite3.Connection, path: Path) -> None:
    if dangling := database.execute("PRAGMA foreign_key_check").fetchall():
        raise StoreError(
            f"The database {path} cannot be upgraded to a newer schema: {len(dangling)} rows refer to rows that are "
            "not there. It is left as it was; put a backup in its place."
        )


def _filled(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone())


def pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])

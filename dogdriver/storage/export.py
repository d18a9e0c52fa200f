"""Everything that was measured and judged, as JSON lines, and back; the values alone as CSV for spreadsheets.

A file begins with what it is and ends with how much there was of it, so that one that was cut off is not taken for
whole. What was still to be sent to somebody, and what is queued or running, is in a backup only.
"""

import csv
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import msgspec

from dogdriver.errors import Invalid, StoreError
from dogdriver.model import Judged, MetricValue, Run, SeriesKey
from dogdriver.model.document import moment, run_document
from dogdriver.model.parse import run_from_document
from dogdriver.model.state import IMPORTED
from dogdriver.storage import runs, values, verdicts
from dogdriver.storage.codec import from_time, insertion, to_row, unpack
from dogdriver.storage.database import NAME, connect, open_database
from dogdriver.storage.deletions import is_deleted
from dogdriver.storage.sqlite_errors import explained
from dogdriver.storage.state import keep

VERSION = 1
RELEASE = ("project", "deployment", "label", "version", "revision", "first", "last", "sighting")
COLUMNS = (
    "run", "project", "deployment", "test", "source", "release", "status", "excluded", "started", "ended", "metric",
    "value", "unit", "state", "points", "expected",
)  # fmt: skip
NOT_YET = frozenset({"queued", "running"})
UNUSABLE = (
    msgspec.MsgspecError, KeyError, TypeError, ValueError, OverflowError, RecursionError,
    sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip
"""What a line raises that nobody has written for us."""
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Counts:
    """How much of each there was."""

    runs: int = 0
    verdicts: int = 0
    releases: int = 0

    def __str__(self) -> str:
        return f"{self.runs} runs, {self.verdicts} verdicts, {self.releases} releases"


@dataclass(frozen=True, slots=True)
class Imported:
    """*new* is what an import has added; *there* is what was here already, and stays as it was."""

    new: Counts
    there: Counts


def export_lines(data: Path, out: TextIO, *, project: str | None = None) -> Counts:
    """Write all of one state of the database, beside a running daemon, in memory for one run at a time.

    Raises StoreError.
    """
    with _reading(data) as database:
        counts = Counts()
        _write(out, {"kind": "dogdriver", "version": VERSION})
        for row in _rows(database, "release", project):
            _write(out, {"kind": "release", "release": {name: row[name] for name in RELEASE}})
            counts.releases += 1
        for run in _runs(database, project):
            _write(out, {"kind": "run", "run": run_document(run, full=True)})
            counts.runs += 1
        for row in _rows(database, "verdict", project):
            _write(out, {"kind": "verdict", "verdict": _judged_document(row)})
            counts.verdicts += 1
        _write(out, {"kind": "end", **_counted(counts)})
        return counts


def export_csv(data: Path, out: TextIO, *, project: str | None = None) -> int:
    """Write one line for each value of a run that has ended, times RFC 3339 in UTC; gives their number.

    Raises StoreError.
    """
    written = 0
    lines = csv.writer(out)
    lines.writerow(COLUMNS)
    with _reading(data) as database:
        for run in _runs(database, project):
            for name, value in run.metrics.items():
                lines.writerow(_csv_row(run, name, value))
                written += 1
    return written


async def import_lines(data: Path, source: Iterable[bytes], *, now: datetime) -> Imported:
    """Add what *source* holds to the database of *data*, all of it or nothing; again is as good as once. *now*: no run
    may have been made after it.

    No daemon may run there. Raises Invalid, naming the line, for what cannot be used; StoreError.
    """
    async with open_database(data) as database:
        return await database.write(_import, source, now)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A file that is there when it is whole. Raises StoreError where it exists or cannot be written."""
    if path.exists():
        raise StoreError(f"{path} exists: name a new file for the export.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.rename(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}): name another file for the export.") from error
    finally:
        with suppress(OSError):
            part.unlink()


# Out


@contextmanager
def _reading(data: Path) -> Iterator[sqlite3.Connection]:
    path = data / NAME
    if not path.is_file():
        raise StoreError(f"There is no database {path}: name the data directory of a dogDriver in DOGDRIVER_DATA.")
    with explained(path), closing(connect(path)) as database:
        database.execute("PRAGMA query_only = ON")
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM state").fetchone()  # from here on one state, whatever is written
        yield database


def _rows(database: sqlite3.Connection, table: str, project: str | None) -> Iterator[sqlite3.Row]:
    where, bound = ("project = ?", (project,)) if project is not None else ("true", ())
    yield from database.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY seq", bound)  # noqa: S608 - our own names


def _runs(database: sqlite3.Connection, project: str | None) -> Iterator[Run]:
    """In the order in which they came, each whole."""
    for row in _rows(database, "run", project):
        if row["status"] not in NOT_YET:
            yield runs.from_row(row, values.of_run(database, row["id"]))


def _judged_document(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "key": {field.name: row[field.name] for field in fields(SeriesKey)},
        "release": row["release"],
        "look": row["look"],
        "at": moment(from_time(row["at"])),
        "verdict": msgspec.Raw(row["verdict"].encode()),
        "standing": row["standing"],
        "standing_outcome": row["standing_outcome"],
        "standing_reason": row["standing_reason"],
        "inputs": unpack(row["inputs"], dict[str, Any]),
    }


def _counted(counts: Counts) -> dict[str, int]:
    return {"runs": counts.runs, "verdicts": counts.verdicts, "releases": counts.releases}


def _write(out: TextIO, document: Mapping[str, Any]) -> None:
    out.write(_encoder.encode(document).decode() + "\n")


def _csv_row(run: Run, name: str, value: MetricValue) -> tuple[Any, ...]:
    return (
        run.id, run.project, run.deployment, run.test, run.source, run.release,
        run.status.value, run.excluded, moment(run.started), moment(run.ended), name, value.value, value.unit,
        value.state.value, value.points, value.expected,
    )  # fmt: skip


# In


def _import(database: sqlite3.Connection, source: Iterable[bytes], now: datetime) -> Imported:
    imported = Imported(Counts(), Counts())
    known: dict[str, tuple[Callable[[sqlite3.Connection, Any], bool], str]] = {
        "release": (_import_release, "releases"),
        "run": (partial(_import_run, now=now), "runs"),
        "verdict": (_import_verdict, "verdicts"),
    }
    ended: Mapping[str, Any] | None = None
    for number, line in enumerate(source, start=1):
        with _at(number):
            document = _parsed(line)
            kind = document.get("kind")
            if number == 1:
                _check_head(document)
            elif ended is not None:
                raise Invalid("there is more after the end; give one export at a time")
            elif kind == "end":
                ended = document
            elif kind in known:
                import_one, noun = known[kind]
                counts = imported.new if import_one(database, document.get(kind)) else imported.there
                setattr(counts, noun, getattr(counts, noun) + 1)
            else:
                raise Invalid(f"its kind {kind!r:.50} is none that this dogDriver knows")
    _check_end(ended, imported)
    if imported.new.verdicts:
        keep(database, IMPORTED, value=True)
    return imported


@contextmanager
def _at(number: int) -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        raise Invalid(f"nothing was imported, for line {number} cannot be used: {error.message}") from None
    except UNUSABLE as error:
        said = f"{type(error).__name__}: {error}"
        raise Invalid(f"nothing was imported, for line {number} cannot be used ({said})") from None


def _parsed(line: bytes) -> dict[str, Any]:
    document = msgspec.json.decode(line)
    if not isinstance(document, dict):
        raise Invalid("it is not a JSON object")
    return document


def _check_head(document: Mapping[str, Any]) -> None:
    if document.get("kind") != "dogdriver":
        raise Invalid("it is not the first line of an export; give what `dogdriver export` has written")
    if document.get("version") != VERSION:
        raise Invalid(f"its version is {document.get('version')!r:.50}; this dogDriver knows {VERSION}")


def _check_end(ended: Mapping[str, Any] | None, imported: Imported) -> None:
    there = {noun: getattr(imported.new, noun) + getattr(imported.there, noun) for noun in _counted(imported.new)}
    if ended is None or any(ended.get(noun) != number for noun, number in there.items()):
        raise Invalid(
            "nothing was imported, for the export is not whole: its end does not fit what came before; export again"
        )


def _import_release(database: sqlite3.Connection, document: Any) -> bool:
    row = to_row({name: document[name] for name in RELEASE})
    added = database.execute(f"{insertion('release', row)} ON CONFLICT DO NOTHING", row).rowcount > 0
    if not added:
        database.execute(
            "UPDATE release SET first = min(coalesce(first, :first), coalesce(:first, first)),"
            " sighting = CASE WHEN coalesce(:last, last) > coalesce(last, :last - 1) THEN :sighting ELSE sighting END,"
            " last = max(coalesce(last, :last), coalesce(:last, last))"
            " WHERE project = :project AND deployment = :deployment AND label = :label",
            row,
        )
    return added


def _import_run(database: sqlite3.Connection, document: Any, *, now: datetime) -> bool:
    run = run_from_document(document, now=now)
    if is_deleted(database, run.id) or database.execute("SELECT 1 FROM run WHERE id = ?", (run.id,)).fetchone():
        return False
    runs.insert(database, run)
    return True


def _import_verdict(database: sqlite3.Connection, document: Any) -> bool:
    judged = msgspec.convert(document, Judged)
    key = judged.key
    kept = database.execute(
        "SELECT 1 FROM verdict WHERE project = ? AND deployment = ? AND test = ? AND source = ? AND metric = ?"
        " AND release = ? AND look = ?",
        (key.project, key.deployment, key.test, key.source, key.metric, judged.release, judged.look),
    ).fetchone()
    if kept is None:
        verdicts.add(database, judged)
    return kept is None

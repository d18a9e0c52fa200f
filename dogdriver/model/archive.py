"""What a bucket holds, and what of it came into the database."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from dogdriver.model.run import Run

LONGEST_PART = 300  # of a key, which S3 limits to 1,024 bytes
_WRITER = re.compile(r"dogdriver/v\d+/runs/([^/]+)/")


def quoted(name: str) -> str:
    """*name* with everything but ASCII letters, digits and _ percent-encoded; a digest where that is too long."""
    safe = quote(name, safe="")
    for letter in "-.~":
        safe = safe.replace(letter, f"%{ord(letter):02X}")
    return safe if len(safe) <= LONGEST_PART else "~" + hashlib.sha256(name.encode()).hexdigest()


def writer_of(key: str) -> str | None:
    """Whose object it is, by the `quoted` source; None: no dogDriver's of today."""
    match = _WRITER.match(key)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it; *size* in bytes, *etag* changes with the content."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A page in the order of the keys; *folders* are prefixes up to the next slash, *more* says that it was cut."""

    objects: Sequence[StoredObject]
    folders: Sequence[str]
    more: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's content."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """A run read from the object *key*. *claimed*: it came from the inbox, and is ours until then; None: it is history.

    With *relabel* its release has a version only, and gets its label here.
    """

    run: Run
    key: str
    etag: str
    claimed: datetime | None = None
    relabel: bool = False


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stands in the bucket in the place of a run that was deleted."""

    run: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedObject:
    """An inbox object whose run is here; *archived*: the run is in the archive, so that the object can go."""

    key: str
    run: str
    claimed: datetime
    archived: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """An object that could not be used, and why. *moved*: where it was set aside, None: left in its place."""

    key: str
    etag: str
    size: int
    reason: str
    at: datetime
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Finished runs that are not in the bucket yet, inbox objects taken and not gone yet, runs that stand in the
    bucket, and objects that could not be used.
    """

    waiting: int
    inbox: int
    archived: int
    rejected: int

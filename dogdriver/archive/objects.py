"""Where things stand in the bucket, and the objects themselves; docs/bucket.md describes both.

No key has a hyphen in it: the first dogDriver, which splits keys there, leaves these objects alone.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from dogdriver.errors import Invalid, Refused
from dogdriver.model import MetricState, Run, Status
from dogdriver.model.archive import Tombstone, quoted
from dogdriver.model.document import moment, run_document
from dogdriver.model.parse import delivered_run, run_from_document
from dogdriver.model.text import shortened

VERSION = 1
ROOT = f"dogdriver/v{VERSION}/"
RUNS, INBOX, CLAIMS, REJECTED = (f"{ROOT}{name}/" for name in ("runs", "inbox", "claims", "rejected"))

LARGEST = 8 * 2**20  # bytes of an object that is read
LARGEST_TOMBSTONE = 1000

_ARCHIVED = re.compile(rf"{RUNS}[^/]+/\d{{8}}T\d{{12}}Z\.([A-Za-z0-9_%]+)\.json")
_DELIVERED = re.compile(rf"{INBOX}([A-Za-z0-9_%]+)\.json")
_encoder = msgspec.json.Encoder(order="deterministic")


def writer_prefix(source: str) -> str:
    """Where the daemon of *source* writes."""
    return f"{RUNS}{quoted(source)}/"


def archive_key(source: str, at: datetime, run_id: str) -> str:
    """Keys of one writer sort by the time at which they were given out."""
    return f"{writer_prefix(source)}{at:%Y%m%dT%H%M%S%f}Z.{quoted(run_id)}.json"


def stamp_of(key: str) -> datetime:
    """When an archive key was given out."""
    stamp = key.rpartition("/")[2].partition(".")[0]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def archived_id(key: str) -> str | None:
    """The run that an archive key names; None: it is no archive key, for its writer could give none out behind it."""
    match = _ARCHIVED.fullmatch(key)
    try:
        _ = stamp_of(key) + timedelta.resolution
    except (ValueError, OverflowError):
        return None
    return unquote(match[1]) if match else None


def inbox_key(run_id: str) -> str:
    return f"{INBOX}{quoted(run_id)}.json"


def delivered_id(key: str) -> str | None:
    """The run that an inbox key names; None: it is none that a dogDriver wrote."""
    match = _DELIVERED.fullmatch(key)
    return unquote(match[1]) if match else None


def identity(bucket: str, key: str) -> str:
    """The id of what an object without an id of its own is: the same for everyone who reads it."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"s3://{bucket}/{key}").hex


def claim_key(key: str) -> str:
    return f"{CLAIMS}{_digest(key)}.json"


def rejected_keys(key: str) -> tuple[str, str]:
    """Where an object is set aside, and the reason beside it."""
    digest = _digest(key)
    return f"{REJECTED}{digest}.object", f"{REJECTED}{digest}.reason.json"


def _digest(key: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, key).hex


def inbox_object(run: Run) -> tuple[str, bytes]:
    """What a client that ran elsewhere puts into the bucket: the key and the content."""
    return inbox_key(run.id), _encode("delivered run", run)


def archive_object(run: Run) -> bytes:
    """A finished run with all that another daemon needs to have it whole.

    Without the raw series where they alone would make it too large. Raises Refused where nothing helps.
    """
    body = _encode("run", run)
    if len(body) > LARGEST:
        metrics = {name: replace(value, reading=None) for name, value in run.metrics.items()}
        body = _encode("run", replace(run, metrics=metrics))
    if len(body) > LARGEST:
        raise Refused(f"run {run.id} is larger than {LARGEST // 2**20} MB and cannot be archived")
    return body


def _encode(kind: str, run: Run) -> bytes:
    return _encoder.encode({"version": VERSION, "kind": kind, "run": run_document(run, full=True)})


def archived_run(body: bytes, run_id: str, now: datetime) -> Run:
    """Raises Invalid with a sentence that names what is wrong."""
    run = run_from_document(_run_of(body, "run"), now=now)
    if run.id != run_id:
        raise Invalid(f"it holds run {run.id}, but its key names {run_id}")
    if not run.status.final:
        raise Invalid(f"the run is {run.status}; the archive holds finished runs only")
    _refuse_waiting(run)
    return run


def deleted_object(run_id: str, at: datetime) -> bytes:
    """What takes the place of a run's object when the run is deleted."""
    return _encoder.encode({"version": VERSION, "kind": "deleted", "id": run_id, "at": moment(at)})


def read_tombstone(key: str, body: bytes, run_id: str) -> Tombstone | None:
    """None: it is no such object."""
    if len(body) > LARGEST_TOMBSTONE or b"deleted" not in body:
        return None
    try:
        document = msgspec.json.decode(body, type=_Deleted)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if document.kind != "deleted" or document.id != run_id or document.at.tzinfo is None:
        return None
    return Tombstone(run_id, key, document.at)


class _Deleted(msgspec.Struct):
    version: int
    kind: str
    id: str
    at: datetime


def inbox_run(body: bytes, run_id: str, now: datetime) -> Run:
    """Raises Invalid with a sentence that names what is wrong."""
    return delivered_run(_run_of(body, "delivered run"), id=run_id, now=now)


def _refuse_waiting(run: Run) -> None:
    if run.status is Status.DONE and any(v.state is MetricState.WAITING for v in run.metrics.values()):
        raise Invalid("the run is done while one of its metrics still waits for its data")


def _run_of(body: bytes, kind: str) -> Any:
    document = json_object(body)
    if document.get("version") != VERSION:
        raise Invalid(f"its version is {document.get('version')!r:.100}; this dogDriver knows {VERSION}")
    if document.get("kind") != kind:
        raise Invalid(f"its kind is {document.get('kind')!r:.100}; here it must be {kind!r}")
    return document.get("run")


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that *body* is. Raises Invalid."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"it is not JSON ({shortened(str(error), 100)})") from None
    if not isinstance(document, dict):
        raise Invalid("it is not a JSON object")
    return document


def claim_object(owner: str, expires: datetime) -> bytes:
    return _encoder.encode({"version": VERSION, "owner": owner, "expires": moment(expires)})


class Claim(msgspec.Struct):
    owner: str
    expires: datetime


def read_claim(body: bytes) -> Claim | None:
    """None for a claim that nobody could have written, which holds nobody up."""
    try:
        claim = msgspec.json.decode(body, type=Claim)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return claim if claim.expires.tzinfo else None


def reason_object(key: str, reason: str, at: datetime, by: str) -> bytes:
    return _encoder.encode({"version": VERSION, "key": key, "reason": reason, "at": moment(at), "by": by})

"""A run document from elsewhere: checked field by field, and the run that it is."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

import msgspec
from msgspec.structs import replace

from dogdriver.errors import Invalid
from dogdriver.model.document import moment
from dogdriver.model.load import ClientMeasures, Load, Tally
from dogdriver.model.reading import MetricValue
from dogdriver.model.run import UNKNOWN, Run, Status, Trigger

SERVER_OWN = frozenset({"trigger", "due", "attempts", "progress", "verdicts", "excluded"})
"""What the daemon that keeps a run says of it; a delivered document's own words on these are not looked at."""

LONGEST_NAME = 200
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 2**53  # what a JSON reader may take for exact, and far below what SQLite holds
ID_LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
LONGEST_ID = 64
AHEAD = timedelta(days=1)  # a clock that is further ahead is wrong, not just another one


def run_from_document(document: Any) -> Run:
    """The run that `run_document` made *document* of. Raises Invalid with a sentence that names what is wrong."""
    parsed = _parsed(
        document, required=("id", "project", "deployment", "test", "source", "status", "trigger", "created")
    )
    return _run(parsed)


def delivered_run(document: Any, *, id: str, now: datetime) -> Run:  # noqa: A002 - the field's name
    """A run made elsewhere, as `PUT /api/v1/runs/{id}` gets it: the document, where SERVER_OWN is left aside.

    status is `pending` unless given (done, failed, aborted and invalid may be); created is the start unless given, and
    *now* where there is no start either. Raises Invalid with a sentence that names what is missing or wrong, such as a
    time more than AHEAD of *now*.
    """
    if not isinstance(document, Mapping):
        raise Invalid(
            "the body must be a run document, a JSON object; see PUT /api/v1/runs/{id} in the API's description"
        )
    given = {name: value for name, value in document.items() if name not in SERVER_OWN and value is not None}
    if given.setdefault("id", id) != id:
        raise Invalid(f"the document's id is {given['id']!r}, but it was sent to {id!r}; make them the same")
    status = given.setdefault("status", Status.PENDING.value)
    if status in (Status.QUEUED, Status.RUNNING):
        raise Invalid(
            f"status is {status}; deliver a run when it has ended, as pending, done, failed, aborted or invalid"
        )
    given.setdefault("created", given.get("started") or moment(now))
    needed = ["project", "deployment", "test", "source", "release"]
    if status not in (Status.FAILED, Status.ABORTED):
        needed += ["started", "ended", "load", "tally"]
    parsed = _parsed({**given, "trigger": Trigger.ELSEWHERE.value}, required=needed)
    run = _run(parsed)
    _check_past(run, now)
    if run.status.final and run.status is not Status.DONE and not run.reason:
        raise Invalid(f"status is {run.status}, and reason is missing; say in a sentence why the run ended so")
    if run.status is Status.DONE and (waiting := [n for n, v in run.metrics.items() if not v.state.final]):
        raise Invalid(f"status is done while {', '.join(sorted(waiting))} still waits for its data; send it as pending")
    # Its metrics have yet to be collected, from its end on; the pipeline knows when that is worth a try.
    return replace(run, due=run.ended) if run.status is Status.PENDING else run


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: str
    project: str
    deployment: str
    test: str
    source: str
    status: Status
    trigger: Trigger
    created: datetime
    endpoint: str | None = None
    release: str | None = None
    version: str | None = None
    commit: str | None = None
    reason: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    due: datetime | None = None
    attempts: int = 0
    progress: float | None = None
    load: Load | None = None
    content: str | None = None
    test_commit: str | None = None
    fingerprint: float | None = None
    kinds: str | None = None
    tally: Tally | None = None
    client: ClientMeasures | None = None
    metrics: dict[str, MetricValue] = {}
    verdicts: list[Any] = []
    excluded: str | None = None
    notes: tuple[str, ...] = ()
    links: dict[str, str] = {}


def _parsed(document: Any, *, required: Iterable[str]) -> _Document:
    if not isinstance(document, Mapping):
        raise Invalid("a run document must be a JSON object")
    if missing := [name for name in required if document.get(name) is None]:
        raise Invalid(f"the run document lacks {_list(missing)}; add {'it' if len(missing) == 1 else 'them'}",
                      details={"missing": missing})  # fmt: skip
    _refuse_unknown(document)
    _refuse_numbers(document, "")
    try:
        return msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        field = where.strip("`").lstrip(".") or "the document"
        wanted = what.replace("`", "")
        raise Invalid(f"{field} is wrong in the run document: {wanted[0].lower()}{wanted[1:]}",
                      details={"field": field}) from None  # fmt: skip


def _run(parsed: _Document) -> Run:
    if not 0 < len(parsed.id) <= LONGEST_ID or not set(parsed.id) <= ID_LETTERS:
        raise Invalid(f"id must be 1 to {LONGEST_ID} letters, digits, - or _; a UUID's hex digits are best")
    for name in ("project", "deployment", "test", "source", "release", "version", "commit"):
        _check_name(name, getattr(parsed, name))
    for name in ("endpoint", "reason", "excluded", "content", "test_commit"):
        if len(getattr(parsed, name) or "") > LONGEST_TEXT:
            raise Invalid(f"{name} is longer than {LONGEST_TEXT} characters; shorten it")
    for name in parsed.metrics:
        _check_name("a metric's name", name)
    created, started, ended, due = (
        _utc(name, getattr(parsed, name)) for name in ("created", "started", "ended", "due")
    )
    if (started is None) != (ended is None) and parsed.status.final:
        raise Invalid("started and ended come together; give both, or neither where no load was started")
    if started and ended and ended < started:
        raise Invalid(f"ended ({moment(ended)}) is before started ({moment(started)}); fix the clock they come from")
    _check_load(parsed.load)
    if parsed.release is None and (parsed.version or parsed.commit):
        raise Invalid(f"release is missing beside version and commit; give its label, or {UNKNOWN!r}")
    if created is None:
        raise Invalid("the run document lacks created; add it", details={"missing": ["created"]})
    return Run(
        id=parsed.id, project=parsed.project, deployment=parsed.deployment, test=parsed.test, source=parsed.source,
        status=parsed.status, trigger=parsed.trigger, created=created, endpoint=parsed.endpoint,
        release=parsed.release, version=parsed.version, commit=parsed.commit, reason=parsed.reason,
        started=started, ended=ended, due=due,
        attempts=parsed.attempts, load=parsed.load, tally=parsed.tally, client=parsed.client, content=parsed.content,
        test_commit=parsed.test_commit, fingerprint=parsed.fingerprint, kinds=parsed.kinds,
        excluded=parsed.excluded, notes=parsed.notes, links=parsed.links, metrics=parsed.metrics,
    )  # fmt: skip


def _check_name(field: str, name: str | None) -> None:
    if name is None:
        return
    if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Invalid(f"{field} must be 1 to {LONGEST_NAME} printable characters without spaces around them")


def _check_past(run: Run, now: datetime) -> None:
    for field, at in (("created", run.created), ("started", run.started), ("ended", run.ended)):
        if at is not None and at - now > AHEAD:
            raise Invalid(
                f"{field} ({moment(at)}) is more than a day ahead of this daemon's clock ({moment(now)}); "
                "deliver a run when it has ended, or fix the clock that its times come from",
                details={"field": field},
            )


def _check_load(load: Load | None) -> None:
    if load and (load.workers < 1 or load.processes < 1 or load.duration <= 0):
        raise Invalid("load needs at least 1 worker, 1 process and a duration above 0 seconds")


def _utc(field: str, at: datetime | None) -> datetime | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise Invalid(f"{field} has no offset; write it in UTC with a Z at the end")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{field} is out of range; write it in UTC with a Z at the end") from None


_PARTS: Mapping[str, type[msgspec.Struct]] = {"load": Load, "tally": Tally, "client": ClientMeasures}


def _refuse_unknown(document: Mapping[str, Any]) -> None:
    """Dataclasses would take any further field in silence."""
    unknown = [name for name in document if name not in _Document.__struct_fields__]
    for part, kind in _PARTS.items():
        unknown += _unknown(document.get(part), kind, part)
    if isinstance(metrics := document.get("metrics"), Mapping):
        for name, value in metrics.items():
            unknown += _unknown(value, MetricValue, f"metrics.{name}")
    if unknown:
        raise Invalid(f"the run document has no field {_list(sorted(map(str, unknown)))}; leave it out",
                      details={"unknown": sorted(map(str, unknown))})  # fmt: skip


def _unknown(value: Any, kind: type[msgspec.Struct], path: str) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    return [f"{path}.{name}" for name in value if name not in kind.__struct_fields__]


SIGNED = ("metrics.", "verdicts.", "fingerprint", "load.options.")


def _refuse_numbers(value: Any, path: str) -> None:
    """Numbers that are no measure: not finite, larger than is exact, or negative where they count something."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_numbers(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_numbers(inner, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not isfinite(value) or (isinstance(value, int) and abs(value) > LARGEST_NUMBER):
            raise Invalid(f"{path} is not a usable number; send a finite one of at most 2^53, or null")
        if value < 0 and not path.startswith(SIGNED):
            raise Invalid(f"{path} is negative; it must be 0 or more")


def _list(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

"""A run document from elsewhere: held to the rules of its fields (dogdriver.model.fields), and the run that it is."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import repeat
from math import isfinite
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.structs import fields, replace

from dogdriver.errors import Early, Invalid
from dogdriver.model.document import RunDocument, moment
from dogdriver.model.fields import DELIVERED, LARGEST_NUMBER, LONGEST_NAME, MEASURED, RAW, SERVER, marked
from dogdriver.model.run import UNKNOWN, Run, Status, Trigger

SERVER_OWN = frozenset(marked(RunDocument, SERVER))
"""What the daemon that keeps a run says of it; a delivered document's own words on these are not looked at."""

DEEPEST = 100  # what is nested deeper is refused, long before Python's own stack ends
AHEAD = timedelta(minutes=5)  # a clock that is further ahead is wrong, not just another one
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)  # what says that it was before was timed by a clock that nobody had set
LONGEST_RUN = timedelta(days=31)

_OF_THE_MOMENT = frozenset(RunDocument.__struct_fields__) - frozenset(Run.__struct_fields__)
_RUN = inspect.type_info(Run)
_REQUIRED = tuple(field.name for field in fields(Run) if field.required)


def run_from_document(document: Any, *, now: datetime | None = None) -> Run:
    """The run that `run_document` made *document* of. Raises Invalid with a sentence that names what is wrong.

    *now*: it must not have happened more than AHEAD after that; None where its times are this process' own.
    """
    return _run(document, required=_REQUIRED, now=now)


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
    loaded = status not in (Status.FAILED, Status.ABORTED)
    needed = [*marked(Run, DELIVERED), *(marked(Run, MEASURED) if loaded else ())]
    run = _run({**given, "trigger": Trigger.ELSEWHERE.value}, required=needed, now=now)
    if run.status.final and run.status is not Status.DONE and not run.reason:
        raise Invalid(f"status is {run.status}, and reason is missing; say in a sentence why the run ended so")
    if run.status is Status.DONE and (waiting := [n for n, v in run.metrics.items() if not v.state.final]):
        raise Invalid(f"status is done while {', '.join(sorted(waiting))} still waits for its data; send it as pending")
    # Its metrics have yet to be collected, from its end on; the pipeline knows when that is worth a try.
    return replace(run, due=run.ended) if run.status is Status.PENDING else run


def _run(document: Any, *, required: Iterable[str], now: datetime | None) -> Run:
    if not isinstance(document, Mapping):
        raise Invalid("a run document must be a JSON object")
    if missing := [name for name in required if document.get(name) is None]:
        raise Invalid(f"the run document lacks {_list(missing)}; add {'it' if len(missing) == 1 else 'them'}",
                      details={"missing": missing})  # fmt: skip
    said = {name: value for name, value in document.items() if name not in _OF_THE_MOMENT}
    if unknown := sorted(_unknown(said, _RUN, "")):
        raise Invalid(f"the run document has no field {_list(unknown)}; leave it out", details={"unknown": unknown})
    _refuse_numbers(said, "")
    try:
        run = msgspec.convert(said, Run)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    _check(run, _RUN, "")
    run = replace(run, **{name: _utc(name, at) for name, at in _moments(run).items()})
    if now is not None:
        _check_past(run, now)
    _check_times(run)
    _check_together(run)
    return run


def _explained(message: str) -> Invalid:
    """What msgspec says, as a sentence of ours."""
    what, _, where = message.partition(" - at `$")
    field, wanted = where.strip("`").lstrip(".") or "the document", what.replace("`", "")
    return Invalid(f"{field} is wrong in the run document: {wanted[0].lower()}{wanted[1:]}", details={"field": field})


def _unknown(value: Any, kind: inspect.Type, path: str) -> Iterator[str]:
    """The fields in *value* that one of *kind* does not have.

    No Struct forbids them itself, for a newer dogDriver may have written them into the database that this one is given.
    """
    match kind:
        case inspect.Metadata():
            yield from _unknown(value, kind.type, path)
        case inspect.UnionType():  # one or null
            for one in kind.types:
                yield from _unknown(value, one, path)
        case inspect.StructType() if isinstance(value, Mapping):
            known = {field.name: field.type for field in kind.fields}
            for name, inner in value.items():
                where = f"{path}.{name}".lstrip(".")
                yield from _unknown(inner, known[name], where) if name in known else [where]
        case inspect.DictType() if isinstance(value, Mapping):
            for name, inner in value.items():
                yield from _unknown(inner, kind.value_type, f"{path}.{name}")
        case inspect.VarTupleType(item_type=inspect.StructType()) if isinstance(value, list | tuple):
            for number, inner in enumerate(value):
                yield from _unknown(inner, kind.item_type, f"{path}[{number}]")


def _check(value: Any, kind: inspect.Type, path: str) -> None:
    """Raises Invalid where *value*, which is of *kind*, or something in it does not keep to the rule of its field."""
    if value is None:
        return
    rule = isinstance(kind, inspect.Metadata) and kind.extra and kind.extra.get("rule")
    if rule and not rule.holds(value):
        raise Invalid(f"{path} {rule.sentence}", details={"field": path})
    for part in _parts(value, kind, path):
        _check(*part)


def _parts(value: Any, kind: inspect.Type, path: str) -> Iterator[tuple[Any, inspect.Type, str]]:
    """What *value* is made of, each with its kind and its path."""
    match kind:
        case inspect.Metadata():
            yield value, kind.type, path
        case inspect.UnionType():  # one or null
            yield from ((value, one, path) for one in kind.types)
        case inspect.StructType():
            held = [field for field in kind.fields if field.name not in marked(kind.cls, RAW)]
            yield from ((getattr(value, f.name), f.type, f"{path}.{f.name}".lstrip(".")) for f in held)
        case inspect.DictType():
            yield from ((name, kind.key_type, f"a name in {path}") for name in value)
            yield from ((inner, kind.value_type, f"{path}.{name}") for name, inner in value.items())
        case inspect.VarTupleType():
            yield from ((inner, kind.item_type, path) for inner in value)
        case inspect.TupleType():
            yield from zip(value, kind.item_types, repeat(path), strict=False)


def _check_times(run: Run) -> None:
    for name, at in _moments(run).items():
        if at < EARLIEST:
            raise Invalid(
                f"{name} ({moment(at)}) is before {EARLIEST.year}; fix the clock that it comes from",
                details={"field": name},
            )
    if run.window and run.window.end < run.window.start:
        raise Invalid(
            f"ended ({moment(run.ended)}) is before started ({moment(run.started)}); fix the clock they come from"
        )
    if run.window and run.window.end - run.window.start > LONGEST_RUN:
        raise Invalid(
            f"the run took from {moment(run.started)} to {moment(run.ended)}, more than {LONGEST_RUN.days} days; "
            "fix the clock these come from, or deliver shorter runs"
        )


def _check_together(run: Run) -> None:
    if (run.started is None) != (run.ended is None) and run.status.final:
        raise Invalid("started and ended come together; give both, or neither where no load was started")
    if run.release is None and (run.version or run.commit):
        raise Invalid(f"release is missing beside version and commit; give its label, or {UNKNOWN!r}")


def _moments(run: Run) -> dict[str, datetime]:
    return {name: at for name in run.__struct_fields__ if isinstance(at := getattr(run, name), datetime)}


def _check_past(run: Run, now: datetime) -> None:
    for name, at in _moments(run).items():
        if name not in SERVER_OWN and at - now > AHEAD:
            raise Early(
                f"{name} ({moment(at)}) is more than {AHEAD.seconds // 60} minutes ahead of the clock here "
                f"({moment(now)}); deliver a run when it has ended, or fix the clock that its times come from",
                details={"field": name},
            )


def _utc(field: str, at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{field} is out of range; write it in UTC with a Z at the end") from None


def _refuse_numbers(value: Any, path: str, depth: int = 0) -> None:
    """Numbers that are no measure, wherever they stand: not finite, or larger than is exact. And what is too deep."""
    if depth > DEEPEST:
        raise Invalid(f"{path[:LONGEST_NAME]} holds more than {DEEPEST} things in one another; send it flatter")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_numbers(inner, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_numbers(inner, path, depth + 1)
    elif (isinstance(value, int) and abs(value) > LARGEST_NUMBER) or (isinstance(value, float) and not isfinite(value)):
        raise Invalid(f"{path} is not a usable number; send a finite one of at most 2^53, or null")


def _list(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

"""A run, its document and back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dogdriver.errors import Invalid
from dogdriver.model import Load, Run, Status, Trigger
from dogdriver.model.document import run_document
from dogdriver.model.fields import Amount, Count, Id, Moment, Name, Text
from dogdriver.model.parse import SERVER_OWN, delivered_run, run_from_document
from tests.structs import structs
from tests.web.seeded import START, ended_run
from tests.web.test_web_api import delivery

NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)
COUNTS = st.integers(0, 2**53)
SIZES = st.floats(0, 1e12)
TIMES = st.datetimes(datetime(2010, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = {
    Id: st.text("0123456789abcdef", min_size=1, max_size=32), Name: NAMES, Text: NAMES, Moment: TIMES,
    Count: COUNTS, Amount: SIZES, str: NAMES, int: COUNTS, float: NUMBERS, bool: st.booleans(),
    Any: NAMES | st.booleans() | st.integers(-9, 9),
}  # fmt: skip
LOADS = structs(
    Load, LEAVES, workers=st.integers(1, 999), processes=st.integers(1, 9), duration=st.floats(0.1, 9999)
)  # fmt: skip
RUNS = structs(Run, LEAVES, load=st.none() | LOADS)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    run, started = draw(RUNS), draw(TIMES)
    run = replace(run, started=started, ended=started + timedelta(seconds=draw(st.floats(0, 9999))))
    return run if run.release else replace(run, version=None, commit=None)


@given(runs())
def test_the_full_document_is_the_run_again_through_json(run: Run) -> None:
    text = msgspec.json.encode(run_document(run, full=True))
    assert run_from_document(json.loads(text)) == run


@given(runs())
def test_the_plain_document_has_no_raw_data(run: Run) -> None:
    document = run_document(run)
    assert "histogram" not in (document["client"] or {})
    assert all("reading" not in value for value in document["metrics"].values())
    assert set(document) == set(run_document(ended_run("1", "x", START, "1.0")))


@given(runs(), st.text("0123456789abcdef", min_size=1, max_size=32))
def test_a_delivered_document_is_taken_or_refused_with_a_sentence(run: Run, other: str) -> None:
    document = {**run_document(run), "id": other}
    try:
        kept = delivered_run(document, id=other, now=START)
    except Invalid as error:
        assert error.message  # noqa: PT017 - it may as well be taken
    else:
        assert kept.trigger is Trigger.ELSEWHERE
        assert (kept.id, kept.project, kept.tally, kept.excluded) == (other, run.project, run.tally, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_any_document_is_taken_or_refused_with_a_sentence(data: st.DataObject) -> None:
    good = run_document(ended_run("1", "x", START, "1.0"), full=True)
    for name in data.draw(st.lists(st.sampled_from(sorted(good)), max_size=3)):
        good[name] = data.draw(JSON)
    reads: tuple[Callable[[Any], Run], ...] = (
        run_from_document, lambda document: delivered_run(document, id="1", now=START),
    )  # fmt: skip
    for read in reads:
        try:
            read(good)
        except Invalid as error:
            assert error.message  # noqa: PT017 - it may as well be taken


@pytest.mark.parametrize("document", [None, 1, "x", [], {}, {"id": 1}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        run_from_document(document)
    with pytest.raises(Invalid):
        delivered_run(document, id="1", now=START)


@pytest.mark.parametrize("depth", [101, 5000])
def test_what_is_nested_too_deep_is_refused_however_deep_it_is(depth: int) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    document = delivery(load={"workers": 1, "processes": 1, "duration": 1.0, "options": {"a": nested}})
    with pytest.raises(Invalid, match="more than 100 things in one another"):
        delivered_run(document, id="x", now=START)


def test_a_delivery_says_nothing_of_what_the_server_says_itself() -> None:
    others = dict.fromkeys(SERVER_OWN, "nonsense")
    assert delivered_run(delivery(**others), id="x", now=START) == delivered_run(delivery(), id="x", now=START)


def test_a_run_that_never_started_can_be_delivered_with_its_reason() -> None:
    document = {
        "project": "p", "deployment": "d", "test": "t", "source": "s", "release": "1", "status": "failed",
        "reason": "https://stage.example.com answered nothing",
    }  # fmt: skip
    run = delivered_run(document, id="x", now=START)
    assert (run.status, run.created, run.started, run.load) == (Status.FAILED, START, None, None)


@pytest.mark.parametrize(
    ("times", "named"),
    [
        ({"ended": START + timedelta(minutes=5, seconds=1)}, "ended"),
        ({"started": START + timedelta(days=2), "ended": START + timedelta(days=2)}, "created"),
        ({"created": START, "started": START + timedelta(days=2), "ended": START + timedelta(days=3)}, "started"),
        ({"created": START + timedelta(days=2)}, "created"),
        ({"ended": datetime.max.replace(tzinfo=UTC)}, "ended"),
        ({"created": datetime.max.replace(tzinfo=UTC)}, "created"),
        ({"ended": "9999-12-31T23:59:59-12:00"}, "ended"),
    ],
)
def test_a_run_that_has_yet_to_end_is_refused(times: dict[str, Any], named: str) -> None:
    document = delivery(**{name: at if isinstance(at, str) else at.isoformat() for name, at in times.items()})
    with pytest.raises(Invalid, match=f"^{named} .*(more than 5 minutes ahead|out of range).*; "):
        delivered_run(document, id="x", now=START)


def test_a_clock_may_be_a_little_ahead() -> None:
    ended = START + timedelta(minutes=5)
    assert delivered_run(delivery(ended=ended.isoformat()), id="x", now=START).ended == ended


def test_progress_is_a_running_loads_and_whole_once_it_has_ended() -> None:
    running = ended_run("1", "x", START, "1.0", status=Status.RUNNING)
    assert run_document(running, progress=0.25)["progress"] == 0.25
    assert run_document(ended_run("1", "x", START, "1.0"))["progress"] == 1
    assert run_document(ended_run("1", "x", START, "1.0", status=Status.FAILED))["progress"] is None


MANY = {f"m{number}": {"state": "settled", "value": 1.0} for number in range(201)}
PART = {"name": "GET /", "count": 1, "errors": 0, "p50": 1.0, "p95": 1.0, "p99": 1.0}


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ({"metrics": MANY}, "metrics holds more than 200 metrics; send fewer"),
        ({"notes": ["x"] * 101}, "notes holds more than 100 notes; send fewer"),
        ({"notes": ["x" * 10_001]}, "notes is longer than 10000 characters"),
        ({"kinds": "x" * 10_001}, "kinds is longer than"),
        ({"links": {f"l{number}": "x" for number in range(301)}}, "links holds more than 300 links"),
        ({"links": {"x" * 201: "x"}}, "a name in links must be"),
        ({"metrics": {"a": {"state": "settled", "value": 1.0, "note": "x" * 10_001}}}, "metrics.a.note is longer than"),
        ({"client": {"endpoints": [PART] * 1001}}, "client.endpoints holds more than 1000 endpoints"),
        ({"client": {"failures": [["x", 1]] * 1001}}, "client.failures holds more than 1000 failures"),
        ({"client": {"statuses": {str(number): 1 for number in range(1001)}}}, "client.statuses holds more than"),
        ({"started": "1970-01-01T00:00:00Z"}, "started .* is before 2010; fix the clock"),
        ({"created": "1970-01-01T00:00:00Z"}, "created .* is before 2010; fix the clock"),
        ({"started": (START - timedelta(days=300)).isoformat()}, "more than 31 days; fix the clock"),
        ({"ended": (START - timedelta(hours=9)).isoformat()}, "is before started .*; fix the clock"),
        ({"load": {"workers": 1, "processes": 1, "duration": -1.0}}, "load.duration must be above 0 seconds"),
    ],
)
def test_a_document_is_bounded_at_every_door(others: dict[str, Any], sentence: str) -> None:
    document = run_document(ended_run("x", "p", START - timedelta(hours=1), "1.0")) | others
    reads: tuple[Callable[[Any], Run], ...] = (
        run_from_document, lambda document: delivered_run(document, id="x", now=START),
    )  # fmt: skip
    for read in reads:
        with pytest.raises(Invalid, match=sentence):
            read(document)


def test_what_has_yet_to_happen_is_refused_of_an_archive_and_an_import_too() -> None:
    document = run_document(ended_run("x", "p", START, "1.0"))
    assert run_from_document(document).id == "x", "of who has made it"
    with pytest.raises(Invalid, match="ahead of the clock here"):
        run_from_document(document, now=START - timedelta(days=1))


def test_as_much_as_a_document_may_hold_is_taken() -> None:
    metrics = dict(list(MANY.items())[:200])
    document = run_document(ended_run("x", "p", START, "1.0")) | {"metrics": metrics, "notes": ["x" * 10_000] * 100}
    assert len(run_from_document(document).metrics) == 200

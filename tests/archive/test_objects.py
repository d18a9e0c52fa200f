"""Objects that nobody should have written: set aside or passed over with a sentence, once, and life goes on."""

import json
import uuid
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dogdriver.archive.objects import (
    INBOX,
    LARGEST,
    REJECTED,
    RUNS,
    archive_object,
    archived_id,
    archived_run,
    delivered_id,
    inbox_key,
    inbox_object,
    inbox_run,
    read_claim,
)
from dogdriver.errors import Invalid, Refused
from dogdriver.model import Run, Status
from dogdriver.model.archive import ImportedRun, quoted
from dogdriver.model.document import run_document
from dogdriver.storage.archive import Archive as Ledger
from tests.archive.conftest import Start
from tests.archive.made import deliver, made_elsewhere
from tests.archive.s3 import S3Server
from tests.storage.made import Direct, done, fresh
from tests.world import START

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
ID = uuid.uuid5(uuid.NAMESPACE_URL, "ci 1").hex


def document(**others: Any) -> dict[str, Any]:
    return {**run_document(made_elsewhere(START), full=True), **others}


def wrapped(run: Any, **others: Any) -> bytes:
    return json.dumps({"version": 1, "kind": "delivered run", "run": run, **others}).encode()


BAD = {
    "empty": b"",
    "not_json": b"not json",
    "not_utf8": b"\xff\xfe\x00",
    "a_list": b"[]",
    "too_deep": b"[" * 100_000,
    "unknown_version": wrapped(document(), version=2),
    "no_version": json.dumps(document()).encode(),
    "another_kind": wrapped(document(), kind="run"),
    "no_run": wrapped(None),
    "run_of_the_wrong_type": wrapped([1, 2]),
    "wrong_types": wrapped(document(project=7)),
    "another_id": wrapped(document(id="f" * 32)),
    "negative_tally": wrapped(document(tally={"ok": -1, "failed": 0, "requests": 0, "errors": 0})),
    "end_before_start": wrapped(document(ended="2020-01-01T00:00:00Z")),
    "time_without_offset": wrapped(document(started="2026-05-04T12:00:00")),
    "negative_duration": wrapped(document(load={"workers": 1, "processes": 1, "duration": -5, "options": {}})),
    "not_a_number": wrapped(document(fingerprint=float("nan"))),
    "long_name": wrapped(document(project="x" * 1000)),
    "control_character": wrapped(document(source="a\u0000b")),
    "unknown_field": wrapped(document(colour="red")),
    "still_running": wrapped(document(status="running")),
    "nothing_but_an_id": wrapped({"id": ID}),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_delivery_is_set_aside(s3: S3Server, start: Start, name: str) -> None:
    paris = await start("paris")
    await paris.bucket.put(inbox_key(ID), BAD[name])
    await paris.sync()
    await paris.sync()
    assert await paris.all() == []
    assert await paris.listed(INBOX) == []
    [shown] = (await paris.status())["rejected"]
    assert (shown["key"], shown["size"]) == (inbox_key(ID), len(BAD[name]))
    moved = await paris.bucket.get(shown["moved"], most=LARGEST)
    assert moved is not None
    assert moved.body == BAD[name]
    await deliver(paris, made_elsewhere(START))
    await paris.sync()
    assert len(await paris.all()) == 1, "the same key, fixed"


KEYS = {
    "slash": "a/b.json",
    "dots": "../../etc/passwd",
    "only_dots": "..",
    "quotes": "'\"`<script>.json",
    "wide": "日本-é.json",
    "long": "x" * 1000,
    "space": " .json",
    "percent": "%2F%00.json",
    "empty": "",
    "no_ending": "abc",
}


@pytest.mark.parametrize("name", KEYS)
async def test_an_object_with_a_strange_name_is_set_aside(s3: S3Server, start: Start, name: str) -> None:
    paris = await start("paris")
    key = INBOX + KEYS[name]
    await paris.bucket.put(key, inbox_object(made_elsewhere(START))[1])
    await paris.sync()
    assert await paris.all() == []
    assert await paris.listed(INBOX) == []
    status = await paris.status()
    assert [one["key"] for one in status["rejected"]] == [key[:200]]
    assert status["state"] == "ok", "somebody else's mistake is no failure of the bucket"
    assert "-" not in "".join(await paris.listed(REJECTED))


async def test_fifty_megabytes_are_moved_without_being_read(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    await paris.bucket.put(inbox_key(ID), b"x" * 50_000_000)
    await paris.bucket.put(f"{RUNS}oslo/20260504T120000000000Z.{ID}.json", b"x" * (LARGEST + 1))
    await paris.sync()
    rejected = {one["key"]: one for one in (await paris.status())["rejected"]}
    assert len(rejected) == 2
    assert all("larger than" in one["reason"] for one in rejected.values())
    assert rejected[inbox_key(ID)]["moved"] in await paris.listed()
    requests = paris.bucket.requests
    await paris.sync()
    assert paris.bucket.requests - requests == 6


@pytest.mark.parametrize("name", [n for n in BAD if n not in {"another_kind", "still_running", "no_version"}])
async def test_a_bad_archive_object_stays_and_is_read_once(s3: S3Server, start: Start, name: str) -> None:
    """It is its writer's, who may be a newer dogDriver."""
    paris = await start("paris")
    body = BAD[name].replace(b'"kind": "delivered run"', b'"kind": "run"').replace(b'"pending"', b'"done"')
    key = f"{RUNS}oslo/20260504T120000000000Z.{ID}.json"
    await paris.bucket.put(key, body)
    await paris.sync()
    assert await paris.all() == []
    [shown] = (await paris.status())["rejected"]
    assert (shown["key"], shown["moved"]) == (key, None)
    requests = paris.bucket.requests
    await paris.sync()
    assert paris.bucket.requests - requests == 6
    assert await paris.listed() == [key]


async def test_a_delivery_that_contradicts_a_kept_run_is_set_aside(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    own = await paris.done()
    await deliver(paris, replace(made_elsewhere(START), id=own.id))
    await paris.sync()
    [shown] = (await paris.status())["rejected"]
    assert "differs" in shown["reason"]
    assert (await paris.now(own)).source == "paris"


@RELAXED
@given(st.text(max_size=300))
def test_every_name_becomes_a_safe_part_of_a_key(name: str) -> None:
    try:
        part = quoted(name)
    except UnicodeEncodeError:
        return  # half characters come from no setting and no document
    assert len(part) <= 300
    assert not set(part) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%~")


@RELAXED
@given(st.text(alphabet="abcXYZ019_-", min_size=1, max_size=64))
def test_a_run_is_found_by_its_key(run_id: str) -> None:
    assert delivered_id(inbox_key(run_id)) == run_id
    assert archived_id(f"{RUNS}paris/20260504T120000000000Z.{quoted(run_id)}.json") == run_id


FIELDS = st.sampled_from(["version", "kind", "run", "id", "status", "load"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda value: st.lists(value) | st.dictionaries(FIELDS, value)
)


@RELAXED
@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_stands_in_an_object_it_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(Invalid, match=r".+"):
        inbox_run(body, ID, START)
    with pytest.raises(Invalid, match=r".+"):
        archived_run(body, ID, START)


@RELAXED
@given(VALUES, st.sampled_from(sorted(document())))
def test_whatever_stands_in_a_field_is_a_run_or_a_sentence(value: Any, field: str) -> None:
    try:
        run = inbox_run(wrapped(document(**{field: value})), ID, START)
    except Invalid:
        return
    assert run.id == ID


@RELAXED
@given(VALUES, st.sampled_from(sorted(document())))
def test_whatever_is_accepted_can_be_kept(value: Any, field: str) -> None:
    try:
        run = inbox_run(wrapped(document(**{field: value})), ID, START)
    except Invalid:
        return
    with fresh() as database:
        arrival = ImportedRun(replace(run, due=START), "key", "etag", claimed=START)
        assert done(Ledger(Direct(database)).import_runs([arrival], START)) == 1


async def test_a_defect_of_ours_holds_up_nothing(s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    paris = await start("paris")
    await deliver(paris, made_elsewhere(START))
    await deliver(paris, made_elsewhere(START, name="2"))

    def defect(body: bytes, run_id: str, now: datetime) -> Run:
        if run_id == ID:
            raise ZeroDivisionError
        return inbox_run(body, run_id, now)

    monkeypatch.setattr("dogdriver.archive.inbox.inbox_run", defect)
    await paris.sync()
    assert len(await paris.all()) == 1
    [shown] = (await paris.status())["rejected"]
    assert "ZeroDivisionError" in shown["reason"]


async def test_an_inbox_that_may_not_be_written_does_not_hold_up_the_archive(
    s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    await oslo.done()
    await oslo.upload()
    await deliver(paris, made_elsewhere(START))

    async def forbidden(key: str, body: bytes, **more: object) -> bool:
        raise Refused("the bucket refused a request (AccessDenied)")

    monkeypatch.setattr(paris.bucket, "put", forbidden)
    await paris.sync()
    assert [run.source for run in await paris.all()] == ["oslo"]
    status = await paris.status()
    assert (status["state"], status["last_error"]) == ("failing", "the bucket refused a request (AccessDenied)")


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b'{"owner": "\xff", "expires": "2026-01-01T00:00:00Z"}', b"[" * 9000, b"{}"]
)
def test_a_claim_that_nobody_could_have_written_holds_nobody_up(body: bytes) -> None:
    assert read_claim(body) is None


@pytest.mark.parametrize("stamp", ["99999999T999999999999Z", "99991231T235959999999Z"])
async def test_a_key_with_none_behind_it_keeps_no_run_from_the_archive(s3: S3Server, start: Start, stamp: str) -> None:
    paris = await start("paris")
    bent = replace(made_elsewhere(START), id="bent", source="paris", status=Status.FAILED, reason="x", due=None)
    await paris.bucket.put(f"{RUNS}paris/{stamp}.bent.json", archive_object(bent))
    await paris.sync()
    own = await paris.done()
    await paris.upload()
    assert [archived_id(key) for key in await paris.listed(RUNS)] == [own.id, None]

"""Runs go up when they are final, and come down everywhere else, each once."""

import json
import re

import pytest
from msgspec.structs import replace

from dogdriver.model import Run, SeriesKey, Status, Trigger
from dogdriver.model.document import run_document
from tests.archive.conftest import Start
from tests.archive.s3 import S3Server


def same(one: Run, other: Run) -> bool:
    """All that was measured, and all that was judged of it by people."""
    own = {"trigger", "links"}
    documents = [{k: v for k, v in run_document(run, full=True).items() if k not in own} for run in (one, other)]
    return documents[0] == documents[1]


async def test_a_finished_run_is_on_every_dashboard(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    done = await paris.done()
    await paris.upload()
    await oslo.sync()
    [there] = await oslo.all()
    there = await oslo.now(there)
    assert same(there, await paris.now(done))
    assert there.trigger is Trigger.ELSEWHERE
    assert there.metrics["cpu"].reading is not None
    assert [known.source for known in await oslo.store.runs.known("shop")] == ["paris"]
    assert await oslo.store.verdicts.looks(_key(there, "cpu"), "1.0.0"), "it was judged there, too"


def _key(run: Run, metric: str) -> SeriesKey:
    return SeriesKey(run.project, run.deployment, run.test, run.source, metric)


async def test_what_is_not_final_stays_at_home(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    await paris.launched()
    await paris.upload()
    assert await paris.listed() == []


async def test_an_empty_database_gets_its_whole_history_back(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    runs = [await paris.done(cpu=40.0 + n) for n in range(3)]
    await oslo.done()
    for daemon in (paris, oslo):
        await daemon.upload()
    again = await start("paris", data="empty")
    await again.sync()
    assert {run.id for run in await again.all(source="paris")} == {run.id for run in runs}
    assert len(await again.all()) == 4
    for run in runs:
        kept = await again.now(run)
        assert same(kept, await paris.now(run))
        assert kept.trigger is Trigger.REQUEST
    await again.upload()
    assert len(await again.listed()) == 4, "what came from there does not go there again"
    newer = await again.done()
    await again.upload()
    keys = await again.listed("dogdriver/v1/runs/paris/")
    assert newer.id in keys[-1], "keys go on where they were"


async def test_a_failed_run_is_archived_too_and_judges_nothing(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    queued = await paris.pipeline.trigger("shop")
    await paris.pipeline.cancel(queued.id)
    await paris.upload()
    await oslo.sync()
    [there] = await oslo.all()
    assert (there.status, there.reason) == (Status.ABORTED, "cancelled")


async def test_an_exclusion_is_written_to_the_object_again(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    done = await paris.done()
    await paris.upload()
    await paris.pipeline.exclude(done.id, "a power cut")
    await paris.upload()
    [key] = await paris.listed()
    assert done.id in key
    again = await start("paris", data="empty")
    await again.sync()
    assert (await again.now(done)).excluded == "a power cut"


async def test_what_its_writer_changes_later_is_read_again(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    done = await paris.done()
    await paris.upload()
    await oslo.sync()
    late = replace(done.metrics["cpu"], value=55.5, earlier=40.0)
    await paris.store.transitions.save(done, expect=Status.DONE, values={"cpu": late})
    await paris.pipeline.exclude(done.id, "a power cut")
    await paris.upload()
    requests = oslo.bucket.requests
    await oslo.sync()
    assert oslo.bucket.requests - requests == 7, "one of them for the object"
    there = await oslo.now(done)
    assert (there.metrics["cpu"].value, there.excluded) == (55.5, "a power cut")
    [point] = await oslo.store.series.points(_key(there, "cpu"))
    assert (point.value, point.excluded) == (55.5, True)
    await oslo.sync()
    assert oslo.bucket.requests - requests == 13
    assert (await oslo.status())["waiting"] == 0


async def test_another_daemons_objects_stay_as_they_are(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    done = await paris.done()
    await paris.upload()
    await oslo.sync()
    before = await oslo.objects()
    await oslo.pipeline.exclude(done.id, "not mine")
    await oslo.upload()
    assert await oslo.objects() == before
    assert (await oslo.status())["waiting"] == 0


async def test_the_same_object_is_sent_again_after_a_kill_before_the_note(
    s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    paris = await start("paris")
    done = await paris.done()

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as moment:
        moment.setattr(paris.store.archive, "set_archived", killed)
        with pytest.raises(KeyboardInterrupt):
            await paris.archive.upload_next()
    before = await paris.objects()
    await paris.upload()
    assert await paris.objects() == before
    assert done.id in before[0].key


async def test_keys_go_on_when_the_clock_is_set_back(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    await paris.done()
    await paris.upload()
    paris.clock.forward(-7200)
    second = await paris.done()
    await paris.upload()
    assert second.id in (await paris.listed())[-1]


SOURCES = {
    "hyphen": "a-b_c",
    "slash": "Zürich/Nord",
    "dots": "..",
    "quotes": "'\"<x>",
    "wide": "日本" * 50,
    "long": "x" * 100,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
async def test_keys_have_no_hyphen_whatever_the_source_is_called(s3: S3Server, start: Start, source: str) -> None:
    daemon = await start(source, data="data")
    oslo = await start("oslo")
    await daemon.done()
    await daemon.upload()
    [key] = await oslo.listed()
    assert re.fullmatch(r"dogdriver/v1/runs/[A-Za-z0-9_%~]+/\d{8}T\d{12}Z\.[0-9a-f]{32}\.json", key)
    assert len(key) < 1024
    await oslo.sync()
    assert [run.source for run in await oslo.all()] == [source]


async def test_nothing_is_read_twice_and_a_restart_reads_nothing(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    for _ in range(3):
        await paris.done()
    await paris.upload()
    await oslo.sync()
    first = oslo.bucket.requests
    await oslo.sync()
    assert oslo.bucket.requests - first == 6, "one for each list, none for an object"
    await oslo.close()
    await oslo.open()
    await oslo.sync()
    assert oslo.bucket.requests == 6


async def test_all_that_was_run_before_there_was_a_bucket_goes_up(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    runs = [await paris.done() for _ in range(2)]
    await paris.upload()
    assert [run.id in key for run, key in zip(runs, await paris.listed(), strict=True)] == [True, True]
    elsewhere = await start("paris", bucket_name="another", data="moved")
    await oslo.sync()
    assert len(await elsewhere.listed()) == 0
    await paris.close()
    paris.bucket_name = "another"
    await paris.open()
    await paris.upload()
    assert len(await elsewhere.listed()) == 2, "another bucket gets everything"


async def test_the_bucket_holds_no_secret(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    await paris.done()
    await paris.upload()
    [key] = await paris.listed()
    fetched = await paris.bucket.get(key, most=10**7)
    assert fetched is not None
    text = fetched.body.decode()
    for secret in ("api-key", "app-key", "AKIATESTTESTTEST", "a-secret-of-the-tests"):
        assert secret not in text
    assert json.loads(text)["version"] == 1

"""What was deleted comes back by no door, and goes where it was read; only its own daemon may delete it."""

import json

import pytest
from msgspec.structs import replace

from dogdriver.archive.objects import inbox_object
from dogdriver.errors import Conflict, NotFound
from dogdriver.model import Run, Status
from tests.archive.conftest import Start
from tests.archive.made import made_elsewhere
from tests.archive.s3 import S3Server
from tests.archive.shared import Daemon
from tests.world import START


async def kinds(daemon: Daemon) -> list[str]:
    """Of the objects of runs that stand in the bucket."""
    found = [await daemon.bucket.get(key, most=10**7) for key in await daemon.listed("dogdriver/v1/runs/")]
    return [json.loads(one.body)["kind"] for one in found if one is not None]


async def gone(daemon: Daemon, run: Run) -> bool:
    return await daemon.store.runs.get(run.id) is None


async def test_a_deleted_run_leaves_every_dashboard_and_never_comes_back(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    kept, run = await paris.done(), await paris.done()
    await paris.upload()
    await oslo.sync()
    assert len(await oslo.all()) == 2
    await paris.pipeline.delete(run.id)
    await paris.upload()
    keys = await paris.listed()
    assert len(keys) == 2
    fetched = await paris.bucket.get(next(key for key in keys if run.id in key), most=1000)
    assert fetched is not None
    said = json.loads(fetched.body)
    assert (set(said), said["version"], said["kind"], said["id"]) == (
        {"version", "kind", "id", "at"}, 1, "deleted", run.id,
    )  # fmt: skip
    lima = await start("lima")
    again = await start("paris", data="empty")
    for daemon in (paris, oslo, lima, again):
        for _ in range(3):
            await daemon.sync()
        assert [one.id for one in await daemon.all()] == [kept.id]
        assert (await daemon.status())["rejected"] == []
    newest = await again.done()
    await again.upload()
    assert newest.id in (await again.listed("dogdriver/v1/runs/paris/"))[-1], "keys go on behind it"


async def test_what_is_told_while_the_bucket_is_away_is_told_later(own_s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    run = await paris.done()
    await paris.upload()
    own_s3.kill()
    await paris.pipeline.delete(run.id)
    await paris.upload()
    own_s3.start()
    paris.clock.forward(3600)
    await paris.upload()
    assert await kinds(paris) == ["deleted"]


async def test_another_daemons_run_is_deleted_there(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    run = await paris.done()
    await paris.upload()
    await oslo.sync()
    with pytest.raises(Conflict, match=f"run {run.id} was archived by the daemon of paris; delete it there"):
        await oslo.pipeline.delete(run.id)
    with pytest.raises(Conflict, match="the daemon of paris"):
        await oslo.pipeline.delete_project("shop")
    assert not await gone(oslo, run)


async def test_a_deleted_run_is_not_taken_again_from_the_inbox_or_by_put(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    delivered = replace(made_elsewhere(START), status=Status.FAILED, reason="no", due=None)
    await paris.pipeline.accept(delivered)
    await paris.pipeline.delete(delivered.id)
    with pytest.raises(Conflict, match="was deleted here; send it under a new id"):
        await paris.pipeline.accept(delivered)
    await paris.bucket.put(*inbox_object(delivered))
    await paris.sync()
    assert await gone(paris, delivered)
    assert "was deleted here" in (await paris.status())["rejected"][0]["reason"]


async def test_a_project_goes_whole_or_not_at_all(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    with pytest.raises(NotFound):
        await paris.pipeline.delete_project("shop")
    runs = [await paris.done(cpu=40.0 + number) for number in range(3)]
    queued = await paris.pipeline.trigger("shop")
    with pytest.raises(Conflict, match=f"run {queued.id} of shop has not ended"):
        await paris.pipeline.delete_project("shop")
    with pytest.raises(Conflict, match="is queued; cancel it"):
        await paris.pipeline.delete(queued.id)
    assert not await gone(paris, runs[0])
    await paris.pipeline.cancel(queued.id)
    await paris.upload()
    assert await paris.pipeline.delete_project("shop") == 4
    await paris.upload()
    assert await paris.store.runs.known("shop") == []
    assert await paris.store.verdicts.newest(runs[0].scope) == []
    assert set(await kinds(paris)) == {"deleted"}


async def test_what_is_too_old_goes_here_and_stays_in_the_bucket(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    run = await paris.done()
    assert await paris.store.deletions.old(paris.clock(), None) == [], "not before it is in the bucket"
    await paris.deliver()
    await paris.upload()
    paris.clock.forward(90_000)
    await paris.deliver()
    old = await paris.store.deletions.old(paris.clock(), None)
    assert old == [run.id]
    await paris.store.deletions.drop(old, paris.clock())
    for _ in range(2):
        await paris.upload()
        await paris.sync()
    assert await gone(paris, run)
    assert await kinds(paris) == ["run"]
    assert await paris.store.verdicts.newest(run.scope) != []

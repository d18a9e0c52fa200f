"""Runs made elsewhere: taken once, collected by one daemon, kept until they are in the archive."""

from datetime import timedelta

from dogdriver.archive.inbox import CLAIM
from dogdriver.archive.objects import CLAIMS, INBOX
from dogdriver.model import Catalog, MetricState, Run, Status
from tests.archive.conftest import Start
from tests.archive.made import deliver, made_elsewhere
from tests.archive.s3 import S3Server
from tests.archive.shared import Daemon
from tests.world import SETTLE


async def test_a_delivered_run_is_collected_archived_and_seen_everywhere(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    run = made_elsewhere(paris.clock())
    key = await deliver(paris, run)
    paris.feed(run)
    await paris.sync()
    await oslo.sync()
    taken = await paris.now(run)
    assert (taken.status, taken.source) == (Status.PENDING, "ci")
    assert {name for name, value in taken.metrics.items() if value.state is MetricState.WAITING} == {
        "cpu",
        "rps",
        "art",
    }
    assert run.ended is not None
    assert taken.due == run.ended + timedelta(seconds=SETTLE)
    assert await oslo.all() == [], "paris has it"
    assert key in await paris.listed(), "until it is in the archive"
    await paris.collect_all()
    await paris.upload()
    assert await paris.listed(INBOX) + await paris.listed(CLAIMS) == []
    await oslo.sync()
    for daemon in (paris, oslo):
        kept = await daemon.now(run)
        assert kept.status is Status.DONE
        assert kept.metrics["cpu"].value == 40.0
        assert len(await daemon.all()) == 1


async def test_a_run_whose_project_servicebook_may_still_name_stays_in_the_inbox(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    after = paris.catalog.current
    paris.catalog.current = Catalog(complete=False)
    run = made_elsewhere(paris.clock())
    key = await deliver(paris, run)
    await paris.sync()
    assert (await paris.all(), await paris.listed(INBOX), await paris.listed(CLAIMS)) == ([], [key], [])
    paris.catalog.current = after
    await paris.sync()
    assert (await paris.now(run)).metrics["cpu"].state is MetricState.WAITING


async def test_only_the_source_itself_sends_events_and_gauges(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    foreign = made_elsewhere(paris.clock())
    own = made_elsewhere(paris.clock(), source="paris")
    for run in (foreign, own):
        await deliver(paris, run)
    paris.feed(foreign)
    await paris.sync()
    await paris.collect_all()
    sent = [(e.run, e.kind) for e in await paris.store.outbox.list() if e.kind.startswith("datadog.")]
    assert sent == [(own.id, "datadog.series")]


async def test_a_claim_of_a_daemon_that_is_gone_runs_out(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    run = made_elsewhere(paris.clock())
    await deliver(paris, run)
    paris.feed(run)
    await paris.sync()
    await paris.close()  # for good
    oslo.clock.forward(CLAIM.total_seconds() - 120)
    await oslo.sync()
    assert await oslo.all() == []
    oslo.clock.forward(180)
    await oslo.sync()
    await oslo.collect_all()
    await oslo.upload()
    assert (await oslo.now(run)).status is Status.DONE
    assert await oslo.listed(INBOX) + await oslo.listed(CLAIMS) == []
    await paris.open()


async def test_a_claim_is_renewed_while_the_run_waits(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    run = made_elsewhere(paris.clock())
    await deliver(paris, run)
    for _ in range(5):
        await paris.sync()
        await oslo.sync()
        paris.clock.forward(CLAIM.total_seconds() * 0.6)
    assert len(await paris.all()) == 1
    assert await oslo.all() == []


async def test_two_daemons_that_took_the_same_object_have_the_same_run(s3: S3Server, start: Start) -> None:
    """As where a server ignores conditions, or a claim ran out: work is done twice, nothing is there twice."""
    paris, oslo = await start("paris"), await start("oslo")
    run = made_elsewhere(paris.clock())
    await deliver(paris, run)
    paris.feed(run)
    await paris.sync()
    [claim] = await paris.listed(CLAIMS)
    await paris.bucket.remove(claim)
    await oslo.sync()
    for daemon in (paris, oslo):
        await daemon.collect_all()
        await daemon.upload()
    for daemon in (paris, oslo):
        await daemon.sync()
        assert [r.id for r in await daemon.all()] == [run.id]
    empty = await start("rome")
    await empty.sync()
    assert [r.id for r in await empty.all()] == [run.id]
    assert await paris.listed(INBOX) == []


async def test_a_restart_goes_on_with_what_was_claimed(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    run = made_elsewhere(paris.clock())
    await deliver(paris, run)
    paris.feed(run)
    import_runs = paris.store.archive.import_runs

    async def killed(*_: object) -> int:
        raise KeyboardInterrupt

    object.__setattr__(paris.store.archive, "import_runs", killed)
    try:
        await paris.sync()
    except KeyboardInterrupt:
        object.__setattr__(paris.store.archive, "import_runs", import_runs)
    assert await paris.all() == []
    await paris.close()
    await paris.open()
    await paris.sync()
    await paris.collect_all()
    await _killed_before_the_object_went(paris, run)


async def _killed_before_the_object_went(paris: Daemon, run: Run) -> None:
    assert await paris.archive.upload_next()
    assert len(await paris.listed(INBOX)) == 1
    await paris.close()
    await paris.open()
    await paris.upload()
    assert await paris.listed(INBOX) == []
    assert [r.id for r in await paris.all()] == [run.id]


async def test_an_object_left_behind_by_a_daemon_that_archived_its_run_goes(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    run = made_elsewhere(paris.clock())
    await deliver(paris, run)
    paris.feed(run)
    await paris.sync()
    await paris.collect_all()
    assert await paris.archive.upload_next()
    await oslo.sync()
    assert (await oslo.now(run)).status is Status.DONE
    oslo.clock.forward(2 * CLAIM.total_seconds())
    await oslo.sync()
    await oslo.upload()
    assert await oslo.listed(INBOX) == []


async def test_a_run_that_ended_badly_is_history_at_once(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    run = made_elsewhere(paris.clock(), status=Status.FAILED, reason="the smoke run failed", metrics={})
    await deliver(paris, run)
    await paris.sync()
    await paris.upload()
    assert (await paris.now(run)).status is Status.FAILED
    assert await paris.listed(INBOX) == []
    assert len(await paris.listed()) == 1


async def test_a_run_that_came_over_http_too_is_the_same_run(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    run = made_elsewhere(paris.clock())
    await paris.pipeline.accept(run)
    await deliver(paris, run)
    paris.feed(run)
    await paris.sync()
    await paris.collect_all()
    await paris.upload()
    assert [r.id for r in await paris.all()] == [run.id]
    assert await paris.listed(INBOX) == []
    assert (await paris.status())["rejected"] == []


async def test_without_keys_a_daemon_leaves_the_inbox_to_others_for_a_while(s3: S3Server, start: Start) -> None:
    blind = await start("blind", keys=False)
    run = made_elsewhere(blind.clock())
    await deliver(blind, run)
    await blind.sync()
    assert await blind.all() == []
    blind.clock.forward(SETTLE)
    await blind.sync()
    await blind.collect_all()
    kept = await blind.now(run)
    assert kept.status is Status.DONE
    assert kept.metrics["cpu"].state is MetricState.NOT_CONFIGURED


async def test_a_delivery_that_is_sent_again_after_all_is_over_goes_again(s3: S3Server, start: Start) -> None:
    """The client did not hear that the first one had arrived; its release has got another label here."""
    paris = await start("paris")
    await paris.done()
    run = made_elsewhere(paris.clock(), commit="f" * 40)
    for _ in range(2):
        await deliver(paris, run)
        paris.feed(run)
        await paris.sync()
        await paris.collect_all()
        await paris.upload()
        assert await paris.listed(INBOX) == []
    kept = await paris.now(run)
    assert kept.release == "1.0.0+fffffff"
    assert (await paris.status())["rejected"] == []
    assert len(await paris.all()) == 2

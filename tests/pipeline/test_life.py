"""The life of a run, from its trigger to done, against the real store and the Datadog stand-in."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from dogdriver.errors import CheckoutError, LoadTestError, TargetError
from dogdriver.model import (
    Catalog,
    ClientMeasures,
    Deployment,
    Grade,
    Measured,
    MetricState,
    Run,
    Scope,
    Status,
    Stopped,
    Tally,
)
from dogdriver.model.own_trouble import OWN_TROUBLE
from tests.world import RUN_SECONDS, SETTLE, World, shop


async def test_a_run_goes_from_its_trigger_to_done(world: World) -> None:
    queued = await world.pipeline.trigger("shop")
    assert (queued.status, queued.source, queued.deployment) == (Status.QUEUED, "here", "stage")
    assert await world.pipeline.launch_next()
    pending = await world.now(queued)
    assert pending.status is Status.PENDING
    assert pending.release == "1.0.0"
    assert pending.ended is not None
    assert pending.due == pending.ended + timedelta(seconds=SETTLE)
    assert pending.window is not None
    assert pending.window.seconds == RUN_SECONDS
    world.feed(pending)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert (done.status, done.due, done.reason) == (Status.DONE, None, None)
    values = {name: value.value for name, value in done.metrics.items()}
    assert values["cpu"] == pytest.approx(40.0)
    assert values["rps"] == pytest.approx(10.0)
    assert values["art"] == pytest.approx(200.0)
    assert values["client.p95"] == 30.0
    assert all(value.state is MetricState.SETTLED for value in done.metrics.values())
    assert not await world.pipeline.launch_next()
    assert not await world.pipeline.collect_next()


async def test_one_start_and_one_stop_event_and_the_gauges_reach_datadog(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    await world.deliver()
    done = await world.collect_until(pending, 2 * SETTLE)
    await world.deliver()
    [start], [stop] = world.events("start"), world.events("stop")
    for event in (start, stop):
        assert {"project:shop", "env:stage", "service:shop", "version:1.0.0"} <= set(event["tags"])
        assert event["aggregation_key"] == done.id
        assert f"http://dash/r/{done.id}" in event["text"]
    assert start["date_happened"] <= stop["date_happened"]
    [gauges] = [r.json for r in world.standin.requests if r.path == "/api/v2/series"]
    assert all(series["metric"].startswith("dogdriver.run.") for series in gauges["series"])
    kept = await world.now(done)
    assert {"datadog.event.start", "datadog.event.stop"} <= kept.links.keys()
    assert {"datadog.events", "datadog.cpu", "datadog.rps", "datadog.art"} <= kept.links.keys()
    assert "exp_metric=aws.elb.latency" in kept.links["datadog.art"]


async def test_the_load_gets_the_tests_environment_rendered(world: World) -> None:
    await world.launched()
    [job] = world.runner.jobs
    assert job.env == {"SERVER": "http://127.0.0.1:1", "WHO": "shop/here"}
    assert (job.guard, job.stall, job.isolation) == (0.5, 1.0, "thread")


async def test_late_data_only_postpones(world: World) -> None:
    pending = await world.launched()
    world.feed(pending, delay=40 * 60)
    waiting = await world.collect_until(pending, 39 * 60)
    assert waiting.status is Status.PENDING
    assert waiting.metrics["cpu"].state is MetricState.WAITING
    assert waiting.metrics["cpu"].value is None
    assert waiting.attempts == 4
    done = await world.collect_until(pending, 60 * 60)
    assert done.status is Status.DONE
    assert done.metrics["art"].value == pytest.approx(200.0)


async def test_each_metric_settles_on_its_own(world: World) -> None:
    pending = await world.launched()
    assert pending.ended is not None
    world.feed(pending)
    world.standin.points.clear()
    tags = ("app:shop", "env:stage")
    start = int(pending.ended.timestamp()) - 420
    world.standin.points.add("aws.elb.latency", [(start + 60.0 * n, 0.3) for n in range(9)], tags=tags, visible_at=0)
    after = await world.collect_until(pending, 2 * SETTLE)
    assert after.status is Status.PENDING
    assert after.metrics["art"].state is MetricState.SETTLED
    assert after.metrics["cpu"].state is MetricState.WAITING


async def test_data_that_never_comes_is_null_and_never_zero(world: World) -> None:
    pending = await world.launched()
    hopeless = await world.collect_until(pending, 7 * SETTLE)
    assert hopeless.status is Status.DONE
    assert {hopeless.metrics[name].state for name in ("cpu", "rps", "art")} == {MetricState.NO_DATA}
    assert hopeless.metrics["cpu"].value is None
    assert hopeless.metrics["client.rps"].value == 10.0


async def test_a_metric_that_had_data_once_is_waited_for_until_the_deadline(world: World) -> None:
    first = await world.launched()
    world.feed(first)
    await world.collect_until(first, 2 * SETTLE)
    world.standin.points.clear()
    second = await world.launched()
    waiting = await world.collect_until(second, 143 * SETTLE)
    assert waiting.status is Status.PENDING
    ended = await world.collect_until(second, 2 * SETTLE)
    assert (ended.status, ended.metrics["cpu"].state) == (Status.DONE, MetricState.NO_DATA)


async def test_a_datadog_that_is_down_loses_nothing(world: World) -> None:
    pending = await world.launched()
    world.feed(pending)
    await world.standin.stop()
    waiting = await world.collect_until(pending, 150 * SETTLE)
    assert (waiting.status, waiting.metrics["cpu"].state) == (Status.PENDING, MetricState.WAITING)
    assert waiting.metrics["cpu"].note
    await world.deliver()
    await world.standin.start()
    done = await world.collect_until(pending, 13 * SETTLE)
    assert done.status is Status.DONE
    assert done.metrics["cpu"].value == pytest.approx(40.0)


async def test_without_keys_the_run_is_done_with_what_the_client_measured(world: World) -> None:
    await world.close()
    world.keys = False
    await world.open()
    pending = await world.launched()
    done = await world.collect_until(pending, 0)
    assert done.status is Status.DONE
    assert {done.metrics[name].state for name in ("cpu", "rps", "art")} == {MetricState.NOT_CONFIGURED}
    assert done.metrics["client.p50"].value == 20.0
    await world.deliver()
    assert not [r for r in world.standin.requests if r.path == "/api/v1/events"]


async def test_a_refused_query_says_so_and_does_not_spin(world: World) -> None:
    broken = replace(shop().metrics[0], name="broken", query="avg:nonsense{")
    world.catalog.current = Catalog({"shop": replace(shop(), metrics=(*shop().metrics, broken))})
    pending = await world.launched()
    world.feed(pending)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert done.status is Status.DONE
    assert done.metrics["broken"].state is MetricState.REFUSED
    assert "pars" in (done.metrics["broken"].note or "")
    assert done.metrics["art"].value == pytest.approx(200.0)


async def test_a_metric_taken_out_of_the_file_ends_without_a_value(world: World) -> None:
    pending = await world.launched()
    world.catalog.current = Catalog({"shop": replace(shop(), metrics=shop().metrics[1:])})
    world.feed(pending)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert (done.metrics["cpu"].state, done.metrics["cpu"].value) == (MetricState.NO_DATA, None)
    assert "removed" in (done.metrics["cpu"].note or "")


@pytest.mark.parametrize(
    "error",
    [TargetError("http://127.0.0.1:1 does not answer; start it"), None],
    ids=["unhealthy", "checkout"],
)
async def test_what_fails_before_the_load_sends_no_event(world: World, error: TargetError | None) -> None:
    if error:
        world.target.unhealthy = error
    else:
        world.checkouts.error = CheckoutError("git cannot reach it; fix the address")
    failed = await world.launched()
    assert failed.status is Status.FAILED
    assert failed.reason in {"http://127.0.0.1:1 does not answer; start it", "git cannot reach it; fix the address"}
    assert failed.started is None
    await world.deliver()
    assert not world.events("start")
    assert not await world.pipeline.launch_next()


def _failed(measured: Measured) -> Measured:
    return replace(measured, tally=Tally(ok=0, failed=1, requests=1, errors=1))


async def test_a_failing_smoke_run_starts_no_load_and_ends_with_both_events(world: World) -> None:
    world.runner.smoked = _failed
    failed = await world.launched()
    assert failed.status is Status.FAILED
    assert (failed.reason or "").startswith("the smoke run failed")
    assert not world.runner.jobs
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


def _saturated(measured: Measured) -> Measured:
    client: ClientMeasures = structs.replace(measured.client, grade=Grade.INVALID, reasons=("a stall of 1.4 s",))
    return replace(measured, client=client)


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda m: replace(m, stopped=Stopped.GUARD, reason="60 % failed"), Status.INVALID, "60 % failed"),
        (lambda m: replace(m, tally=Tally(ok=10, failed=90)), Status.INVALID, "90% of the executions failed"),
        (lambda m: replace(m, stopped=Stopped.EXIT, reason="the test called sys.exit"), Status.ABORTED, "sys.exit"),
        (lambda m: replace(m, failed=True), Status.FAILED, "limit of failures"),
        (lambda m: replace(m, tally=Tally()), Status.FAILED, "executed no scenario"),
        (_saturated, Status.INVALID, "a stall of 1.4 s"),
    ],
    ids=["guard", "share", "exit", "fail", "nothing", "saturated"],
)
async def test_a_bad_load_ends_with_its_reason_and_its_stop_event(
    world: World, change: "object", status: Status, reason: str
) -> None:
    world.runner.change = change  # type: ignore[assignment] # parametrised callables
    run = await world.launched()
    assert run.status is status
    assert reason in (run.reason or "")
    assert run.due is None
    assert run.metrics["client.p95"].value == 30.0
    await world.deliver()
    assert (len(world.events("start")), len(world.events("stop"))) == (1, 1)


async def test_a_release_that_changes_under_the_load_is_invalid(world: World) -> None:
    world.target.versions = [("1.0.0", "a" * 40), ("1.1.0", "b" * 40)]
    run = await world.launched()
    assert run.status is Status.INVALID
    assert "from 1.0.0 to 1.1.0" in (run.reason or "")


@pytest.mark.parametrize(("troubles", "status"), [(4, Status.PENDING), (99, Status.INVALID)])
async def test_a_trouble_of_this_machine_after_the_load_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, troubles: int, status: Status
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def version(deployment: Deployment) -> tuple[str | None, str | None]:
        if world.runner.jobs and len(pauses) < troubles:
            raise TargetError("it cannot be asked by this machine: Try again; look at its DNS", code=OWN_TROUBLE)
        return "1.0.0", "a" * 40

    object.__setattr__(world.pipeline._context, "pause", pause)
    monkeypatch.setattr(world.target, "version", version)
    run = await world.launched()
    assert run.status is status
    assert pauses == [1.0, 2.0, 5.0, 15.0, 60.0][:troubles]
    assert run.reason is None or "by this machine" in run.reason


async def test_a_test_that_cannot_be_set_up_fails_with_its_sentence(world: World) -> None:
    world.runner.error = LoadTestError("global_setup raised ValueError: no account; fix the test")
    run = await world.launched()
    assert (run.status, run.reason) == (Status.FAILED, "global_setup raised ValueError: no account; fix the test")


async def test_a_defect_of_ours_fails_the_run_and_is_raised(world: World) -> None:
    world.runner.error = ZeroDivisionError()
    run = await world.pipeline.trigger("shop")
    with pytest.raises(ZeroDivisionError):
        await world.pipeline.launch_next()
    failed = await world.now(run)
    assert failed.status is Status.FAILED
    assert "dogDriver itself failed (ZeroDivisionError)" in (failed.reason or "")
    assert not await world.pipeline.launch_next()


async def test_an_unknown_release_is_run_and_never_judged(world: World) -> None:
    world.target.versions = [(None, None)]
    pending = await world.launched()
    world.feed(pending)
    done = await world.collect_until(pending, 2 * SETTLE)
    assert done.status is Status.DONE
    assert done.release == "unknown"
    assert not await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))


async def test_ten_runs_keep_their_order_and_their_releases(world: World) -> None:
    runs: list[Run] = []
    for version in ("1.0.0", "1.1.0"):
        world.target.versions = [(version, None)]
        for _ in range(5):
            pending = await world.launched()
            world.feed(pending, latency=0.2 if version == "1.0.0" else 0.3)
            runs.append(await world.collect_until(pending, 2 * SETTLE))
    assert [run.status for run in runs] == [Status.DONE] * 10
    seen = await world.store.releases.seen("shop", "stage")
    assert [one.release.label for one in seen] == ["1.0.0", "1.1.0"]
    verdicts = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    newest = {judged.key.metric: judged for judged in verdicts if judged.release == "1.1.0"}
    assert newest["art"].verdict.outcome == "regressed"
    assert newest["art"].verdict.runs == 5
    assert newest["art"].look == 5

"""The main job on real input: a ServiceBook's answer, a Kinto server, a git repository, and a daemon on a schedule."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogdriver.demo.standin import Standin, serve_standin
from tests.end_to_end.parts import Balancer, Daemon, Kinto, repository, servicebook

PROJECTS = """
[defaults]
schedule = "every 4s"
stall = "60s"  # the machine of the tests is a busy one
allowed_tests = ["{folder}/*"]

[[project]]
name = "kintowe"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "{test}"
ref = "main"
name = "{entry}"
env = {{ KINTO_SERVER = "{{endpoint}}" }}
{metrics}
"""

METRICS = "".join(
    f"""
[[project.metric]]
name = "{name}"
title = "{name}"
query = "{query}"
reduce = "{reduce}"
unit = "{unit}"
better = "{better}"
every = "1s"
"""
    for name, query, reduce, unit, better in (
        ("cpu", "100 - avg:system.cpu.idle{app:{project},env:{deployment}} by {host}", "max", "%", "lower"),
        ("rps", "sum:aws.elb.request_count{app:{project},env:{deployment}}.as_rate()", "mean", "1/s", "higher"),
        ("art", "avg:aws.elb.latency{app:{project},env:{deployment}}", "mean", "ms", "lower"),
    )
)

MOMENT = timedelta(seconds=10)  # the service is asked again after a load


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real processes, real time


@pytest.fixture(name="standin")
async def _standin() -> AsyncIterator[Standin]:
    async with serve_standin(now, api_key="an-api-key", app_key="an-app-key", delays={}) as standin:
        yield standin


@pytest.fixture(name="kinto")
async def _kinto(tmp_path: Path) -> AsyncIterator[Kinto]:
    (tmp_path / "kinto").mkdir()
    kinto = Kinto(tmp_path / "kinto")
    await kinto.deploy("1.0.0", "1" * 40)
    yield kinto
    await kinto.stop()


async def until(daemon: Daemon, enough: Callable[[list[Any]], bool], seconds: float = 600) -> list[Any]:
    """Wait until the runs are as wanted: real loads take real time."""
    try:
        async with asyncio.timeout(seconds):
            while not enough(runs := await daemon.runs("kintowe")):
                await asyncio.sleep(0.2)
            return runs
    except TimeoutError:
        raise AssertionError([(r["status"], r["reason"], r["metrics"]) for r in runs], daemon.log) from None


def done(release: str, count: int) -> Callable[[list[Any]], bool]:
    return lambda runs: sum(r["status"] == "done" and r["release"] == release for r in runs) >= count


async def test_scheduled_runs_of_a_real_service_over_two_releases(
    tmp_path: Path, standin: Standin, kinto: Kinto
) -> None:
    test = repository(tmp_path / "kinto-loadtests")
    async with Balancer(kinto, standin) as endpoint, servicebook() as book:
        projects = tmp_path / "projects.toml"
        projects.write_text(
            PROJECTS.format(folder=tmp_path, endpoint=endpoint, test=test, entry="dogdriver", metrics=METRICS)
        )
        daemon = Daemon(
            tmp_path / "data",
            {
                "DOGDRIVER_PROJECTS": str(projects),
                "DOGDRIVER_SERVICEBOOK": book,
                "DOGDRIVER_DATADOG_URL": standin.url,
                "DOGDRIVER_SETTLE": "2",
                "DOGDRIVER_SOURCE": "test",
                "DD_API_KEY": "an-api-key",
                "DD_APP_KEY": "an-app-key",
            },
        )
        await daemon.start()
        try:
            await until(daemon, done("1.0.0", 4))
            asked = await _asked(daemon)
            await until(daemon, lambda runs: done("1.0.0", 5)(runs) and _ended(runs, asked))
            deploying = now()
            await kinto.deploy("1.1.0", "2" * 40)
            deployed = now()
            runs = await until(daemon, done("1.1.0", 5))
            names = {p["name"] for p in (await daemon.get("/api/v1/projects"))["projects"]}
            series = await daemon.get("/api/v1/series/kintowe/art")
            verdicts = await daemon.get("/api/v1/verdicts/kintowe")
        finally:
            code = await daemon.end()
    assert code == 0, daemon.log
    good = [r for r in runs if r["status"] == "done"]
    assert {r["trigger"] for r in good} == {"schedule", "request"}
    for run in good:
        values = {name: metric["value"] for name, metric in run["metrics"].items()}
        assert values["rps"] > 0
        assert values["art"] > 0
        assert values["cpu"] is not None
        assert values["client.p95"] > 0
        assert run["tally"]["ok"] > 0
        assert run["tally"]["failed"] == 0
    # The schedule does not know of the deployment of 1.1.0; nothing but that may come in the way of a run.
    in_its_way = [r for r in runs if r["status"] in {"failed", "invalid"}]
    slowest = max(_time(r["ended"]) - _time(r["created"]) for r in good)
    assert all(_during(r, deploying, deployed, slowest + MOMENT) for r in in_its_way), in_its_way
    assert all(r["reason"] for r in in_its_way)
    assert names == {"kintowe", "Firefox Screenshots", "Shavar", "Symbol"}
    assert [release["release"] for release in series["releases"]] == ["1.0.0", "1.1.0"]
    assert (verdicts["release"], verdicts["baseline"]) == ("1.1.0", "1.0.0")
    _events_are_paired(standin)
    assert not standin.leaks
    assert "an-api-key" not in daemon.log
    assert "an-app-key" not in daemon.log


async def _asked(daemon: Daemon) -> str:
    """A run that the schedule has not queued already: that one would be the answer."""
    async with asyncio.timeout(600):
        while True:
            status, answer = await daemon.post("/api/v1/runs", {"project": "kintowe", "deployment": "stage"})
            assert status == 202, answer
            if answer["run"]["trigger"] == "request":
                return str(answer["run"]["id"])
            await asyncio.sleep(0.2)


def _ended(runs: list[Any], run_id: str) -> bool:
    return any(r["id"] == run_id and r["status"] == "done" for r in runs)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _during(run: Any, begin: datetime, end: datetime, lasting: timedelta) -> bool:
    """Whether *run*, which took no longer than *lasting*, may have been under way then."""
    return _time(run["created"]) <= end and _time(run["ended"] or run["created"]) + lasting >= begin


def _events_are_paired(standin: Standin) -> None:
    steps: Counter[tuple[str, str]] = Counter()
    for request in standin.requests:
        if request.path == "/api/v1/events" and request.method == "POST" and request.status == 202:
            [step] = [tag for tag in request.json["tags"] if tag.startswith("step:")]
            steps[request.json["aggregation_key"], step] += 1
    assert len(steps) >= 20
    assert set(steps.values()) == {1}

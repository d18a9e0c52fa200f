"""`dogdriver check`: one line for everything that a run would need, each with what is wrong and what to do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dogdriver.cli.check import Check, Finding, Mark
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.settings import load
from tests.end_to_end.service import LOADTEST, Service

pytestmark = pytest.mark.usefixtures("starts_processes")  # it asks git for its version

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
METRICS = """
[[project.metric]]
name = "art"
title = "Average response time"
query = "avg:aws.elb.latency{app:{project}}"
unit = "ms"
better = "lower"
every = "60s"
[[project.metric]]
name = "none"
title = "Nothing"
query = "avg:nothing.at.all{app:{project}}"
unit = "ms"
better = "lower"
[[project.metric]]
name = "bad"
title = "Broken"
query = "avg:aws.elb.latency{app"
unit = "ms"
better = "lower"
"""


@pytest.fixture(name="service")
async def _service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start_server()
    yield service
    await service.server.close()


@pytest.fixture(name="standin")
async def _standin() -> AsyncIterator[Standin]:
    async with serve_standin(lambda: NOW, delays={}) as standin:
        at = NOW.timestamp()
        points = [(at - 3600 + 300 * n, 0.2) for n in range(12)]
        standin.points.add("aws.elb.latency", points, tags=["app:thing"], unit="second", visible_at=0)
        yield standin


async def looked(tmp_path: Path, projects: str, *names: str, **environ: str) -> dict[str, Finding]:
    settings = load({"DOGDRIVER_DATA": str(tmp_path / "data"), "DOGDRIVER_PROJECTS": projects, **environ})
    check = Check(settings, {"PATH": "/usr/bin:/bin"}, lambda: NOW, names)
    return {one.subject: one async for one in check.findings()}


def keys(standin: Standin, **more: str) -> dict[str, str]:
    return {"DD_API_KEY": "api-key", "DD_APP_KEY": "app-key", "DOGDRIVER_DATADOG_URL": standin.url, **more}


async def test_everything_is_looked_at_once(tmp_path: Path, service: Service, standin: Standin) -> None:
    projects = service.projects(tmp_path, "short")
    file = Path(projects)
    file.write_text(file.read_text().partition("[[project.metric]]")[0] + METRICS)
    findings = await looked(tmp_path, projects, **keys(standin))
    assert findings["Datadog"] == Finding(Mark.OK, "Datadog", "takes both keys")
    assert findings["thing stage"].text == "healthy, runs 1.0.0"
    assert findings["thing test"].mark is Mark.OK
    art = findings["thing stage art"]
    assert art.mark is Mark.WARN
    assert 'set every = "300s"' in art.text
    assert "12 points in 1 series, second" in art.text
    assert "mean of the hour 200 ms" in art.text
    assert findings["thing stage none"].text.startswith("no points in the last hour")
    assert "metrics explorer" in findings["thing stage none"].text
    assert findings["thing stage bad"].mark is Mark.FAIL
    assert not (tmp_path / "data").exists()
    assert service.count == 0


async def test_what_is_wrong_is_said(tmp_path: Path, service: Service, standin: Standin) -> None:
    service.healthy = False
    projects = service.projects(tmp_path, "nope")
    findings = await looked(tmp_path, projects, "thing", "thong", **keys(standin, DD_APP_KEY="wrong"))
    assert findings["Datadog"].mark is Mark.FAIL
    assert "takes DD_API_KEY, not DD_APP_KEY" in findings["Datadog"].text
    assert findings["thing stage art"] == Finding(Mark.WARN, "thing stage art", "not asked: see Datadog above")
    assert findings["thing stage"].mark is Mark.FAIL
    assert "nope" in findings["thing test"].text
    assert findings["thong"].text == "there is no such project; there are: thing"


async def test_without_keys_that_is_said_and_nothing_is_asked(
    tmp_path: Path, service: Service, standin: Standin
) -> None:
    findings = await looked(tmp_path, service.projects(tmp_path, "short"))
    assert "no keys are set" in findings["Datadog"].text
    assert not standin.requests
    assert not any(one.mark is Mark.FAIL for one in findings.values())


async def test_a_test_that_is_not_allowed_is_told(tmp_path: Path, service: Service, standin: Standin) -> None:
    projects = service.projects(tmp_path, "short", url=str(LOADTEST), tests="https://github.com/Kinto/")
    findings = await looked(tmp_path, projects, "thing")
    assert "not among allowed_tests" in findings["thing test"].text


async def test_keys_that_are_wrong_are_told_apart(tmp_path: Path, service: Service, standin: Standin) -> None:
    projects = service.projects(tmp_path, "short")
    findings = await looked(tmp_path, projects, **keys(standin, DD_API_KEY="wrong"))
    assert findings["Datadog"].text.startswith("DD_API_KEY is not taken at datadoghq.com")
    findings = await looked(tmp_path, projects, DD_API_KEY="api-key", DOGDRIVER_DATADOG_URL=standin.url)
    assert findings["Datadog"] == Finding(
        Mark.FAIL, "Datadog", "DD_APP_KEY is not set: runs are marked, no metric is read"
    )
    await standin.stop()
    findings = await looked(tmp_path, projects, **keys(standin))
    assert "cannot be reached" in findings["Datadog"].text
    assert [finding.mark for name, finding in findings.items() if name.endswith(" art")] == [Mark.WARN]


async def test_units_and_limits_and_hosts_are_told(tmp_path: Path, service: Service, standin: Standin) -> None:
    file = Path(service.projects(tmp_path, "short"))
    metrics = METRICS.partition('[[project.metric]]\nname = "none"')[0].replace('"ms"', '"%"')
    hosts = 'fingerprint = "avg:system.cpu.idle{app:{project}} by {host}"\n[project.deployments]'
    file.write_text(
        file.read_text().partition("[[project.metric]]")[0].replace("[project.deployments]", hosts) + metrics
    )
    findings = await looked(tmp_path, str(file), **keys(standin))
    assert findings["thing stage art"].mark is Mark.FAIL
    assert "Datadog gives second, the metric is declared in %" in findings["thing stage art"].text
    assert findings["thing stage hosts"].text.startswith("none seen in the last hour")
    for host in ("a", "b"):
        points = [(NOW.timestamp() - 60.0 * n, 50.0) for n in range(60)]
        standin.points.add("system.cpu.idle", points, tags=["app:thing"], host=host, visible_at=0)
    findings = await looked(tmp_path, str(file), **keys(standin))
    assert findings["thing stage hosts"] == Finding(Mark.OK, "thing stage hosts", "2 seen")
    standin.mode("limited", reset=100)
    findings = await looked(tmp_path, str(file), **keys(standin))
    assert "try again in" in findings["thing stage art"].text


async def test_what_cannot_be_found_is_a_line_too(tmp_path: Path, service: Service) -> None:
    findings = await looked(tmp_path, str(tmp_path / "none.toml"))
    assert findings["projects"].mark is Mark.FAIL
    assert "DOGDRIVER_PROJECTS" in findings["projects"].text
    findings = await looked(tmp_path, "")
    assert findings["projects"].mark is Mark.WARN
    assert "none is known" in findings["projects"].text
    projects = service.projects(tmp_path, "short")
    findings = await looked(tmp_path, projects, DOGDRIVER_SERVICEBOOK="http://127.0.0.1:9/api/")
    assert findings["ServiceBook"].mark is Mark.FAIL
    await service.server.close()
    findings = await looked(tmp_path, projects)
    assert findings["thing stage"].mark is Mark.FAIL
    assert "cannot be reached: the connection is refused" in findings["thing stage"].text


async def test_a_load_that_would_be_cut_is_told(tmp_path: Path, service: Service) -> None:
    file = Path(service.projects(tmp_path, "long"))
    file.write_text(file.read_text().replace('name = "thing"', 'name = "thing"\nload = { longest = "1s" }', 1))
    test = (await looked(tmp_path, str(file)))["thing test"]
    assert test.mark is Mark.WARN
    assert "load is cut after 1 s, and its run is invalid" in test.text

"""`dogdriver check`: one line for everything that a run would need, each with what is wrong and what to do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dogdriver.check import Check, Line, Mark
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.settings import load
from tests.end_to_end.service import LOADTEST, Service

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


async def looked(tmp_path: Path, projects: str, *names: str, **environ: str) -> dict[str, Line]:
    settings = load({"DOGDRIVER_DATA": str(tmp_path / "data"), "DOGDRIVER_PROJECTS": projects, **environ})
    check = Check(settings, {"PATH": "/usr/bin:/bin"}, lambda: NOW, names)
    return {line.subject: line async for line in check.lines()}


def keys(standin: Standin, **more: str) -> dict[str, str]:
    return {"DD_API_KEY": "api-key", "DD_APP_KEY": "app-key", "DOGDRIVER_DATADOG_URL": standin.url, **more}


async def test_everything_is_looked_at_once(tmp_path: Path, service: Service, standin: Standin) -> None:
    projects = service.projects(tmp_path, "short")
    file = Path(projects)
    file.write_text(file.read_text().partition("[[project.metric]]")[0] + METRICS)
    lines = await looked(tmp_path, projects, **keys(standin))
    assert lines["Datadog"] == Line(Mark.FINE, "Datadog", "takes both keys")
    assert lines["thing stage"].said == "healthy, runs 1.0.0"
    assert lines["thing test"].mark is Mark.FINE
    art = lines["thing stage art"]
    assert art.mark is Mark.DOUBT
    assert 'set every = "300s"' in art.said
    assert "12 points in 1 series, second" in art.said
    assert lines["thing stage none"].said.startswith("no points in the last hour")
    assert lines["thing stage bad"].mark is Mark.BAD
    assert not (tmp_path / "data").exists()
    assert service.count == 0


async def test_what_is_wrong_is_said(tmp_path: Path, service: Service, standin: Standin) -> None:
    service.healthy = False
    projects = service.projects(tmp_path, "nope")
    lines = await looked(tmp_path, projects, "thing", "thong", **keys(standin, DD_APP_KEY="wrong"))
    assert lines["Datadog"].mark is Mark.BAD
    assert lines["thing stage"].mark is Mark.BAD
    assert "nope" in lines["thing test"].said
    assert lines["thong"].said == "there is no such project; there are: thing"


async def test_without_keys_that_is_said_and_nothing_is_asked(
    tmp_path: Path, service: Service, standin: Standin
) -> None:
    lines = await looked(tmp_path, service.projects(tmp_path, "short"))
    assert "no keys are set" in lines["Datadog"].said
    assert not standin.requests
    assert not any(line.mark is Mark.BAD for line in lines.values())


async def test_a_test_that_is_not_allowed_is_told(tmp_path: Path, service: Service, standin: Standin) -> None:
    projects = service.projects(tmp_path, "short", url=str(LOADTEST), tests="https://github.com/Kinto/")
    lines = await looked(tmp_path, projects, "thing")
    assert "not among allowed_tests" in lines["thing test"].said

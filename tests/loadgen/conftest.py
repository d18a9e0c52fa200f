from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dogdriver.model import Clock, Isolation, Job, Prepared
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import MakeJob
from tests.loadgen.service import Service


@pytest.fixture(scope="session", name="service_running")
def _service_running() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture(name="service")
def _service(service_running: Service) -> Service:
    service_running.hits.clear()
    return service_running


HEADER = "import asyncio, os, sys, time\nimport molotov\nfrom molotov import scenario\nURL = os.environ['URL']\n"


@pytest.fixture(name="job")
def _job(tmp_path: Path, service: Service) -> MakeJob:
    """job(code, isolation=…, guard=…, env=…, files={name: text}, **entry)"""

    def make(
        code: str,
        *,
        isolation: str = "thread",
        guard: float = 1.0,
        env: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        **entry: Any,
    ) -> Job:
        folder = tmp_path / "checkout"
        folder.mkdir(exist_ok=True)
        (folder / "loadtest.py").write_text(HEADER + code)
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        prepared = Prepared(
            directory=str(folder), site=None, entry=entry, name="dogdriver", content="0" * 40, commit=None
        )
        return Job(
            run="r1",
            prepared=prepared,
            env={"URL": service.url, **(env or {})},
            guard=guard,
            isolation=Isolation(isolation),
        )

    return make


@pytest.fixture(name="clock")
def _clock() -> Clock:
    """The real one: what is measured here are real loads."""
    return lambda: datetime.now(UTC)  # noqa: TID251 - see above


@pytest.fixture(name="runner")
def _runner(tmp_path: Path, clock: Clock) -> MolotovRunner:
    """Its grace is never used up by a test that can end, however busy the machine is."""
    return MolotovRunner(tmp_path / "data", clock, grace=60.0)


@pytest.fixture(name="impatient")
def _impatient(tmp_path: Path, clock: Clock) -> MolotovRunner:
    """For tests that must be forced to end, or cannot be ended at all."""
    return MolotovRunner(tmp_path / "data", clock, grace=2.0)

"""Fixtures that several folders use, and the rule which tests may start processes."""

import sys
from collections.abc import AsyncIterator, Generator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dogdriver.demo.standin import serve_standin
from tests.processes import Guard
from tests.world import World

# How fast examples are made says how busy the machine is, and nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_guard = Guard()
sys.addaudithook(_guard)


@pytest.fixture(scope="session")
def starts_processes() -> None:
    """Asked for by everything that starts a process: see tests/processes.py."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "starts_processes" in item.fixturenames:
            item.add_marker("processes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _guard.test = None if item.get_closest_marker("processes") else item.nodeid
    try:
        return (yield)
    finally:
        _guard.test = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """A refusal fails the test even where what is tested has made do without the process."""
    _guard.refused = None
    result = yield
    assert not _guard.refused, _guard.refused
    return result


@pytest.fixture(name="guard")
def _the_guard() -> Guard:
    return _guard


@pytest.fixture(name="world")
async def _context(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    async with serve_standin(world.clock, api_key="api-key", app_key="app-key") as standin:
        world.standin = standin
        await world.open()
        yield world
        await world.close()

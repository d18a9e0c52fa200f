"""Fixtures that several folders use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dogdriver.demo.standin import serve_standin
from tests.world import World

# How fast examples are made says how busy the machine is, and nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(name="world")
async def _context(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    async with serve_standin(world.clock, api_key="api-key", app_key="app-key") as standin:
        world.standin = standin
        await world.open()
        yield world
        await world.close()

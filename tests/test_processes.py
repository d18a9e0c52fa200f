"""What keeps `make quick` quick."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.processes import Guard


async def test_a_test_that_does_not_ask_for_processes_gets_none(guard: Guard) -> None:
    with pytest.raises(AssertionError, match="ask for the fixture `starts_processes`"):
        subprocess.run([sys.executable, "-c", ""], check=True)  # noqa: ASYNC221 - it never starts
    with pytest.raises(AssertionError, match=r"test_processes\.py::test_a_test_that_does_not_ask"):
        await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    with pytest.raises(AssertionError, match=r"os\.fork"):
        os.fork()
    assert guard.refused
    guard.refused = None


def test_a_test_that_asks_for_processes_is_marked_and_gets_them(
    starts_processes: None, request: pytest.FixtureRequest
) -> None:
    assert request.node.get_closest_marker("processes")
    assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0

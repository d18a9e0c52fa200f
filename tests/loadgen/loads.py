"""What the tests of loads have in common."""

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from dogdriver.model import Job, Snapshot

BOTH = pytest.mark.parametrize("isolation", ["thread", pytest.param("process", marks=pytest.mark.processes)])
GET = """
@scenario()
async def one(session):
    async with session.get(URL + '/users/17?page=2') as answer:
        assert answer.status == 200
"""

MakeJob = Callable[..., Job]


def never() -> asyncio.Event:
    return asyncio.Event()


def ignore(_: Snapshot) -> None:
    pass


async def until(condition: Callable[[], object], seconds: float = 120.0) -> bool:
    """Whether *condition* came true; the ceiling is for what never comes true, not for a slow machine."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True

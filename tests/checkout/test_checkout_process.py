"""A program that is cut short ends with everything that it started, at whatever moment that happens."""

import asyncio
import os
import select
from pathlib import Path

import pytest

from dogdriver.checkout.process import run

HELPER = "{ echo up; exec sleep 600; } >fifo & echo started; wait"


def _is_held(fifo: int) -> bool:
    """Whether somebody has *fifo* open for writing."""
    try:
        return os.read(fifo, 100) != b""
    except BlockingIOError:
        return True


@pytest.mark.parametrize("steps", [2, 3, 4, 6, 10, 50])  # 2: the program runs, and its start is not awaited yet
async def test_a_cancelled_program_takes_its_helpers_with_it(
    tmp_path: Path, starts_processes: None, steps: int
) -> None:
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        task = asyncio.create_task(run(["/bin/sh", "-c", HELPER], env={"PATH": os.defpath}, cwd=tmp_path, seconds=600))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert select.select([fifo], [], [], 60)[0], "the helper runs while the loop has not gone on"
        assert os.read(fifo, 100) == b"up\n"
        task.cancel()
        await asyncio.wait({task}, timeout=60)
        assert task.cancelled()
        assert not _is_held(fifo)
    finally:
        os.close(fifo)

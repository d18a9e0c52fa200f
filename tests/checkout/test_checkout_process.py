"""A program that is cut short ends with everything that it started, at whatever moment that happens."""

import asyncio
import os
import select
from pathlib import Path

import pytest

from dogdriver.checkout.process import MOST_OUTPUT, run

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


@pytest.mark.usefixtures("starts_processes")
async def test_what_a_program_complains_of_is_masked_whole(tmp_path: Path) -> None:
    words = ["/bin/sh", "-c", "printf 'first half\\nsecond half\\n' >&2; printf 'first half\\n'"]
    mask = lambda text: text.replace("half\nsecond", "***")  # noqa: E731 - said once
    done = await run(words, env={"PATH": os.defpath}, cwd=tmp_path, seconds=600, mask=mask)
    assert (done.err, done.out) == ("first *** half\n", "first half\n")


@pytest.mark.usefixtures("starts_processes")
async def test_output_that_is_cut_says_so(tmp_path: Path) -> None:
    done = await run(["/bin/sh", "-c", f"yes | head -c {MOST_OUTPUT + 2} >&2"], env={"PATH": os.defpath},
                     cwd=tmp_path, seconds=600)  # fmt: skip
    assert len(done.err) == MOST_OUTPUT + 1
    assert done.err.endswith("…")

"""The process that statistics run in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dogdriver.calculator import Calculator

ORPHAN = """
import asyncio, os
from dogdriver.calculator import Calculator
async def main():
    print(await Calculator()(os.getpid), flush=True)
    os._exit(0)
if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture(name="calculator")
def _calculator(starts_processes: None) -> Iterator[Calculator]:
    del starts_processes
    made = Calculator()
    yield made
    made.close()


async def test_it_computes_in_one_other_process(calculator: Calculator) -> None:
    there = await calculator(os.getpid)
    assert there != os.getpid()
    assert await calculator(os.getpid) == there
    assert await calculator(sorted, [2, 1], reverse=True) == [2, 1]


async def test_what_fails_there_fails_here(calculator: Calculator) -> None:
    with pytest.raises(ZeroDivisionError):
        await calculator(divmod, 1, 0)
    assert await calculator(divmod, 7, 2) == (3, 1)


async def test_a_process_that_was_killed_is_replaced(calculator: Calculator) -> None:
    there = await calculator(os.getpid)
    os.kill(there, signal.SIGKILL)
    assert await calculator(os.getpid) != there


async def test_closing_ends_the_process(calculator: Calculator) -> None:
    there = await calculator(os.getpid)
    calculator.close()
    with pytest.raises(ProcessLookupError):
        os.kill(there, 0)


@pytest.mark.usefixtures("starts_processes")
def test_it_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    # Its output is held by both of them: that ends when the last one has.
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=120)
    assert int(ended.stdout)

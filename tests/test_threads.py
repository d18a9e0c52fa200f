"""Small matrices are not handed to a pool of threads."""

import os
import subprocess
import sys

import pytest

ASKED = "import dogdriver, os; print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])"


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize(("given", "found"), [({}, "1 1"), ({"OPENBLAS_NUM_THREADS": "4"}, "4 1")])
def test_statistics_run_in_one_thread_unless_somebody_says_otherwise(given: dict[str, str], found: str) -> None:
    others = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}  # noqa: TID251 - for a process
    asked = subprocess.run(
        [sys.executable, "-c", ASKED], env=others | given, capture_output=True, text=True, check=True, timeout=60
    )
    assert asked.stdout.strip() == found

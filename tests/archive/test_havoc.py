"""Every run on every dashboard, none twice, none lost, whatever is killed; bench/bucket_havoc.py has more of it."""

from pathlib import Path

import pytest

from tests.archive.havoc import havoc
from tests.archive.s3 import S3Server


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_and_nothing_is_twice(own_s3: S3Server, tmp_path: Path, seed: int) -> None:
    outcome = await havoc(tmp_path, own_s3, seed, delivered=94, loads=2)
    outcome.check()

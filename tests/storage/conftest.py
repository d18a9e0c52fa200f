from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dogdriver.storage import Store, open_store


@pytest.fixture(name="store")
async def _store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as store:
        yield store

"""A copy of the database, whole while writes go on."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from dogdriver.errors import StoreError
from dogdriver.model import Status
from dogdriver.storage import backup, open_store
from dogdriver.storage.database import connect
from tests.storage.made import filled, key, run, settled


async def test_a_backup_is_whole_while_writes_go_on(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "restored" / "dogdriver.db"
    copy.parent.mkdir()
    async with open_store(data) as store:
        for number in range(100):
            await store.transitions.add(run(f"before{number}", status=Status.DONE, metrics={"cpu": settled(1)}))

        async def write() -> int:
            written = 0
            while not copying.done():
                await store.transitions.add(run(f"while{written}", status=Status.DONE, metrics={"cpu": settled(1)}))
                written += 1
            return written

        copying = asyncio.ensure_future(store.backup(copy))
        written = await write()
        await copying
        await store.transitions.add(run("after", status=Status.DONE))
    assert [path.name for path in copy.parent.iterdir()] == ["dogdriver.db"], "one file, whole"
    async with open_store(copy.parent) as restored:
        points = await restored.series.points(key())
        assert 100 <= len(points) <= 100 + written
        assert all(point.value == 1 for point in points)
        assert await restored.runs.get("after") is None
        await restored.transitions.add(run("goes on"))


async def test_a_backup_can_be_taken_beside_the_daemon(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.state.set("a", 1)
        backup(tmp_path, tmp_path / "copy.db")
        await store.state.set("a", 2)
    with closing(connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT value FROM state").fetchone()[0] == "1"


async def test_a_backup_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        backup(tmp_path, tmp_path / "copy.db")
    await filled(tmp_path)
    (tmp_path / "there").write_text("precious")
    with pytest.raises(StoreError, match="exists"):
        backup(tmp_path, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"
    for nowhere in (tmp_path / "no" / "such" / "copy", tmp_path / "there" / "copy"):
        with pytest.raises(StoreError, match="cannot be written"):
            backup(tmp_path, nowhere)
    with (tmp_path / "dogdriver.db").open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xa5" * 4096)
    with pytest.raises(StoreError, match="older backup"):
        backup(tmp_path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert {path.suffix for path in tmp_path.iterdir()} <= {"", ".db", ".lock"}, "no half copy is left"

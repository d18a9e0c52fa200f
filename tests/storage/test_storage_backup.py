"""A copy of the database, whole while writes go on."""

import asyncio
import stat
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


async def test_a_backup_is_checked_index_by_index_and_is_its_owners(tmp_path: Path) -> None:
    await filled(tmp_path)
    backup(tmp_path, tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    with closing(connect(tmp_path / "dogdriver.db")) as database:  # an index that does not say what its table says
        database.execute("PRAGMA writable_schema = ON")
        change = "UPDATE sqlite_schema SET sql = replace(sql, '(created, seq)', '(id)') WHERE name = 'run_created'"
        database.execute(change)
    with pytest.raises(StoreError, match="is damaged"):
        backup(tmp_path, tmp_path / "second.db")
    assert not (tmp_path / "second.db").exists()

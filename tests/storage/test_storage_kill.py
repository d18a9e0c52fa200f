"""kill -9 in the middle of writing: what was said to be kept is there, and nothing is half there."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from dogdriver.model import Filter, Run, Status
from dogdriver.storage import Store, open_store
from dogdriver.storage.database import connect
from tests.storage.made import key

ROOT = Path(__file__).parents[2]
ROUNDS = 8
LINES = 25


def _write_and_kill(data: Path, lines: int) -> int:
    """The last number that it said was kept."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storage.writes_until_killed", str(data)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        said = [next(process.stdout, "") for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    numbers = [int(line) for line in said if line.endswith("\n")]
    assert numbers, "it wrote"
    return numbers[-1]


async def _all(store: Store) -> Sequence[Run]:
    return (await store.runs.list(Filter(), limit=100_000)).runs


async def test_nothing_that_was_kept_is_lost_and_nothing_is_half_there(tmp_path: Path, starts_processes: None) -> None:
    interrupted: set[str] = set()
    for kill in range(ROUNDS):
        last = _write_and_kill(tmp_path, LINES + kill)
        with closing(connect(tmp_path / "dogdriver.db")) as database:
            assert [line for (line,) in database.execute("PRAGMA integrity_check")] == ["ok"]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        async with open_store(tmp_path) as store:
            runs = await _all(store)
            pending = [one for one in runs if one.status is Status.PENDING]
            assert {f"r{number}" for number in range(last + 1)} <= {one.id for one in pending} | interrupted
            assert all(set(one.metrics) == {"cpu", "rps"} and one.due for one in pending), "a save is whole"
            assert {message.key for message in await store.outbox.list(limit=100_000)} == {
                f"{one.id}:stop" for one in pending
            }
            assert len(await store.verdicts.looks(key(), "1.0")) == len(pending)
            assert {point.run for point in await store.series.points(key())} == {one.id for one in pending}
            for unfinished in [one for one in runs if one.status in {Status.QUEUED, Status.RUNNING}]:
                assert not unfinished.metrics
                ended = replace(unfinished, status=Status.FAILED, reason="interrupted")
                assert await store.transitions.save(ended, expect=unfinished.status)
                interrupted.add(ended.id)
            assert len(interrupted) <= kill + 1, "only what was under way"
            await store.state.set("next", len(runs))

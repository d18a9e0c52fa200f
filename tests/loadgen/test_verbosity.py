"""A test that never stops talking fills neither the log nor the page, wherever it runs."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dogdriver.loadgen.verbosity import ENOUGH, MOST_BYTES
from dogdriver.model import Clock, Snapshot
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, MakeJob, ignore, never

TALK = """
import logging, sys
@scenario()
async def one(session):
    for number in range(12):
        {how}
"""
WAYS = [
    "logging.getLogger('mine').error('%d %s', number, chr(97 + number) * 2**20)",
    "print(chr(97 + number) * 2**20)",
    "sys.stderr.write(chr(97 + number) * 2**20)",
]


@pytest.fixture(name="daemons")
def _daemons() -> Iterator[io.StringIO]:
    """What the daemon's own log has."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


@BOTH
@pytest.mark.parametrize("way", WAYS)
async def test_a_test_says_five_megabytes_in_a_run_at_most(
    tmp_path: Path, clock: Clock, job: MakeJob, daemons: io.StringIO, isolation: str, way: str
) -> None:
    seen: list[Snapshot] = []
    runner = MolotovRunner(tmp_path / "data", clock, grace=60.0)
    wanted = job(TALK.format(how=way), isolation=isolation, max_runs=1, workers=1, duration=60)
    measured = await runner.load(wanted, cancelled=never(), watch=seen.append)
    assert measured.tally.ok == 1
    lines = [line for snapshot in seen for line in snapshot.lines]
    assert len(daemons.getvalue()) + sum(map(len, lines)) < MOST_BYTES + 2**16
    assert (ENOUGH in daemons.getvalue()) + (ENOUGH in lines) == 1

    logging.getLogger("dogdriver.test").error("the daemon itself")
    assert "the daemon itself" in daemons.getvalue(), "whose own log is not cut"
    said = len(daemons.getvalue())
    await runner.load(wanted, cancelled=never(), watch=ignore)
    if ENOUGH in daemons.getvalue():
        assert len(daemons.getvalue()) > said + 2**20, "the next run has its own"

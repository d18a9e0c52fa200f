"""What a test says is masked whole: no piece of a secret is left where a text was folded or cut."""

import re
from pathlib import Path

import pytest

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.output import LONGEST_LINE, LogBuffer
from dogdriver.logs import Masker
from dogdriver.model import Clock, Snapshot
from dogdriver.runner import MolotovRunner
from dogdriver.settings import Secret
from tests.loadgen.loads import BOTH, MakeJob, ignore, never

SECRET = "Tq7-gWm2Kx9RvPz4Hc8Ls-Zx/nYd6Jt3Qf7BkUw5Xe-Wv"
PIECE = 5  # characters of it: never digits alone, which the figures of a run could show by chance
CODE = """
SECRET = "Tq7-" + "gWm2Kx9RvPz4Hc8Ls" + "-Zx/nYd6Jt3Qf7BkUw5Xe-Wv"
@scenario()
async def one(session):
    for pad in range(240, 300, 7):
        try:
            await session.get(URL.replace('//', '//nobody.invalid:1/') + '/' + 'x' * (pad - 190) + '/' + SECRET)
        except Exception as error:
            pass
    print('.' * 430 + SECRET)
    print((SECRET + ' ') * 200)
    raise ValueError('.' * PAD + SECRET + '.' * 9000)
"""


def shows_a_piece(text: str) -> bool:
    pieces = {SECRET[at : at + PIECE] for at in range(len(SECRET) - PIECE)}
    return any(piece in text for piece in pieces)


@BOTH
@pytest.mark.parametrize("pad", [260, 275, 290, 1190])
async def test_nothing_of_a_secret_is_left_in_what_a_load_says(
    tmp_path: Path, clock: Clock, job: MakeJob, isolation: str, pad: int
) -> None:
    seen: list[Snapshot] = []
    runner = MolotovRunner(tmp_path / "data", clock, grace=60.0, mask=Masker([Secret(SECRET)]))
    wanted = job(CODE.replace("PAD", str(pad)), isolation=isolation, max_runs=1, workers=1, duration=60)
    measured = await runner.load(wanted, cancelled=never(), watch=seen.append)
    assert measured.tally.failed
    assert measured.client.failures
    assert not shows_a_piece(repr((seen, measured)))


@BOTH
@pytest.mark.parametrize("pad", [0, 1190, 16370])
async def test_nothing_of_a_secret_is_left_in_why_a_test_could_not_be_run(
    tmp_path: Path, clock: Clock, job: MakeJob, isolation: str, pad: int
) -> None:
    runner = MolotovRunner(tmp_path / "data", clock, grace=60.0, mask=Masker([Secret(SECRET)]))
    with pytest.raises(LoadTestError) as refused:
        await runner.load(
            job(f"raise ValueError('.' * {pad} + {SECRET!r})", isolation=isolation), cancelled=never(), watch=ignore
        )
    assert not shows_a_piece(refused.value.message)


@pytest.mark.parametrize("pad", [470, 3960, 3990])
def test_a_line_is_masked_whole_in_whatever_pieces_it_comes(pad: int) -> None:
    log = LogBuffer()
    for piece in re.findall(".{1,7}", "." * pad + SECRET + "." * 600):
        log.write(piece)
    log.write("\n")
    log.write(f"{SECRET} " * 200)
    lines = log.drain(Masker([Secret(SECRET)]), last=True)
    assert len(lines) == 2
    assert max(map(len, lines)) <= LONGEST_LINE
    assert not shows_a_piece(repr(lines))

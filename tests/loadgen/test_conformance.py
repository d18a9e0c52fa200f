"""What the command line makes of a test, dogDriver makes of it, too."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dogdriver.loadgen import molotov
from dogdriver.runner import IGNORED, OPTIONS
from tests.loadgen.conformance.cases import CASES, Case
from tests.loadgen.conformance.compare import Did, agree, by_command_line, by_runner
from tests.loadgen.service import Service

AHEAD = 2


class CommandLine:
    """It takes a second to start, so it is started for the next cases while one is compared."""

    def __init__(self, pool: ThreadPoolExecutor, folder: Path, url: str) -> None:
        self._pool = pool
        self._folder = folder
        self._url = url
        self._started: dict[str, Future[Did]] = {}

    def start(self, case: Case) -> Future[Did]:
        number = CASES.index(case)
        for each in CASES[number : number + 1 + AHEAD]:
            if each.name not in self._started:
                folder = self._folder / str(len(self._started))
                self._started[each.name] = self._pool.submit(by_command_line, each, folder, self._url)
        return self._started[case.name]


@pytest.fixture(scope="module", name="command_line")
def _command_line(
    starts_processes: None, service_running: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CommandLine]:
    with ThreadPoolExecutor(AHEAD) as pool:
        yield CommandLine(pool, tmp_path_factory.mktemp("command_line"), service_running.url)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_as_the_command_line(case: Case, command_line: CommandLine, service: Service, tmp_path: Path) -> None:
    started = command_line.start(case)
    ours = await by_runner(case, tmp_path, service.url)
    expected = await asyncio.wrap_future(started)
    assert agree(case, expected, ours), f"{expected} {expected.said!r}, here {ours} {ours.said!r}"


def test_every_option_of_the_command_line_is_known() -> None:
    before = molotov.modules()
    args = vars(molotov.Library.fresh().run._parser().parse_args([]))
    for name in molotov.modules():
        del sys.modules[name]
    sys.modules.update(before)
    assert {name: default for name, (default, _, _) in OPTIONS.items()} | IGNORED == args

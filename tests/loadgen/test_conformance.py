"""What the command line makes of a test, dogDriver makes of it, too."""

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


@pytest.fixture(scope="module", name="theirs")
def _theirs(
    request: pytest.FixtureRequest, service_running: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Did]]]:
    """The command line takes a second to start, so it is started for the next cases while one is compared."""
    wanted = {item.callspec.params["case"].name for item in request.session.items if hasattr(item, "callspec")
              and isinstance(item.callspec.params.get("case"), Case)}  # fmt: skip
    folder = tmp_path_factory.mktemp("command_line")
    with ThreadPoolExecutor(2) as pool:
        yield {
            case.name: pool.submit(by_command_line, case, folder / str(number), service_running.url)
            for number, case in enumerate(CASES)
            if case.name in wanted
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_as_the_command_line(
    case: Case, theirs: dict[str, Future[Did]], service: Service, tmp_path: Path
) -> None:
    ours = await by_runner(case, tmp_path, service.url)
    expected = theirs[case.name].result(90)
    assert agree(case, expected, ours), f"{expected} {expected.said!r}, here {ours} {ours.said!r}"


def test_every_option_of_the_command_line_is_known() -> None:
    before = molotov.modules()
    args = vars(molotov.Library.fresh().run._parser().parse_args([]))
    for name in molotov.modules():
        del sys.modules[name]
    sys.modules.update(before)
    assert {name: default for name, (default, _, _) in OPTIONS.items()} | IGNORED == args

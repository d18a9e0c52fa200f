"""`dogdriver run --to http://DAEMON`: the run is made here and is the daemon's, once, whatever happens in between."""

import pytest

from dogdriver.demo.standin import Standin
from tests.client.conftest import Cli, sources, steps
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import Service


async def test_a_run_is_made_here_and_is_the_daemons(
    cli: Cli, daemon: Daemon, standin: Standin, service: Service
) -> None:
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--json")
    assert said.code == 0, (said.out, said.err)
    run = said.run
    assert service.count >= run["tally"]["ok"] > 0
    (kept,) = await daemon.runs("thing")
    assert kept["id"] == run["id"]
    assert (kept["source"], kept["trigger"], kept["release"]) == ("ci", "elsewhere", "1.0.0")
    assert kept["tally"] == run["tally"]
    assert steps(standin, run["id"]) == ["step:start", "step:stop"]
    assert [line["event"] for line in said.lines if line["event"] != "progress"] == [
        "started", "ended", "delivered", "result",
    ]  # fmt: skip


async def test_with_wait_its_metrics_are_read_by_the_daemon_and_its_gauges_sent_by_the_client(
    cli: Cli, daemon: Daemon, standin: Standin
) -> None:
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--wait", "--json")
    assert said.code == 2, (said.out, said.err)  # one run of one release decides nothing
    assert said.event("verdict")["headline"] in {None, "undecided"}
    (kept,) = await daemon.runs("thing")
    assert (kept["status"], kept["metrics"]["art"]["value"]) == ("done", pytest.approx(200.0))
    assert sources(standin) == {"ci"}

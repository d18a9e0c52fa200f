"""The exit codes of `dogdriver run`, each from a real process."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cli.conftest import TOKEN, Cli
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import Service


async def deliver(daemon: Daemon, like: Any, *, release: str, number: int, value: float) -> None:
    """A finished run that can be compared with the run *like*: same place, load and content."""
    name = f"{release.replace('.', '_')}-{number}"
    at = f"2026-01-{number + 1:02d}T{int(release[0]):02d}:00"
    document = {
        **{key: like[key] for key in ("project", "deployment", "test", "source", "load", "content", "tally", "client")},
        "id": name, "release": release, "status": "done", "started": f"{at}:00Z", "ended": f"{at}:01Z",
        "metrics": {"art": {"state": "settled", "value": value, "unit": "ms"}},
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.put(f"{daemon.url}/api/v1/runs/{name}", json=document) as answer,
    ):
        assert answer.status == 201, await answer.text()


@pytest.mark.parametrize(
    ("before", "code", "headline"), [(100.0, 1, "slower"), (400.0, 0, "faster")], ids=["regressed", "improved"]
)
async def test_the_verdict_is_the_exit_code(cli: Cli, daemon: Daemon, before: float, code: int, headline: str) -> None:
    """What is loaded answers in 200 ms (as its Datadog says); the releases before took *before*."""
    await daemon.start()
    first = await cli("run", "thing", "--to", daemon.url, "--wait", "--json")
    assert first.code == 2, (first.out, first.err)
    (run,) = await daemon.runs("thing")
    for release in ("0.1.0", "0.2.0", "0.3.0"):
        for number in range(6):
            wobble = 1 + (number % 3 - 1) / 100
            await deliver(daemon, run, release=release, number=number, value=before * wobble)
    for number in range(6):
        await deliver(daemon, run, release="1.0.0", number=number + 10, value=200 * (1 + (number % 3 - 1) / 100))
    second = await cli("run", "thing", "--to", daemon.url, "--wait", "--json")
    # The delivered runs were looked at as they came, so this look agrees with others before it.
    assert [line["event"] for line in second.lines][-2:] == ["verdict", "result"], second.lines[-2]
    verdict = second.event("verdict")
    assert (second.code, verdict["headline"]) == (code, headline), (second.out, second.err)
    assert second.event("result")["code"] == code
    third = await cli("run", "thing", "--to", daemon.url, "--wait", "--baseline", "0.1.0", "--json")
    assert third.code == code, (third.out, third.err)
    judged = third.event("verdict")["verdicts"]
    assert {label for one in judged for label in one["baseline_releases"]} == {"0.1.0"}


async def test_undecided(cli: Cli, daemon: Daemon) -> None:
    await daemon.start()
    for words, code in ((), 2), (("--undecided", "17"), 17), (("--undecided-ok",), 0), (("--timeout", "0.01"), 2):
        said = await cli("run", "thing", "--to", daemon.url, "--wait", *words)
        assert said.code == code, (words, said.out, said.err)


@pytest.mark.parametrize(("entry", "reason"), [("raises", "the account is gone"), ("missing", "nowhere.py")])
async def test_the_run_failed(
    cli: Cli, daemon: Daemon, service: Service, tmp_path: Path, entry: str, reason: str
) -> None:
    await daemon.start()
    service.projects(tmp_path, entry)
    said = await cli("run", "thing", "--to", daemon.url, "--wait", "--json")
    assert said.code == 3, (said.out, said.err)
    assert reason in said.run["reason"]
    (kept,) = await daemon.runs("thing")
    assert (kept["status"], kept["reason"]) == ("failed", said.run["reason"])


async def test_the_service_is_not_healthy(cli: Cli, daemon: Daemon, service: Service) -> None:
    service.healthy = False
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--json")
    assert said.code == 3, (said.out, said.err)
    (kept,) = await daemon.runs("thing")
    assert (kept["status"], kept["release"]) == ("failed", "unknown")


IMPOSSIBLE: tuple[tuple[tuple[str, ...], dict[str, str], str], ...] = (
    (("run", "nothing"), {}, "there is no project nothing; the projects are: thing"),
    (("run", "thing", "--deployment", "prod"), {}, "thing has no deployment prod; it has: stage"),
    (("run", "thing", "--test", "other"), {}, "thing has no test other; it has: short"),
    (("run", "thing"), {"DOGDRIVER_TOKEN": "wrong-but-long-enough"}, "does not take this token"),
    (("run", "thing"), {"DOGDRIVER_TOKEN": ""}, "needs its token"),
    (("run", "thing"), {"DOGDRIVER_SOURCE": ""}, "set DOGDRIVER_SOURCE or give --source"),
    (("run", "thing", "--source", "the-daemon"), {}, "the-daemon is the source of"),
    (("run", "thing"), {"DOGDRIVER_SETTLE": "soon"}, "DOGDRIVER_SETTLE is 'soon'"),
    (("run", "thing", "--ask", "http://me:hunter2@host"), {}, "'http://***@host'; give a daemon's address"),
    (("run",), {}, "one of the arguments PROJECT --all is required"),
    (("run", "thing", "--timeout", "soon"), {}, "'soon' is not a number of seconds"),
)


async def test_nothing_can_be_run(cli: Cli, daemon: Daemon, service: Service) -> None:
    await daemon.start()
    for words, more, said in IMPOSSIBLE:
        found = await cli(*words, "--to", daemon.url, **more)
        assert (found.code, said in found.out + found.err) == (4, True), (words, found.out, found.err)
    assert service.count == 0
    assert await daemon.get("/api/v1/runs") == {"runs": [], "next": None}

"""A test in the daemon's process harms neither the process nor the test that comes after it."""

import asyncio
import dataclasses
import json
import os

import pytest

from dogdriver.calculator import Calculator
from dogdriver.loadgen.leftovers import children
from dogdriver.model import Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import GET, MakeJob, ignore, never


def scenario(body: str) -> str:
    return f"@scenario()\nasync def one(session):\n    {body}\n"


CASES = [
    ("import json\njson.dumps = lambda *_: 'broken'\n" + GET, "replaced json.dumps"),
    ("time.sleep = asyncio.sleep\n" + GET, "replaced time.sleep"),
    (scenario("os._exit(0)"), "called os._exit(0)"),
    (scenario("os.abort()"), "called os.abort()"),
    (scenario("os.kill(os.getpid(), 15)"), "called os.kill"),
    (scenario("os.kill(os.getpid(), 19)"), "called os.kill"),
    (scenario("os.close(1)"), "wanted to close descriptor 1"),
]


@pytest.mark.parametrize(("code", "harm"), CASES)
async def test_what_a_test_does_to_the_process_is_held_off_told_and_undone(
    runner: MolotovRunner, job: MakeJob, code: str, harm: str
) -> None:
    harms: list[str] = []
    wanted = dataclasses.replace(job(code, max_runs=1), harmed=harms.append)
    await runner.load(wanted, cancelled=never(), watch=ignore)
    assert any(said.startswith(harm) for said in harms), harms
    assert json.dumps([1]) == "[1]"
    os.fstat(1)
    harms.clear()
    after = dataclasses.replace(job(GET, max_runs=1), harmed=harms.append)
    assert (await runner.load(after, cancelled=never(), watch=ignore)).tally.ok == 1
    assert not harms


async def test_exit_in_a_callback_ends_the_run_and_nothing_else(runner: MolotovRunner, job: MakeJob) -> None:
    code = scenario("asyncio.get_running_loop().call_soon(sys.exit, 3); await asyncio.sleep(3600)")
    measured = await runner.load(job(code, duration=86400), cancelled=never(), watch=ignore)
    assert measured.stopped is Stopped.EXIT


@pytest.mark.usefixtures("starts_processes")
async def test_a_child_that_a_test_leaves_is_killed(runner: MolotovRunner, job: MakeJob) -> None:
    harms: list[str] = []
    before = children()
    code = scenario("os.posix_spawn('/bin/sleep', ['sleep', '3600'], {})")
    await runner.load(
        dataclasses.replace(job(code, max_runs=1), harmed=harms.append), cancelled=asyncio.Event(), watch=ignore
    )
    assert any(said.startswith("left 1 child processes") for said in harms), harms
    assert children() <= before


@pytest.mark.usefixtures("starts_processes")
async def test_threads_and_processes_that_the_daemon_starts_meanwhile_are_no_test_s(
    runner: MolotovRunner, job: MakeJob
) -> None:
    harms: list[str] = []
    begun, calculator = asyncio.Event(), Calculator()
    code = scenario("await asyncio.sleep(0.01)")

    def watch(_: object) -> None:
        begun.set()

    wanted = dataclasses.replace(job(code, duration=86400), harmed=harms.append)
    cancelled = asyncio.Event()
    load = asyncio.create_task(runner.load(wanted, cancelled=cancelled, watch=watch))
    await begun.wait()
    try:
        process = await calculator(os.getpid)  # its threads and its process start within the load
        cancelled.set()
        await load
        assert not harms
        assert await calculator(os.getpid) == process
    finally:
        calculator.close()

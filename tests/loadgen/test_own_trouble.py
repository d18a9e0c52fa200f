"""What this machine cannot do is not what the service did wrong."""

import asyncio
import errno
import os
import socket
import subprocess
import sys

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from dogdriver.loadgen.recorder import Recorder
from dogdriver.loadgen.summary import summarize
from dogdriver.model import Grade, Tally
from dogdriver.model.own_trouble import own_trouble
from dogdriver.runner import MolotovRunner
from tests.loadgen.loads import BOTH, MakeJob, ignore, never

KEY = ConnectionKey("host", 80, False, True, None, None, None)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENETUNREACH])
def test_a_machine_that_has_nothing_left_is_found_behind_whatever_a_library_raises(number: int) -> None:
    cause = OSError(number, os.strerror(number))
    assert own_trouble(cause) == os.strerror(number)
    assert own_trouble(aiohttp.ClientConnectorError(KEY, cause)) == os.strerror(number)
    failed = AssertionError("no answer")
    failed.__context__ = cause  # as an assertion in an except clause has it
    assert own_trouble(failed) == os.strerror(number)


def test_a_name_that_is_not_found_is_the_machines_trouble() -> None:
    said = own_trouble(aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_AGAIN, "Try again")))
    assert said == "the host's name was not found: Try again"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError(), AssertionError("503"), aiohttp.ServerDisconnectedError(),
        aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "refused")),
    ],
)  # fmt: skip
def test_what_the_service_did_stays_its_own(error: Exception) -> None:
    assert own_trouble(error) is None


@pytest.mark.parametrize(("unsent", "grade"), [(1, Grade.DEGRADED), (3, Grade.INVALID)])
def test_requests_that_were_not_sent_count_as_none_and_grade_the_generator(unsent: int, grade: Grade) -> None:
    recorder = Recorder()
    for _ in range(199):
        recorder.answered("s", "GET", "/", 200, 0.01)
    for _ in range(unsent):
        recorder.unanswered("s", "GET", "/", OSError(errno.EMFILE, "Too many open files"))
    client = summarize([recorder.recording()], Tally(199, 0, recorder.requests, recorder.errors), 10.0, stall=1.0)
    assert (recorder.requests, recorder.errors, client.failures, client.grade) == (199, 0, (), grade)
    assert f"could not send {unsent} of {199 + unsent} requests (Too many open files)" in client.reasons[0]


@BOTH
async def test_a_load_that_finds_no_host_of_that_name_is_no_service_with_errors(
    runner: MolotovRunner, job: MakeJob, isolation: str
) -> None:
    code = "@scenario()\nasync def one(session):\n    await session.get('http://nobody.invalid/')\n"
    measured = await runner.load(job(code, isolation=isolation, max_runs=3, workers=1), cancelled=never(), watch=ignore)
    assert (measured.tally.failed, measured.tally.requests, measured.tally.errors) == (0, 0, 0)
    assert measured.client.error_ratio is None
    assert measured.client.grade is Grade.INVALID
    assert "could not send 3 of 3 requests (the host's name was not found" in measured.client.reasons[-1]


@pytest.mark.usefixtures("starts_processes")
async def test_a_load_that_runs_out_of_descriptors_is_no_service_with_errors(
    runner: MolotovRunner, job: MakeJob
) -> None:
    code = """
import resource
@molotov.global_setup()
def few(args):
    resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
@scenario()
async def one(session):
    async with session.get(URL + '/slow') as answer:
        assert answer.status == 200
"""
    measured = await runner.load(
        job(code, isolation="process", workers=60, max_runs=2), cancelled=never(), watch=ignore
    )
    assert measured.tally.ok
    assert (measured.tally.failed, measured.tally.errors, measured.client.failures) == (0, 0, ())
    assert measured.client.grade is Grade.INVALID
    assert "Too many open files" in measured.client.reasons[-1]


async def test_the_limit_of_descriptors_is_raised_as_far_as_it_goes(starts_processes: None) -> None:
    script = "ulimit -Sn 200 && ulimit -Hn 600 && exec $0 -c 'import dogdriver.server as s, resource as r;"
    script += " s.raise_descriptor_limit(); print(r.getrlimit(r.RLIMIT_NOFILE))'"
    words = ["/bin/sh", "-c", script, sys.executable]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "(600, 600)", done.stderr

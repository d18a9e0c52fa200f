"""`python -m dogdriver.loadgen.child PARENT SOCKET…`: an engine in a process of its own; with several sockets, several.

As with Molotov's `processes`, the test is imported and set up once, by the leader, and then forked into the members.
"""

import asyncio
import ctypes
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.engine import Engine, StopSignal, event_loop, run_test
from dogdriver.loadgen.interpreter import InterpreterState
from dogdriver.loadgen.protocol import Channel, Finished, LoadSpec, Ready, SetupFailed
from dogdriver.loadgen.scenario import LoadTest

_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> None:
    """Never returns: the daemon kills the group when it has read everything."""
    parent, *descriptors = map(int, argv)
    _die_with(parent)
    leader, *members = [Channel(descriptor) for descriptor in descriptors]
    spec = leader.receive_spec()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is the interpreter's own
    sys.argv = ["molotov"]
    stop = StopSignal()
    leader.on_stop(stop.set)

    def load(test: LoadTest, loop: asyncio.AbstractEventLoop) -> None:
        if members:
            _fork(spec, test, stop, leader, members)
        else:
            Engine(spec, test, stop, leader.send).run(loop)

    try:
        InterpreterState(spec.directory, spec.site).enter(spec.env, spec.scenario_folder)
        run_test(spec, leader.send, load)
    except LoadTestError as error:
        leader.send(SetupFailed(error.message))
    except BaseException as error:  # noqa: BLE001 - sys.exit somewhere in the test must not pass for an end
        traceback.print_exc()
        leader.send(SetupFailed(f"entry {spec.name} could not be run: {type(error).__name__}: {error}"))
    sys.stdout.flush()
    leader.send(Finished())
    while True:
        signal.pause()


def _fork(spec: LoadSpec, test: LoadTest, stop: StopSignal, leader: Channel, members: list[Channel]) -> None:
    """One process for each of *members*; returns when all have ended."""
    here, pids = os.getpid(), []
    sys.stdout.flush()
    for number, channel in enumerate(members):
        with warnings.catch_warnings():
            # The other thread only waits for a command; Molotov forks here, too.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _die_with(here)
            for other in (leader, *members):
                if other is not channel:
                    other.close()
            _run_member(spec, test, stop, number, channel)
        pids.append(pid)
    for channel in members:
        channel.close()
    for pid in pids:
        os.waitpid(pid, 0)


def _run_member(spec: LoadSpec, test: LoadTest, stop: StopSignal, number: int, channel: Channel) -> None:
    try:
        channel.send(Ready(os.getpid()))
        if channel.wait_for_start():
            channel.on_stop(stop.set)
            with event_loop(spec) as loop:
                Engine(spec, test, stop, channel.send, member=number).run(loop)
    except LoadTestError as error:
        channel.send(SetupFailed(error.message))
    except BaseException as error:  # noqa: BLE001 - what is not told is lost with the process
        traceback.print_exc()
        channel.send(SetupFailed(f"a process of the load failed: {type(error).__name__}: {error}"))
    finally:
        sys.stdout.flush()
        channel.send(Finished())
        os._exit(0)


def _die_with(parent: int) -> None:
    """Be killed when *parent* dies, by the kernel where it can; elsewhere the closed socket does it, a little later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])

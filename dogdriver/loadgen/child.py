"""`python -m dogdriver.loadgen.child PARENT SOCKET…`: a crew in a process of its own; with several sockets, in several.

As with Molotov's `processes`, the test is imported and set up once, and then forked.
"""

import ctypes
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.engine import Crew
from dogdriver.loadgen.interpreter import Surroundings
from dogdriver.loadgen.protocol import Broken, Order, Over
from dogdriver.loadgen.wire import Hello, Wire

_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> None:
    parent, *descriptors = map(int, argv)
    _die_with(parent)
    leader, *members = [Wire(descriptor) for descriptor in descriptors]
    order = leader.order()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is the interpreter's own
    sys.argv = ["molotov"]
    crew = Crew(order, leader.tell)
    leader.listen(crew.stop)
    try:
        _work(order, crew, leader, members)
    except LoadTestError as error:
        leader.tell(Broken(error.message))
    except BaseException as error:  # noqa: BLE001 - sys.exit somewhere in the test must not pass for an end
        traceback.print_exc()
        leader.tell(Broken(f"entry {order.name} could not be run: {type(error).__name__}: {error}"))
    sys.stdout.flush()
    leader.tell(Over())
    while True:
        signal.pause()  # until the daemon has read everything and kills the group


def _work(order: Order, crew: Crew, leader: Wire, members: list[Wire]) -> None:
    Surroundings(order.directory, order.site).enter(
        order.env, str((Path(order.directory) / order.options["scenario"]).parent)
    )
    crew.prepare()
    try:
        if members:
            _fork(crew, leader, members)
        else:
            crew.work()
    finally:
        crew.teardown()


def _fork(crew: Crew, leader: Wire, members: list[Wire]) -> None:
    """One process for each of *members*; returns when all have ended."""
    here, pids = os.getpid(), []
    sys.stdout.flush()
    for number, wire in enumerate(members):
        with warnings.catch_warnings():
            # The other thread only waits for a word; Molotov forks here, too.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _die_with(here)
            for other in (leader, *members):
                if other is not wire:
                    other.close()
            _member(crew, number, wire)
        pids.append(pid)
    for wire in members:
        wire.close()
    for pid in pids:
        os.waitpid(pid, 0)


def _member(crew: Crew, number: int, wire: Wire) -> None:
    try:
        wire.tell(Hello(os.getpid()))
        if wire.wait_for_go():
            wire.listen(crew.stop)
            crew.member(number, wire.tell)
            crew.work()
    except LoadTestError as error:
        wire.tell(Broken(error.message))
    except BaseException as error:  # noqa: BLE001 - what is not told is lost with the process
        traceback.print_exc()
        wire.tell(Broken(f"a process of the load failed: {type(error).__name__}: {error}"))
    finally:
        sys.stdout.flush()
        wire.tell(Over())
        os._exit(0)


def _die_with(parent: int) -> None:
    """Be killed when *parent* dies, by the kernel where it can; elsewhere the closed socket does it, a little later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])

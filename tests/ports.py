"""Ports for servers that are other processes, and for those that come back on the port that they had."""

import itertools
import os
import socket

RANGE = range(12_000, 32_000)
"""Below the ports that the kernel hands out by itself: between our look and the server's start it gives none of these
to a connection or to another test's server."""

_turns = itertools.count(os.getpid() * 251)


def free_port() -> int:
    """One that nobody listens on, and that no test process on this machine is given while this one lives."""
    for turn in itertools.islice(_turns, len(RANGE)):
        port = RANGE[turn % len(RANGE)]
        try:
            with socket.create_server(("127.0.0.1", port)):
                _reserve(port)
                return port
        except OSError:
            continue
    raise AssertionError(f"every port of {RANGE} is taken")


def _reserve(port: int) -> None:
    """Until this process ends. Raises OSError where another one was given *port*."""
    with socket.socket(socket.AF_UNIX) as reservation:
        reservation.bind(f"\0a port of dogDriver's tests {port}")  # a name without a file, which goes with its owner
        reservation.detach()

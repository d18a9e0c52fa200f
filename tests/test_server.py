"""The port: what is listened on, and the address that is told."""

import socket

import pytest

from dogdriver.server import _listening


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_two_colons_listen_on_both_families() -> None:
    with _listening("::", 0) as sock:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, sock.getsockname()[1]), timeout=10).close()

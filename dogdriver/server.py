"""The process around the application: its port, its signals, its end."""

import asyncio
import errno
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from dogdriver.connections import Connections, answer, most_connections
from dogdriver.errors import SettingsError

log = logging.getLogger(__name__)

RELOAD: web.AppKey[Callable[[], None]] = web.AppKey("reload")  # what SIGHUP asks for

MOST_DESCRIPTORS = 65_536
GRACE = 8.0  # seconds that what is in hand has at shutdown; `docker stop` kills after ten


def listen(host: str, port: int, build: Callable[[str], web.Application]) -> int:
    """Take the port, build the application for its address, and let aiohttp own the process."""
    with _listening(host, port) as sock:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}"
        daemon = build(address)
        daemon.on_startup.append(_heed_hangup)
        _run(daemon, sock)
    log.info("dogDriver has stopped")
    return 0


def _run(app: web.Application, sock: socket.socket) -> None:
    """As aiohttp's run_app does, with connections of our own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    main = loop.create_task(_serve(app, sock))
    try:
        with suppress(web.GracefulExit, KeyboardInterrupt):
            loop.run_until_complete(main)
    finally:
        try:
            if not main.done():
                main.cancel()
                with suppress(asyncio.CancelledError):
                    loop.run_until_complete(main)
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            loop.close()


async def _serve(app: web.Application, sock: socket.socket) -> None:
    """Until it is cancelled."""
    runner = web.AppRunner(app, handle_signals=True, access_log=None, shutdown_timeout=GRACE)
    listener: asyncio.Server | None = None
    try:
        await runner.setup()
        listener = await answer(runner, Connections(most_connections()), sock)
        await asyncio.Event().wait()
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()


async def _heed_hangup(app: web.Application) -> None:
    """SIGHUP reads the projects file again, unless it says that the terminal was closed: that ends the daemon."""
    had_terminal = _has_terminal()

    def hang_up() -> None:
        if had_terminal and not _has_terminal():
            raise web.GracefulExit
        log.info("SIGHUP: the projects file and ServiceBook are read again")
        app[RELOAD]()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def ignore_second_signal(_: web.Application) -> None:
    """Once it is stopping, a second signal must not cut the end short."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, log.info, "stopping already")


def raise_descriptor_limit() -> None:
    """As many connections as this process may have: the soft limit, often 1,024, is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=128, dualstack_ipv6=both)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} on {host} is taken; set DOGDRIVER_PORT to a free one, or stop what listens there"
            ) from None
        why = (error.strerror or "").partition(" (")[0]
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({why}); set DOGDRIVER_HOST and DOGDRIVER_PORT"
        ) from None

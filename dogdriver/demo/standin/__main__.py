"""`python -m dogdriver.demo.standin --port 8126`: the stand-in in a process of its own, on the wall clock."""

import argparse
import asyncio
import contextlib
import signal
from datetime import UTC, datetime

from dogdriver.demo.standin.app import serve_standin
from dogdriver.demo.standin.events import READABLE_AFTER
from dogdriver.demo.standin.points import DELAYS, Delay


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the wiring of a process of its own


def _delay(text: str) -> tuple[str, Delay]:
    prefix, _, seconds = text.partition("=")
    try:
        return prefix, Delay(*(float(part) for part in seconds.split("+", 1)))
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not PREFIX=SECONDS or PREFIX=SECONDS+TRICKLE") from None


async def _serve(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve_standin(
        _clock,
        api_key=options.api_key,
        app_key=options.app_key,
        port=options.port,
        delays=dict(DELAYS) | dict(options.delay),
        readable_after=options.readable_after,
        parse_error_status=options.parse_error_status,
    ) as standin:
        print(standin.url, flush=True)  # noqa: T201 - whoever started this process reads where it listens
        await stopped.wait()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m dogdriver.demo.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the address is printed")
    parser.add_argument("--api-key", default="api-key")
    parser.add_argument("--app-key", default="app-key")
    parser.add_argument(
        "--delay",
        type=_delay,
        action="append",
        default=[],
        metavar="PREFIX=SECONDS[+TRICKLE]",
        help="how late points of metrics with this prefix can be seen; an empty prefix means all others",
    )
    parser.add_argument("--readable-after", type=float, default=READABLE_AFTER, help="seconds until an event is found")
    parser.add_argument("--parse-error-status", type=int, choices=(200, 400), default=200)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()

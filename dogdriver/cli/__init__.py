"""`dogdriver run`: one load from wherever this is started, delivered to a daemon or a bucket, or kept here."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Mapping

from dogdriver import identity, logs
from dogdriver.cli.arguments import Exit, Order, arguments, order
from dogdriver.cli.report import make_report
from dogdriver.cli.run import Client
from dogdriver.errors import DogdriverError
from dogdriver.model import Clock
from dogdriver.settings import Settings


def run(parsed: argparse.Namespace, settings: Settings, environ: Mapping[str, str], clock: Clock) -> int:
    """Do what the command line *parsed* asks for; gives the exit code. *environ* is what git and uv may see."""
    mask = logs.Masker((settings.token, settings.api_key, settings.app_key))
    logs.configure(settings.log, mask)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.getLogger().setLevel(logging.WARNING)
    report = make_report(sys.stdout, mask, as_json=parsed.json)
    try:
        wanted = order(parsed, settings)
        identity.prepare(settings.data)
        return asyncio.run(Client(wanted, settings, environ, clock, report, mask).run())
    except DogdriverError as error:
        report.say("impossible", f"dogdriver: {error.message}", code=error.code)
        return Exit.IMPOSSIBLE
    finally:
        report.close()


__all__ = ["Client", "Exit", "Order", "arguments", "order", "run"]

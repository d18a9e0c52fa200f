"""A database that another program holds for a while costs time, and nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from itertools import chain, repeat
from typing import TypeVar

from dogdriver.errors import StoreError
from dogdriver.model import Failures

log = logging.getLogger(__name__)

T = TypeVar("T")
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between two tries


async def patiently(
    what: str,
    work: Callable[[], Awaitable[T]],
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    failures: Failures | None = None,
) -> T:
    """What *work* gives, tried until the database takes it; *what* is what cannot be done meanwhile, as *failures* say.

    Whoever is cancelled while waiting tries once more, for what is known now is lost with the process.
    """
    for seconds in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            result = await work()
        except StoreError as error:
            with suppress(StoreError), failures.of(what) if failures else nullcontext():
                raise
            log.error("%s cannot be done yet: %s", what, error.message)  # noqa: TRY400 - a sentence
        else:
            with failures.of(what) if failures else nullcontext():
                return result
        try:
            await pause(seconds)
        except asyncio.CancelledError:
            with suppress(StoreError):
                await work()
            raise
    raise AssertionError

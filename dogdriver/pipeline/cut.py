"""A load that takes too long is cut."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from dogdriver.model import Status
from dogdriver.pipeline.ending import End


class Cut:
    """Sets *cancelled* where a load is not over in time."""

    def __init__(self, cancelled: asyncio.Event) -> None:
        self._cancelled = cancelled
        self._after: float | None = None  # seconds

    @property
    def end(self) -> End | None:
        """What became of the load; None where it was not cut."""
        if self._after is None:
            return None
        return End(
            Status.INVALID,
            f"the load was cut after {self._after:g} s, the longest that one may take; give its entry a shorter "
            "`duration`, or [project.load] another `longest`",
        )

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        def cut() -> None:
            if not self._cancelled.is_set():  # by a person, whose reason counts
                self._after = seconds
                self._cancelled.set()

        timer = asyncio.get_running_loop().call_later(seconds, cut)
        try:
            yield
        finally:
            timer.cancel()

"""Takes what a demo service measured to Datadog, second by second."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from dogdriver.demo.meter import Meter, Usage
from dogdriver.model import Clock

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=2)
TRIES = 2


class Feed:
    """Posts to the Datadog at *url*. A second that cannot be delivered is lost, as with an agent that has no buffer."""

    def __init__(self, session: aiohttp.ClientSession, url: str, api_key: str) -> None:
        self._session = session
        self._series = f"{url}/api/v2/series"
        self._headers = {"DD-API-KEY": api_key}
        self._losing = False

    async def deliver(self, series: Sequence[Mapping[str, Any]]) -> None:
        reason: Exception | None = None
        for _ in range(TRIES):
            try:
                async with self._session.post(
                    self._series, json={"series": series}, headers=self._headers, timeout=TIMEOUT
                ) as answer:
                    answer.raise_for_status()
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = error
            else:
                self._losing = False
                return
        if not self._losing:  # once, not every second
            log.warning("%s does not take the demo's metrics: %r", self._series, reason)
        self._losing = True


async def deliver_each_second(meter: Meter, feed: Feed, clock: Clock) -> None:
    """Until cancelled: at each whole second of *clock*, close *meter* and deliver what it says."""
    while True:
        now = clock().timestamp()
        await asyncio.sleep(int(now) + 1 - now)
        now = clock().timestamp()
        if int(now) > int(meter.closed):  # a timer may fire a little early
            await feed.deliver(meter.close(now, Usage.now()))

"""Waiting for a headline, for those who ask with `wait`."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from dogdriver.errors import NotFound
from dogdriver.web.api.events import STREAMS
from dogdriver.web.client import client_address
from dogdriver.web.keys import ACCESS, REPORTS, STORE


async def wait_for_headline(
    request: web.Request, seconds: int, release: str | None, baseline: str | None, choice: Mapping[str, str]
) -> None:
    """Until the headline of *release* is announced, or *seconds* are over. It counts as a stream, so that it holds up
    neither a shutdown nor others.
    """
    stranger = None if request.app[ACCESS].signed_in(request) else client_address(request)
    with request.app[STREAMS].opened(stranger), suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _announced(request, release, baseline, choice)


async def _announced(
    request: web.Request, release: str | None, baseline: str | None, choice: Mapping[str, str]
) -> None:
    reports, commits = request.app[REPORTS], request.app[STORE].commits
    name = request.match_info["project"]
    while True:
        seen = commits.number
        selection = await reports.selections.find(name, **choice)
        with suppress(NotFound):  # not seen yet
            if (await reports.releases.view(selection, release, baseline)).announced:
                return
        await commits.after(seen)

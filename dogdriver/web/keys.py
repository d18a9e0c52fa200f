"""What a handler finds in its application, filled by `setup`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dogdriver.model import Clock
from dogdriver.pipeline.ports import CatalogSource, Commands
from dogdriver.reports.project import Reports
from dogdriver.web.auth import Access
from dogdriver.web.cache import Answers
from dogdriver.web.ports import Store
from dogdriver.web.prometheus import Meter


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that the handlers work with.

    *source* is this daemon's own; *version* is what `/__version__` says; *mask* takes known secrets out of a line of
    log; *beat* is the longest silence of a live stream, in seconds.
    """

    store: Store
    commands: Commands
    catalog: CatalogSource
    status: Callable[[], Awaitable[Mapping[str, Any]]]
    clock: Clock
    source: str
    version: Mapping[str, Any]
    demo: bool
    mask: Callable[[str], str]
    access: Access
    answers: Answers
    reports: Reports
    meter: Meter
    beat: float = 15.0
    streams: set[asyncio.Task[Any]] = field(default_factory=set)  # open live streams, ended at shutdown


ROOT = "/api/v1"
SITE = web.AppKey("site", Site)


def site_of(request: web.Request) -> Site:
    return request.app[SITE]

"""What handlers find in their application, each part under a key of its own; `setup` fills them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dogdriver.model import Clock
from dogdriver.pipeline.ports import CatalogSource, Commands
from dogdriver.reports.project import Reports
from dogdriver.web.auth import Access
from dogdriver.web.cache import ResponseCache
from dogdriver.web.limits import Limits
from dogdriver.web.ports import Store
from dogdriver.web.prometheus import Metrics

Status = Callable[[], Awaitable[Mapping[str, Any]]]
"""How the daemon's parts are: by name, mappings with `last_success`, `last_error` and more."""


@dataclass(frozen=True, slots=True)
class About:
    """This daemon: its own *source*, its *version* as `/__version__` answers it, and whether it is the *demo*."""

    source: str
    version: Mapping[str, Any]
    demo: bool


ROOT = "/api/v1"
ABOUT = web.AppKey("about", About)
ACCESS = web.AppKey("access", Access)
CACHE = web.AppKey("cache", ResponseCache)
LIMITS = web.AppKey("limits", Limits)
METRICS = web.AppKey("metrics", Metrics)
REPORTS = web.AppKey("reports", Reports)
CATALOG: web.AppKey[CatalogSource] = web.AppKey("catalog")
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
COMMANDS: web.AppKey[Commands] = web.AppKey("commands")
STATUS: web.AppKey[Status] = web.AppKey("status")
STORE: web.AppKey[Store] = web.AppKey("store")

"""Which projects exist, kept up to date."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.catalog.join import Defaults, join
from dogdriver.catalog.projects_file import ProjectsFile, read
from dogdriver.catalog.servicebook import ServiceBook, ServiceBookProject, Sleep
from dogdriver.errors import ExternalError, SettingsError, StoreError
from dogdriver.model import Catalog, Clock, Problem
from dogdriver.model.health import Condition, Health
from dogdriver.model.state import State
from dogdriver.settings import Settings

KEPT_AS = "servicebook"
DEFAULTS = Defaults()

log = logging.getLogger(__name__)


class ProjectCatalog:
    """The projects of the file at *path* and of the ServiceBook at *servicebook*, its base; either may be None.

    The constructor reads the file, so that a bad one stops the start: it raises SettingsError. Later a bad file, or a
    ServiceBook that is down, leaves what was known in force and is shown. *state* keeps ServiceBook's last good
    answer over a restart: `restore` takes it without asking anybody. *defaults* is what holds where nobody says
    otherwise.
    """

    def __init__(
        self,
        path: Path | None,
        servicebook: str | None,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        state: State | None = None,
        defaults: Defaults = DEFAULTS,
        seconds: float = 10.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._path = path
        self._servicebook = ServiceBook(servicebook, session, seconds=seconds, sleep=sleep) if servicebook else None
        self._defaults = defaults
        self._clock = clock
        self._state = state
        self._lock = asyncio.Lock()
        self._file = ProjectsFile() if path is None else read(path, margin=defaults.margin)
        self._listed: tuple[ServiceBookProject, ...] | None = None
        self._health = Health()
        self._asked = False  # in this life
        self._file_error: str | None = None
        self._current = self._joined()

    @classmethod
    def from_settings(
        cls, settings: Settings, session: aiohttp.ClientSession, clock: Clock, state: State | None = None
    ) -> "ProjectCatalog":
        """The projects of DOGDRIVER_PROJECTS and DOGDRIVER_SERVICEBOOK."""
        return cls(settings.projects, settings.servicebook, session, clock=clock, state=state)

    @property
    def current(self) -> Catalog:
        """The same object for as long as nothing changes."""
        return self._current

    @property
    def status(self) -> Mapping[str, Any]:
        """How ServiceBook answers; `state` is a Condition, unknown until it was asked in this life."""
        health = self._health
        condition = Condition.FAILING if health.error else Condition.OK if self._asked else Condition.UNKNOWN
        return {
            "state": Condition.OFF if self._servicebook is None else condition,
            "last_success": health.last_success,
            "last_error": health.error,
            "last_error_at": health.last_error if health.error else None,
            "message": self._stale(),
        }

    async def restore(self) -> Catalog:
        """Start with ServiceBook's answer of an earlier life, if there is one: a local read, quick."""
        async with self._lock:
            if self._servicebook is not None:
                await self._take_earlier(self._servicebook)
                self._current = self._joined()
            return self._current

    async def refresh(self) -> Catalog:
        """Read the file again, ask ServiceBook again. Never raises for what they answer; `Catalog.problems` says it."""
        async with self._lock:
            if self._path is not None:
                try:
                    self._file = await asyncio.to_thread(read, self._path, margin=self._defaults.margin)
                    self._file_error = None
                except SettingsError as error:
                    self._file_error = error.message
            if self._servicebook is not None:
                await self._ask(self._servicebook)
            joined = self._joined()
            if joined != self._current:
                self._current = joined
            return self._current

    async def _ask(self, servicebook: ServiceBook) -> None:
        await self._take_earlier(servicebook)
        try:
            with self._health.recorded(self._clock):
                # A project of the file may have no test in the book, and still its deployments there.
                found = tuple(await servicebook.projects(test=None if self._file.projects else self._defaults.test))
        except ExternalError:
            return
        finally:
            self._asked = True
        if found == self._listed:
            return
        self._listed = found
        if self._state is None:
            return
        kept = {
            "base": servicebook.base,
            "at": self._clock().isoformat(),
            "projects": [project.document() for project in found],
        }
        try:
            await self._state.set(KEPT_AS, kept)
        except StoreError as error:
            log.warning("ServiceBook's answer could not be kept: %s", error.message)

    async def _take_earlier(self, servicebook: ServiceBook) -> None:
        """The answer of an earlier life, if it is one of this book, and nothing newer is known."""
        if self._listed is not None or self._state is None:
            return
        kept = await self._state.get(KEPT_AS)
        try:
            if kept["base"] == servicebook.base:
                at, projects = datetime.fromisoformat(kept["at"]), tuple(map(ServiceBookProject.read, kept["projects"]))
                self._health.last_success, self._listed = at, projects
        except (TypeError, KeyError, ValueError):  # nothing kept, or by another version
            return

    def _joined(self) -> Catalog:
        complete = self._servicebook is None or self._listed is not None
        projects, problems = join(self._file, self._listed or (), self._defaults, complete=complete)
        own = [Problem(str(self._path), self._file_error)] if self._file_error else []
        return Catalog(projects=projects, problems=(*own, *problems), stale=self._stale(), complete=complete)

    def _stale(self) -> str | None:
        if self._servicebook is None or (self._asked and self._health.error is None):
            return None
        why = self._health.error or f"ServiceBook at {self._servicebook.base} has not answered yet."
        answered = self._health.last_success
        if self._listed is None or answered is None:
            return f"{why} What only ServiceBook knows is missing until then."
        return f"{why} Its answer of {answered:%Y-%m-%d %H:%M} UTC is used until then."

"""Which projects exist, kept up to date."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.catalog.join import Usual, join
from dogdriver.catalog.projects_file import ProjectsFile, read
from dogdriver.catalog.servicebook import Listed, ServiceBook, Sleep, listed
from dogdriver.errors import ExternalError, SettingsError, StoreError
from dogdriver.model import Catalog, Clock, Metric, Problem

KEPT_AS = "servicebook"
USUAL = Usual()

Recall = Callable[[str], Awaitable[Any]]
Remember = Callable[[str, Any], Awaitable[None]]

log = logging.getLogger(__name__)


class ProjectCatalog:
    """The projects of the file at *path* and of the ServiceBook at *servicebook*, its base; either may be None.

    The constructor reads the file, so that a bad one stops the start: it raises SettingsError. Later a bad file, or a
    ServiceBook that is down, leaves what was known in force and is shown. *recall* and *remember* keep ServiceBook's
    last good answer over a restart: `begin` takes it without asking anybody. *usual* is what holds where nobody says
    otherwise; *default_metrics* are those of a project that names none, and *default_fingerprint* is the query for the
    infrastructure behind them.
    """

    def __init__(
        self,
        path: Path | None,
        servicebook: str | None,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        default_metrics: tuple[Metric, ...],
        remember: Remember,
        recall: Recall,
        default_fingerprint: str | None = None,
        usual: Usual = USUAL,
        seconds: float = 10.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._path = path
        self._book = ServiceBook(servicebook, session, seconds=seconds, sleep=sleep) if servicebook else None
        self._usual = replace(usual, metrics=default_metrics, fingerprint=default_fingerprint)
        self._clock = clock
        self._recall = recall
        self._remember = remember
        self._lock = asyncio.Lock()
        self._file = ProjectsFile() if path is None else read(path, margin=usual.margin)
        self._listed: tuple[Listed, ...] | None = None
        self._answered: datetime | None = None
        self._asked = False
        self._error: str | None = None
        self._failed: datetime | None = None
        self._file_error: str | None = None
        self._current = self._joined()

    @property
    def current(self) -> Catalog:
        """The same object for as long as nothing changes."""
        return self._current

    @property
    def status(self) -> Mapping[str, Any]:
        """How ServiceBook answers; state is ok, failing, unknown (not asked yet) or off (there is none)."""
        return {
            "state": "off" if self._book is None else "failing" if self._error else "ok" if self._asked else "unknown",
            "last_success": self._answered,
            "last_error": self._error,
            "last_error_at": self._failed if self._error else None,
            "message": self._stale(),
        }

    async def begin(self) -> Catalog:
        """Start with ServiceBook's answer of an earlier life, if there is one: a local read, quick."""
        async with self._lock:
            if self._book is not None:
                await self._take_kept(self._book)
                self._current = self._joined()
            return self._current

    async def refresh(self) -> Catalog:
        """Read the file again, ask ServiceBook again. Never raises for what they answer; `Catalog.problems` says it."""
        async with self._lock:
            if self._path is not None:
                try:
                    self._file = await asyncio.to_thread(read, self._path, margin=self._usual.margin)
                    self._file_error = None
                except SettingsError as error:
                    self._file_error = error.message
            if self._book is not None:
                await self._ask(self._book)
            joined = self._joined()
            if joined != self._current:
                self._current = joined
            return self._current

    async def _ask(self, book: ServiceBook) -> None:
        await self._take_kept(book)
        try:
            # A project of the file may have no test in the book, and still its deployments there.
            found = tuple(await book.projects(test=None if self._file.projects else self._usual.test))
        except ExternalError as error:
            self._error, self._failed = error.message, self._clock()
            return
        finally:
            self._asked = True
        self._error = None
        self._answered = self._clock()
        if found == self._listed:
            return
        self._listed = found
        kept = {"base": book.base, "at": self._answered.isoformat(), "projects": [p.document() for p in found]}
        try:
            await self._remember(KEPT_AS, kept)
        except StoreError as error:
            log.warning("ServiceBook's answer could not be kept: %s", error.message)

    async def _take_kept(self, book: ServiceBook) -> None:
        """The answer of an earlier life, if it is one of this book, and nothing newer is known."""
        if self._listed is not None:
            return
        kept = await self._recall(KEPT_AS)
        try:
            if kept["base"] == book.base:
                at, projects = datetime.fromisoformat(kept["at"]), tuple(listed(item) for item in kept["projects"])
                self._answered, self._listed = at, projects
        except (TypeError, KeyError, ValueError):  # nothing kept, or by another version
            return

    def _joined(self) -> Catalog:
        heard = self._book is None or self._listed is not None
        projects, problems = join(self._file, self._listed or (), self._usual, heard=heard)
        own = [Problem(str(self._path), self._file_error)] if self._file_error else []
        return Catalog(projects=projects, problems=(*own, *problems), stale=self._stale(), complete=heard)

    def _stale(self) -> str | None:
        if self._book is None or (self._asked and self._error is None):
            return None
        why = self._error or f"ServiceBook at {self._book.base} has not answered yet."
        if self._listed is None or self._answered is None:
            return f"{why} What only ServiceBook knows is missing until then."
        return f"{why} Its answer of {self._answered:%Y-%m-%d %H:%M} UTC is used until then."

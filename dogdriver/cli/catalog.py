"""The projects as a daemon somewhere else knows them, for a client without a projects file and ServiceBook."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dogdriver.cli.destinations import DaemonClient
from dogdriver.errors import CatalogError, Refused
from dogdriver.model import Catalog, Deployment, Problem, Project, Test


class DaemonCatalog:
    """Implements the pipeline's CatalogSource; *name* limits it to one project. The daemon's allow-list has decided."""

    def __init__(self, daemon: DaemonClient, name: str | None) -> None:
        self._daemon, self._name = daemon, name
        self._current = Catalog()

    @property
    def current(self) -> Catalog:
        return self._current

    async def refresh(self) -> Catalog:
        """Raises NotFound for an unknown project, Refused for one that may not run, and why, Unavailable."""
        if self._name is not None:
            self._current = Catalog({self._name: _project(await self._daemon.project_test(self._name))})
            return self._current
        projects: dict[str, Project] = {}
        problems: list[Problem] = []
        for name in await self._daemon.project_names():
            try:
                projects[name] = _project(await self._daemon.project_test(name))
            except (Refused, CatalogError) as error:
                problems.append(Problem(name, error.message))
        self._current = Catalog(projects, tuple(problems))
        return self._current


class _Document(msgspec.Struct):
    name: str
    deployments: tuple[Deployment, ...]
    test: Test


def _project(document: Any) -> Project:
    try:
        found = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        name = document.get("name") if isinstance(document, Mapping) else None
        raise CatalogError(f"the daemon's description of {name or 'the project'} cannot be used ({error})") from None
    return Project(found.name, found.deployments, found.test, allowed=True)

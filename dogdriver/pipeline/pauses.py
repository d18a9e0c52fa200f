"""Pauses: kept over restarts, over by themselves where they have an end."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from dogdriver.errors import Conflict
from dogdriver.model.pause import Pause
from dogdriver.model.state import State

KEPT = "pauses"
PAUSED = "paused"
"""The code of what is refused meanwhile."""


class Pauses:
    """At most one for all projects, and one for each."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def all(self, now: datetime) -> Sequence[Pause]:
        """Those that hold, the one of all projects first."""
        kept = msgspec.convert(await self._state.get(KEPT) or [], list[Pause], strict=False)
        return sorted((one for one in kept if not one.over(now)), key=lambda one: one.project or "")

    async def of(self, project: str, now: datetime) -> Pause | None:
        """Why *project* may not be loaded now."""
        return next((one for one in await self.all(now) if one.holds(project, now)), None)

    async def refuse(self, project: str, now: datetime) -> None:
        """Raises Conflict where it may not."""
        if pause := await self.of(project, now):
            until = f" until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
            what = project if pause.project else "everything"
            raise Conflict(
                f"{what} is paused{until} ({pause.reason}, by {pause.by}); resume it, or try again later", code=PAUSED
            )

    async def begin(self, pause: Pause) -> None:
        """In the place of one of the same project."""
        await self._keep([*(await self._others(pause.project, pause.at)), pause])

    async def end(self, project: str | None, now: datetime) -> Pause:
        """The one that is over with this. Raises Conflict where there is none."""
        found = next((one for one in await self.all(now) if one.project == project), None)
        if found is None:
            of_all = " by itself: everything is" if project and await self.of(project, now) else ""
            raise Conflict(f"{project or 'everything'} is not paused{of_all}; GET /api/v1/status names what is")
        await self._keep(await self._others(project, now))
        return found

    async def _others(self, project: str | None, now: datetime) -> list[Pause]:
        return [one for one in await self.all(now) if one.project != project]

    async def _keep(self, pauses: Sequence[Pause]) -> None:
        await self._state.set(KEPT, [msgspec.to_builtins(one) for one in pauses])

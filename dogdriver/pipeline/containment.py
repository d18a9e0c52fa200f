"""Which tests run in a process though the daemon is set to threads: those that have once harmed its process.

Kept by the content of the test, so that a new commit of it gets another chance.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dogdriver.model import Isolation
from dogdriver.model.state import State

HARMS = "harms"
"""The name in the state: of each content and entry the project, run and sentence of its harm."""
MOST = 200
"""So many are kept, the newest."""


class Containment:
    """What is known of harmful tests; *state* keeps it over restarts."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def isolation(self, entry: str, content: str | None, wanted: Isolation) -> tuple[Isolation, str | None]:
        """Where *entry* is to run, and in a sentence why, where that is not as *wanted*."""
        known = (await self._known()).get(_key(entry, content))
        if known is None or wanted is Isolation.PROCESS:
            return wanted, None
        return Isolation.PROCESS, f"{known['sentence']}, so it runs in a process until it has a new commit"

    async def keep(
        self, entry: str, content: str | None, harms: Sequence[str], *, project: str, run: str, at: datetime
    ) -> str:
        """From now on *entry* runs in a process. Gives the sentence that says so in its run."""
        sentence = f"the test {'; it '.join(dict.fromkeys(harms))}"
        known = dict(await self._known())
        about = {"project": project, "run": run, "sentence": f"{sentence} (run {run})", "at": at.isoformat()}
        known.setdefault(_key(entry, content), about)
        await self._state.set(HARMS, dict(list(known.items())[-MOST:]))
        return f"{sentence}; from now on it runs in a process, until it has a new commit"

    async def _known(self) -> Mapping[str, Any]:
        return await self._state.get(HARMS) or {}


def _key(entry: str, content: str | None) -> str:
    return f"{content} {entry}"

"""What a running load says of itself each second, for whoever wants to follow it; nothing here is kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from dogdriver.model import Snapshot

BACKLOG = 100  # snapshots that a slow follower may be behind before it misses some


@dataclass(slots=True)
class _Channel:
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = "cancelled"
    sealed: bool = False
    latest: Snapshot | None = None
    followers: list[asyncio.Queue[Snapshot | None]] = field(default_factory=list)


class LiveProgress:
    """The runs that are being run now, by id."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    def open(self, run_id: str) -> asyncio.Event:
        """Begin; gives the event that is set when somebody wants the run to end."""
        channel = self._channels.setdefault(run_id, _Channel())
        return channel.cancelled

    def close(self, run_id: str) -> None:
        channel = self._channels.pop(run_id, None)
        for follower in channel.followers if channel else ():
            _put(follower, None)

    def push(self, run_id: str, snapshot: Snapshot) -> None:
        if channel := self._channels.get(run_id):
            channel.latest = snapshot
            for follower in channel.followers:
                _put(follower, snapshot)

    def cancel(self, run_id: str, reason: str) -> bool:
        """Ask the run to end; False where it is not running here."""
        channel = self._channels.get(run_id)
        if channel is None or channel.sealed:
            return False
        if not channel.cancelled.is_set():
            channel.reason = reason
            channel.cancelled.set()
        return True

    def seal(self, run_id: str) -> None:
        """The run has its end: it cannot be cancelled any more."""
        if channel := self._channels.get(run_id):
            channel.sealed = True

    def cancel_all(self, reason: str) -> None:
        for run_id in list(self._channels):
            self.cancel(run_id, reason)

    def reason(self, run_id: str) -> str:
        """Why the run was asked to end."""
        return self._channels[run_id].reason

    def latest(self, run_id: str) -> Snapshot | None:
        channel = self._channels.get(run_id)
        return channel.latest if channel else None

    async def follow(self, run_id: str) -> AsyncIterator[Snapshot]:
        """Snapshots from the newest on, until the run is closed; none for a run that is not running here."""
        channel = self._channels.get(run_id)
        if channel is None:
            return
        queue: asyncio.Queue[Snapshot | None] = asyncio.Queue(BACKLOG)
        if channel.latest is not None:
            queue.put_nowait(channel.latest)
        channel.followers.append(queue)
        try:
            while (snapshot := await queue.get()) is not None:
                yield snapshot
        finally:
            channel.followers.remove(queue)


def _put(queue: asyncio.Queue[Snapshot | None], item: Snapshot | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)

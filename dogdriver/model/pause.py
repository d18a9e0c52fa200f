"""Somebody's wish that nothing is loaded for now."""

from datetime import datetime

import msgspec


class Pause(msgspec.Struct, frozen=True):
    """Of *project* (None: of all), *until* then (None: until it is resumed), by whom (*by*), why, and since when."""

    project: str | None
    until: datetime | None
    reason: str
    by: str
    at: datetime

    def holds(self, project: str, now: datetime) -> bool:
        """Whether *project* may not be loaded *now*."""
        return self.project in {None, project} and not self.over(now)

    def over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now

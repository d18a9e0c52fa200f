"""Quiet hours: times of the day at which something waits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORM = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)(?: (\S+))?")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From *start* to *end* of every day in *zone*, over midnight where *start* is the later one."""

    start: time
    end: time
    zone: str = "UTC"

    @classmethod
    def read(cls, text: str) -> "QuietHours":
        """As people write it, `22:00-06:00 Europe/Berlin`; without a zone in UTC. Raises ValueError."""
        form = _FORM.fullmatch(text.strip())
        if form is None:
            raise ValueError(f'{text!r} is not of the form "22:00-06:00 Europe/Berlin"')
        try:
            start, end = time.fromisoformat(form[1]), time.fromisoformat(form[2])
        except ValueError:
            raise ValueError(f"{text!r} names a time that no clock shows") from None
        zone = form[3] or "UTC"
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no time zone; write one as in Europe/Berlin") from None
        if start == end:
            raise ValueError(f"{text!r} never ends")
        return cls(start, end, zone)

    def until(self, now: datetime) -> datetime | None:
        """When they end (UTC) where it is quiet *now*, else None."""
        here = now.astimezone(ZoneInfo(self.zone))
        at = here.time()
        over_midnight = self.end <= self.start
        quiet = (at >= self.start or at < self.end) if over_midnight else self.start <= at < self.end
        if not quiet:
            return None
        day = here.date() + timedelta(days=1) if over_midnight and at >= self.start else here.date()
        return datetime.combine(day, self.end, ZoneInfo(self.zone)).astimezone(UTC)


def quiet_until(hours: Sequence[QuietHours], now: datetime) -> datetime | None:
    """The next time at which none of *hours* is quiet, None where that is *now*; where there is none, some end."""
    at = now
    for _ in range(2 * len(hours)):
        ends = [end for one in hours if (end := one.until(at)) is not None and end > at]
        if not ends:
            break
        at = max(ends)
    return at if at > now else None


def read_all(texts: Sequence[str]) -> tuple[QuietHours, ...]:
    """Several of them; raises ValueError also where together they leave no time of the day."""
    hours = tuple(map(QuietHours.read, texts))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    if hours and all(any(one.until(start + timedelta(minutes=m)) for one in hours) for m in range(0, 1440, 5)):
        raise ValueError("leave no time of the day that is not quiet")
    return hours

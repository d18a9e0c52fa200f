"""When the metrics of a run are looked at: soon and often at first, then at a steady pace to a deadline."""

from datetime import datetime, timedelta

FACTORS = (1.0, 1.5, 2.0, 3.0, 4.5, 6.0, *(float(n) for n in range(12, 145, 6)))
"""In units of *settle*; with ten minutes: 10, 15, 20, 30, 45, 60 minutes, then every hour to a day."""

PATIENCE = 6.0
"""In units of *settle*: how long a metric that never had data for its project is waited for."""


def due_after(ended: datetime, settle: float, attempts: int) -> datetime | None:
    """When to look next at a run that *ended* then, after *attempts* looks; None: that was the last one.

    *settle* is in seconds. `due_after(ended, settle, 0)` is the first look.
    """
    if not 0 <= attempts < len(FACTORS):
        return None
    return ended + timedelta(seconds=settle * FACTORS[attempts])


def next_look(ended: datetime, settle: float, now: datetime) -> datetime | None:
    """The first look that lies after *now*; None where all are over."""
    looks = (due_after(ended, settle, attempts) for attempts in range(len(FACTORS)))
    return next((look for look in looks if look is not None and look > now), None)


def deadline(ended: datetime, settle: float) -> datetime:
    """The last look: what has not settled by then is partial or has no data."""
    return ended + timedelta(seconds=settle * FACTORS[-1])


def gives_up(ended: datetime, settle: float, now: datetime) -> bool:
    """Whether a metric that never had data for this project need not be waited for any longer at *now*."""
    return now >= ended + timedelta(seconds=settle * PATIENCE)

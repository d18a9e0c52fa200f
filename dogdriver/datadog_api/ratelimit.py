"""How many queries there may still be, from the headers of Datadog's answers: one budget for all projects.

Datadog counts per organisation, so the customer's other tools use the same one. Above half of the limit nothing waits.
Below, ours are spread over the rest of the period so that at any moment half of what is left would do for them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dogdriver.model import Clock

FREE_SHARE = 0.5  # of the limit: while more is left, nothing waits
OUR_SHARE = 0.5  # of what is left below that: ours
FIRST_WAIT = 15.0  # seconds, doubled with each 429 that does not say how long
LONGEST_WAIT = 3600.0
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The five headers, read: *reset* is in seconds to wait. Any of them may be missing."""

    limit: int | None = None
    period: float | None = None
    remaining: int | None = None
    reset: float | None = None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "RateLimit":
        """From headers in any spelling of their case."""
        lower = {name.lower(): value for name, value in headers.items()}

        def number(name: str, most: float) -> float | None:
            try:
                value = float(lower[f"x-ratelimit-{name}"])
            except (KeyError, ValueError):
                return None
            return value if 0 <= value <= most else None

        limit, remaining = number("limit", 1e9), number("remaining", 1e9)
        return cls(
            limit=None if limit is None else int(limit),
            period=number("period", _DAY) or None,
            remaining=None if remaining is None else int(remaining),
            reset=number("reset", _DAY),  # anything longer is no wait, perhaps an epoch
        )


class Budget:
    """When the next query may be asked. All times are the injected clock's; `dump` and `load` survive a restart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit: int | None = None
        self._remaining: int | None = None
        self._resets: datetime | None = None
        self._blocked: datetime | None = None  # a 429 said so: nothing before this
        self._next: datetime | None = None  # when the next query is due, while they are spread
        self._last_turn: datetime | None = None  # the last one given to somebody who was turned away
        self._refusals = 0  # 429 in a row

    @property
    def limit(self) -> int | None:
        return self._limit

    @property
    def remaining(self) -> int | None:
        """As last heard, less what was asked since; the whole limit once the period is over."""
        if self._resets is not None and self._clock() >= self._resets:
            return self._limit
        return self._remaining

    @property
    def resets(self) -> datetime | None:
        return self._resets

    @property
    def scarce(self) -> bool:
        """Whether others may need what is left, so that ours are spread."""
        return self._limit is not None and self._remaining is not None and self._remaining <= self._limit * FREE_SHARE

    def take(self) -> float:
        """0: ask now, it is counted. Else the seconds to wait; each one who is turned away gets a later turn."""
        now = self._clock()
        self._roll_over(now)
        gap = timedelta(seconds=self._spacing(now))
        wait = self._wait(now)
        # Half a gap early is on time: the gaps grow a little with each query.
        if wait <= gap.total_seconds() / 2 and not self._is_blocked(now):
            if self._remaining is not None:
                self._remaining = max(0, self._remaining - 1)
            self._next = max(now, self._next or now) + gap
            return 0.0
        turn = max(now + timedelta(seconds=wait), (self._last_turn or now) + gap)
        if self._resets is not None and turn > self._resets:
            turn = max(self._resets, now + timedelta(seconds=wait), (self._last_turn or now) + timedelta(seconds=1))
        self._last_turn = turn
        return (turn - now).total_seconds()

    def update(self, status: int, headers: Mapping[str, str]) -> None:
        """What an answer says. One without these headers (403, some proxies' 429) says nothing of the rest."""
        now = self._clock()
        rate = RateLimit.read(headers)
        if rate.limit is not None and rate.remaining is not None:
            self._limit, self._remaining = rate.limit, rate.remaining
            seconds = rate.reset if rate.reset is not None else rate.period
            self._resets = None if seconds is None else now + timedelta(seconds=seconds)
        if status == 429:  # noqa: PLR2004 - too many requests
            self._refusals += 1
            backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._refusals - 1, 10))
            wait = rate.reset if rate.reset is not None else rate.period or backoff
            if wait < 1 and self._refusals > 1:
                wait = backoff  # "now" was said before, and was not true
            # A second more: the other clock may be behind, and 0 must not mean at once.
            self._blocked = now + timedelta(seconds=math.ceil(wait) + 1)
        elif status < 400:  # noqa: PLR2004 - an answer
            self._refusals = 0
            self._blocked = None

    def wait(self) -> float:
        """Seconds until a query may be asked; 0: now. Nothing is counted."""
        now = self._clock()
        self._roll_over(now)
        return self._wait(now)

    def dump(self) -> dict[str, Any]:
        """JSON."""
        return {
            "at": self._clock().isoformat(),
            "limit": self._limit,
            "remaining": self._remaining,
            "resets": self._resets.isoformat() if self._resets else None,
            "blocked": self._blocked.isoformat() if self._blocked else None,
            "refusals": self._refusals,
        }

    def load(self, state: Any) -> None:
        """What `dump` gave, of an earlier daemon. Anything else, or from a clock ahead of this one, is not used."""
        try:
            if datetime.fromisoformat(state["at"]) > self._clock():
                return
            resets, blocked = (state[name] and datetime.fromisoformat(state[name]) for name in ("resets", "blocked"))
            limit, remaining, refusals = state["limit"], state["remaining"], int(state["refusals"])
        except (KeyError, TypeError, ValueError):
            return
        self._limit, self._remaining, self._resets = limit, remaining, resets
        self._blocked, self._refusals = blocked, refusals

    def _roll_over(self, now: datetime) -> None:
        """A new period: all is there again."""
        if self._resets is not None and now >= self._resets:
            self._remaining = self._limit
            self._resets = self._next = self._last_turn = None
        if self._blocked is not None and now >= self._blocked:
            self._blocked = None

    def _is_blocked(self, now: datetime) -> bool:
        """Whether nothing at all may be asked now."""
        return self._blocked is not None or (self._remaining == 0 and self._resets is not None and now < self._resets)

    def _wait(self, now: datetime) -> float:
        ends = [end for end in (self._blocked, self._next if self.scarce else None) if end is not None]
        if self._remaining == 0 and self._resets is not None:
            ends.append(self._resets)
        return max(0.0, max(((end - now).total_seconds() for end in ends), default=0.0))

    def _spacing(self, now: datetime) -> float:
        """Seconds between two queries that spread our share of what is left over the rest of the period."""
        if not self.scarce or self._resets is None or not self._remaining:
            return 0.0
        left = max(0.0, (self._resets - now).total_seconds())
        return left / max(1.0, self._remaining * OUR_SHARE)

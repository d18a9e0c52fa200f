"""How many calls an organisation may make: fixed windows, aligned to the clock as the recordings show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limit:
    """*calls* per *period* seconds. *named* is False where the recorded answers carry no X-RateLimit-Name."""

    calls: int
    period: int
    named: bool = True


QUERY, EVENT_STREAM, GLOBAL = "query", "event_stream_api", "global_org"
LIMITS: Mapping[str, Limit] = {
    QUERY: Limit(600, 3600, named=False),
    EVENT_STREAM: Limit(600, 60),
    GLOBAL: Limit(12000, 60),
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call finds: whether it may go on, what is left after it, and in how many seconds that starts anew."""

    name: str
    limit: Limit
    granted: bool
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        headers = {
            "X-RateLimit-Limit": str(self.limit.calls),
            "X-RateLimit-Period": str(self.limit.period),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }
        return headers | ({"X-RateLimit-Name": self.name} if self.limit.named else {})

    @property
    def sentence(self) -> str:
        return (
            f"Rate limit of {self.limit.calls} requests in {self.limit.period} seconds reached. Please try again later."
        )


class Budget:
    """One counter per limit name."""

    def __init__(self, limits: Mapping[str, Limit] | None = None) -> None:
        self.limits = dict(LIMITS) | dict(limits or {})
        self._spent: dict[str, tuple[int, int]] = {}  # name: (which window, calls in it)

    def set(self, name: str, *, calls: int | None = None, period: int | None = None) -> None:
        """Change one limit from now on."""
        limit = self.limits[name]
        self.limits[name] = replace(limit, calls=calls or limit.calls, period=period or limit.period)

    def spend(self, name: str, now: float, calls: int = 1) -> Allowance:
        """Take *calls* from what is left at *now* (unix seconds); with more than one, as much as there is: the
        customer's other tools."""
        limit = self.limits[name]
        window = math.floor(now / limit.period)
        kept, spent = self._spent.get(name, (window, 0))
        if kept != window:
            spent = 0
        left = limit.calls - spent
        taken = min(calls, max(left, 0))
        self._spent[name] = (window, spent + taken)
        reset = math.ceil((window + 1) * limit.period - now)
        return Allowance(name, limit, granted=left > 0, remaining=max(left - taken, 0), reset=reset)

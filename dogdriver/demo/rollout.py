"""When a demo service moves on to its next release: between load tests, never in one."""

from dataclasses import dataclass


@dataclass(slots=True)
class Rollout:
    """Counts load tests as a service sees them: *burst* requests or more, then none for *quiet* seconds.

    After *every* load tests the next release may go out. Times are seconds of any steady clock.
    """

    every: int
    burst: int = 50
    quiet: float = 1.5
    loads: int = 0
    _requests: int = 0
    _last: float = float("-inf")

    def request(self, at: float, *, load: bool) -> None:
        """A request came; one that is not of the *load* (a heartbeat) only breaks the quiet."""
        self._last = at
        self._requests += load

    def due(self, at: float) -> bool:
        """Whether to move on now; true once per *every* load tests."""
        if at - self._last < self.quiet:
            return False
        self.loads += self._requests >= self.burst
        self._requests = 0
        if self.loads < self.every:
            return False
        self.loads = 0
        return True

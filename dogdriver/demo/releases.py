"""The releases that a demo service goes through, and what each of them really costs."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer costs: *wait* seconds away from the processor (a database's share), *rounds* of hashing on it."""

    wait: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    commit: str
    cost: Cost


USUAL = Cost(wait=0.020, rounds=2_000)
SLOW = Cost(wait=0.024, rounds=5_000)
FAST = Cost(wait=0.016, rounds=1_000)

# What the releases of each service do, over and over. A change of cost is a new minor version, the same cost a patch.
# The first change comes early, to be seen soon; after it most releases change nothing, as most releases do: where every
# second one moved by a quarter, no single one could be told from how much releases of that service differ anyway.
TRAINS: Mapping[str, tuple[Cost, ...]] = {
    "changing": (USUAL, *[SLOW] * 6, *[FAST] * 6, *[USUAL] * 5),
    "steady": (USUAL,),
}


def train(costs: tuple[Cost, ...]) -> Iterator[Release]:
    """Releases without end, the first of them 1.0.0."""
    minor, patch, before = 0, -1, costs[0]
    for cost in cycle(costs):
        minor, patch = (minor, patch + 1) if cost == before else (minor + 1, 0)
        before = cost
        version = f"1.{minor}.{patch}"
        yield Release(version, hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest(), cost)


def release(costs: tuple[Cost, ...], shipped: int) -> Release:
    """The release that runs after *shipped* others have been replaced."""
    return next(islice(train(costs), shipped, None))

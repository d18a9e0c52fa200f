"""The releases that a demo service goes through, and what each of them really costs."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice


@dataclass(frozen=True, slots=True)
class Pace:
    """What one answer costs: *wait* seconds away from the processor (a database's share), *rounds* of hashing on it."""

    wait: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    commit: str
    pace: Pace


USUAL = Pace(wait=0.020, rounds=2_000)
SLOW = Pace(wait=0.024, rounds=5_000)
FAST = Pace(wait=0.016, rounds=1_000)

# What the releases of each service do, over and over. A change of pace is a new minor version, the same pace a patch.
# The first change comes early, to be seen soon; after it most releases change nothing, as most releases do: where every
# second one moved by a quarter, no single one could be told from how much releases of that service differ anyway.
TRAINS: Mapping[str, tuple[Pace, ...]] = {
    "changing": (USUAL, *[SLOW] * 6, *[FAST] * 6, *[USUAL] * 5),
    "steady": (USUAL,),
}


def train(paces: tuple[Pace, ...]) -> Iterator[Release]:
    """Releases without end, the first of them 1.0.0."""
    minor, patch, before = 0, -1, paces[0]
    for pace in cycle(paces):
        minor, patch = (minor, patch + 1) if pace == before else (minor + 1, 0)
        before = pace
        version = f"1.{minor}.{patch}"
        yield Release(version, hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest(), pace)


def release(paces: tuple[Pace, ...], shipped: int) -> Release:
    """The release that runs after *shipped* others have been replaced."""
    return next(islice(train(paces), shipped, None))

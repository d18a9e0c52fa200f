"""Which runs of a series may be compared: the same load and test, and the same infrastructure as far as it is known.

Verdicts, trends, change points, the stretches that charts draw and the votes of other sources
all ask here. The rule is in docs/verdict.md, "Which runs compare".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from math import inf
from typing import TypeVar

from dogdriver.model.run import Point, Status
from dogdriver.model.verdict import Sample

JUDGED = frozenset({Status.DONE, Status.PENDING})
SETTLED = 3
"""Runs of a release that settle which hosts its verdict rests on: as many as it takes to be judged."""
T = TypeVar("T")


class Obstacle(StrEnum):
    """What a release changed together with itself, so that no earlier run compares with its runs."""

    LOAD = "the load or the test"  # another load, or another content of the test
    INFRASTRUCTURE = "the infrastructure"  # another number of hosts, or hosts of another kind


@dataclass(frozen=True, slots=True)
class Comparable:
    """The *points* that compare with a release's runs, its own among them, in the order of time.

    *obstacle*: why no run that it should be compared with is among them although there are some; *reason* says so in
    the release's own numbers ("… not comparable: 3 → 5 hosts with 1.4.0 …"), "" where there is no obstacle.
    """

    points: tuple[Point, ...]
    obstacle: Obstacle | None = None
    reason: str = ""


def counts(point: Point) -> bool:
    """Whether verdicts may rest on it; all other points are drawn hollow."""
    return point.status in JUDGED and not point.excluded and point.value is not None


def samples(points: Iterable[Point]) -> list[Sample]:
    """What the statistics see of the points that count."""
    return [Sample(point.at, point.release, point.value) for point in points if counts(point)]


def comparable(points: Sequence[Point], release: str, tolerance: float, *, baseline: str | None = None) -> Comparable:
    """Those of *points* (in the order of time) that compare with the runs of *release*, contiguous or not.

    The load and the test are those of the release's newest run that counts, the kinds of hosts those that three of its
    runs first had in common with others, else its newest run's. Counts of hosts compare by overlap: where they vary
    inside two releases and their ranges overlap, all runs of both compare. Elsewhere runs compare whose counts lie
    within *tolerance* (a share of the larger one) of the count that three of the release's runs first had in common
    with others, so that its newest run takes nothing away that a verdict rests on. What is not known of a run's
    infrastructure keeps it from nothing. With *baseline* the others that matter are that release's runs, else the
    earlier ones: no later run changes what compares.
    """
    judged = [point for point in points if counts(point)]
    own = [point for point in judged if point.release == release]
    if not own:
        return Comparable(tuple(judged))
    newest = own[-1]

    def wanted(point: Point) -> bool:
        earlier = point.at <= newest.at if baseline is None else point.release == baseline
        return point.release != release and earlier

    same_load = [point for point in judged if point.comparable == newest.comparable]
    kinds = _common_kinds(same_load, release, wanted)
    same_kinds = [point for point in same_load if None in {point.kinds, kinds} or point.kinds == kinds]
    chosen = tuple(_by_hosts(same_kinds, release, tolerance, wanted))
    there = [point for point in judged if wanted(point)]
    if not there or any(map(wanted, chosen)):
        return Comparable(chosen)
    obstacle = Obstacle.INFRASTRUCTURE if any(map(wanted, same_load)) else Obstacle.LOAD
    detail = _detail(there, own) if obstacle is Obstacle.INFRASTRUCTURE else ""
    if baseline is None:
        reason = f"{obstacle} changed with the release{detail}, so no earlier run can be compared with its runs"
    else:
        reason = f"{obstacle} changed since {baseline}{detail}, so its runs cannot be compared with those of {release}"
    return Comparable(chosen, obstacle, reason)


def classes(points: Sequence[Point], tolerance: float) -> list[int]:
    """For each of *points* (in the order of time) the number of its class: runs of one class compare with each other.

    Classes are formed from the newest release backwards whose hosts are known, so that the newest runs keep all that
    compares with them, and a run of unknown hosts does not join what does not compare. A point that does not count is
    in the class of the one before it.
    """
    number_of: dict[str, int] = {}
    judged = [point for point in points if counts(point)]
    newest_kinds = {point.comparable: point.kinds for point in judged if point.kinds is not None}
    groups: dict[tuple[str, str | None], list[Point]] = {}
    for point in judged:
        kinds = newest_kinds.get(point.comparable) if point.kinds is None else point.kinds
        groups.setdefault((point.comparable, kinds), []).append(point)
    numbers = count()
    for alike in groups.values():
        remaining = alike
        while remaining:
            newest = next((point for point in reversed(remaining) if point.fingerprint is not None), remaining[-1])
            chosen = comparable(remaining, newest.release, tolerance).points
            found = {point.run for point in _alike(chosen, newest.release, tolerance)}
            number_of |= dict.fromkeys(found, next(numbers))
            remaining = [point for point in remaining if point.run not in found]
    return _carried([number_of.get(point.run) for point in points])


def newest_class(points: Sequence[Point], tolerance: float) -> list[Point]:
    """The points that compare with the newest one that counts: what a trend may be drawn through."""
    judged = [pair for pair in zip(points, classes(points, tolerance), strict=True) if counts(pair[0])]
    return [point for point, number in judged if number == judged[-1][1]]


def segments(points: Sequence[Point], tolerance: float) -> list[int]:
    """For each point the number of its segment, from 0 on: a contiguous stretch of comparable runs, for drawing."""
    found = classes(points, tolerance)
    numbers, number = [], 0
    for place, one in enumerate(found):
        number += place > 0 and one != found[place - 1]
        numbers.append(number)
    return numbers


def _common_kinds(points: Sequence[Point], release: str, wanted: Callable[[Point], bool]) -> str | None:
    """The kinds of hosts that a verdict on *release* rests on, of those that a *wanted* run has too (`_settled`).

    Where there are none, those of its newest run of which they are known; None: of no run.
    """
    own = [point.kinds for point in points if point.release == release and point.kinds is not None]
    others = {point.kinds for point in points if wanted(point)}
    found = _settled(own, lambda kinds: kinds in others, lambda one, other: one == other)
    return own[-1] if found is None and own else found


def _settled(own: Sequence[T], shared: Callable[[T], bool], alike: Callable[[T, T], bool]) -> T | None:
    """The first of *own* (a release's runs in the order of time) that is *shared* with others and that SETTLED of them
    are *alike* to: a verdict rests on it from then on, whatever the newest run has. Until then what most are alike to,
    of equals the newest; None where nothing is shared.
    """
    for runs in range(SETTLED, len(own) + 1):
        for found in filter(shared, reversed(own[:runs])):
            if sum(alike(one, found) for one in own[:runs]) >= SETTLED:
                return found
    return max(filter(shared, reversed(own)), key=lambda found: sum(alike(one, found) for one in own), default=None)


def _by_hosts(points: Sequence[Point], release: str, tolerance: float, wanted: Callable[[Point], bool]) -> list[Point]:
    """The runs of *release* and of the others whose numbers of hosts compare."""
    hosts: dict[str, set[float]] = {}
    for point in points:
        if point.fingerprint is not None:
            hosts.setdefault(point.release, set()).add(point.fingerprint)
    own = hosts.get(release, set())
    others = {point.release for point in points if wanted(point)}
    whole = {label for label in others if _overlap(hosts.get(label, set()), own)}
    common = _common_count(points, release, tolerance, wanted)
    # Where all its runs compare, any of its numbers will do.
    numbers = own if whole else set() if common is None else {common}
    if whole or common is None:
        whole.add(release)

    def compares(point: Point) -> bool:
        alike = any(_near(point.fingerprint, number, tolerance) for number in numbers)
        return alike or point.fingerprint is None or point.release in whole

    return [point for point in points if compares(point)] if own else list(points)


def _common_count(
    points: Sequence[Point], release: str, tolerance: float, wanted: Callable[[Point], bool]
) -> float | None:
    """The number of hosts that a verdict on *release* rests on, of those that lie near a *wanted* run's (`_settled`).

    None where there is no such number.
    """
    others = {point.fingerprint for point in points if wanted(point) and point.fingerprint is not None}
    own = [point.fingerprint for point in points if point.release == release and point.fingerprint is not None]

    def shared(number: float) -> bool:
        return any(_near(other, number, tolerance) for other in others)

    return _settled(own, shared, lambda one, other: _near(one, other, tolerance))


def _overlap(one: set[float], other: set[float]) -> bool:
    """Whether both vary, and their ranges overlap."""
    vary = len(one) > 1 and len(other) > 1
    return vary and max(min(one), min(other)) <= min(max(one), max(other))


def _alike(points: Sequence[Point], release: str, tolerance: float) -> list[Point]:
    """Those of *points* that compare with each other, where all compare with *release*: 7 and 5 hosts both do with 6.

    Of two releases whose counts lie apart, the newer one stays.
    """
    hosts: dict[str, list[float]] = {release: []}
    for point in reversed(points):
        if point.fingerprint is not None:
            hosts.setdefault(point.release, []).append(point.fingerprint)
    apart: set[str] = set()
    lowest_top, highest_bottom = inf, -inf  # of those that stay
    for label, found in hosts.items():
        top, bottom = max(found, default=highest_bottom), min(found, default=lowest_top)
        above = bottom > lowest_top and not _near(bottom, lowest_top, tolerance)
        below = top < highest_bottom and not _near(top, highest_bottom, tolerance)
        if above or below:
            apart.add(label)
        elif found:
            lowest_top, highest_bottom = min(lowest_top, top), max(highest_bottom, bottom)
    return [point for point in points if point.release not in apart or point.fingerprint is None]


def _near(hosts: float | None, count: float, tolerance: float) -> bool:
    """Whether *hosts* lies within *tolerance* of *count*; what is not known lies near everything."""
    return hosts is None or abs(hosts - count) <= tolerance * max(abs(hosts), abs(count))


def _detail(before: Sequence[Point], own: Sequence[Point]) -> str:
    """What differs between the newest release in *before* and the release, in brackets; "" where it cannot be said."""
    last = [point for point in before if point.release == before[-1].release]
    then, now = _hosts(last), _hosts(own)
    if then and now and then != now:
        what = f"{then} → {now} {'host' if now == '1' else 'hosts'}"
    elif last[-1].kinds and own[-1].kinds and last[-1].kinds != own[-1].kinds:
        what = f"{last[-1].kinds} → {own[-1].kinds}"
    else:
        return ""
    return f" (not comparable: {what} with {own[-1].release})"


def _hosts(points: Iterable[Point]) -> str:
    """As 3, or 3 to 5 where the counts vary; nothing where none is known."""
    found = sorted({point.fingerprint for point in points if point.fingerprint is not None})
    if not found:
        return ""
    return f"{found[0]:g}" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g}"


def _carried(numbers: Sequence[int | None]) -> list[int]:
    """Each None is what stands before it; the first ones are what follows them."""
    last = next((number for number in numbers if number is not None), 0)
    carried = []
    for number in numbers:
        last = last if number is None else number
        carried.append(last)
    return carried

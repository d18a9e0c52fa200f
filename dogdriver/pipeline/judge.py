"""Looks at a release: which runs may be compared, what the statistics say of them, and what of that stands."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dogdriver.model import (
    CLIENT_METRICS,
    Headline,
    Judged,
    Metric,
    Outcome,
    Point,
    Project,
    Release,
    Run,
    Sample,
    SeriesKey,
    Standing,
    Status,
    Verdict,
)
from dogdriver.pipeline.ports import Store
from dogdriver.verdict import announce, headline, judge_release

HISTORY = 400  # runs that a look goes back


@dataclass(frozen=True, slots=True)
class Comparable:
    """The points of a series that may be compared with a release's newest run; *changed* says why others may not."""

    points: tuple[Point, ...]
    changed: str | None


def comparable(points: Sequence[Point], release: str, tolerance: float) -> Comparable:
    """Those with the key of the newest judged run of *release*, contiguous or not.

    *tolerance* is the relative difference of the fingerprints (hosts) that still counts as equal; runs of which one
    fingerprint is unknown compare.
    """
    judged = [p for p in points if p.status in {Status.DONE, Status.PENDING} and not p.excluded]
    own = [p for p in judged if p.release == release]
    if not own:
        return Comparable(tuple(judged), None)
    newest = own[-1]
    same_load = [p for p in judged if p.comparable == newest.comparable]
    same = tuple(p for p in same_load if _alike(p, newest, tolerance))
    changed = None
    if not any(p.release != release for p in same) and any(p.release != release for p in judged):
        by_load = not any(p.release != release for p in same_load)
        changed = "the load or the test" if by_load else "the infrastructure"
    return Comparable(same, changed)


def _alike(one: Point, other: Point, tolerance: float) -> bool:
    """The same infrastructure, as far as it is known of both."""
    known = one.kinds is not None and other.kinds is not None
    return _close(one.fingerprint, other.fingerprint, tolerance) and not (known and one.kinds != other.kinds)


def _close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return True
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


class Judging:
    """One more look at the release of a run, all its metrics together."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self, run: Run, project: Project | None, at: datetime, *, again: bool = False) -> list[Judged]:
        """New looks for the metrics of *run* that have a value it was not judged with yet; *again*: for all of them."""
        if run.release is None or not run.release.known:
            return []
        metrics = {m.name: m for m in (*(project.metrics if project else ()), *CLIENT_METRICS)}
        release, tolerance = run.release.label, project.fingerprint_tolerance if project else 0.0
        series: dict[str, Comparable] = {}
        earlier: dict[str, Sequence[Judged]] = {}
        for name in metrics:
            key = _key(run, name)
            points = await self._store.series.points(key, limit=HISTORY)
            series[name] = comparable(points, release, tolerance)
            earlier[name] = await self._store.verdicts.looks(key, release)
        fresh = {n for n in metrics if again or _unseen(run, n, series[n], earlier[n])}
        # Statistics over hundreds of runs take tenths of a second: not in the loop that answers the dashboard.
        verdicts = await asyncio.to_thread(self._judge, series, metrics, release) if fresh else {}
        return [
            _judged(_key(run, name), release, verdicts[name], series[name], earlier[name], at)
            for name in sorted(fresh & verdicts.keys())
        ]

    async def again(self, run: Run, project: Project | None, at: datetime) -> None:
        """After a run has changed: look again at its own release and at the newest one, which may rest on it."""
        newest = [j.release for j in await self._store.verdicts.newest(run.scope)][-1:]
        own = [run.release.label] if run.release else []
        for label in dict.fromkeys([*own, *newest]):
            looked = replace(run, release=Release(label))
            await self._store.verdicts.save(await self.look(looked, project, at, again=True))

    async def said(self, run: Run, fresh: Sequence[Judged]) -> Headline | None:
        """The headline of the run's release as far as it stands; None while nothing is announced."""
        if run.release is None or not run.release.known:
            return None
        kept = await self._store.verdicts.newest(run.scope)
        newest = {j.key.metric: j for j in (*kept, *fresh) if j.release == run.release.label}
        if not any(j.standing == Standing.ANNOUNCED for j in newest.values()):
            return None
        standing = {name: replace(j.verdict, outcome=Outcome(j.standing_outcome)) for name, j in newest.items()}
        found = headline(standing)
        return None if found == Headline.UNDECIDED else found

    def _judge(
        self, series: Mapping[str, Comparable], metrics: Mapping[str, Metric], release: str
    ) -> dict[str, Verdict]:
        samples = {name: _samples(found.points) for name, found in series.items() if found.points}
        verdicts = judge_release(
            samples,
            release,
            better={name: metrics[name].better for name in samples},
            margins={name: metrics[name].margin for name in samples},
        )
        return {name: with_reason(verdict, series[name].changed) for name, verdict in verdicts.items()}


def _key(run: Run, metric: str) -> SeriesKey:
    return SeriesKey(run.project, run.deployment, run.test, run.source, metric)


def _samples(points: Iterable[Point]) -> list[Sample]:
    return [Sample(p.at, p.release, p.value) for p in points]


def _unseen(run: Run, metric: str, found: Comparable, earlier: Sequence[Judged]) -> bool:
    value = run.metrics.get(metric)
    if value is None or value.value is None or not any(p.run == run.id for p in found.points):
        return False
    return not earlier or run.id not in earlier[-1].inputs.get("runs", ())


def with_reason(verdict: Verdict, changed: str | None) -> Verdict:
    if changed is None:
        return verdict
    reason = f"{changed} changed with the release, so no earlier run can be compared with its runs"
    return replace(verdict, outcome=Outcome.UNDECIDED, reason=reason)


def _judged(
    key: SeriesKey, release: str, verdict: Verdict, found: Comparable, earlier: Sequence[Judged], at: datetime
) -> Judged:
    standing = announce([*(look.verdict for look in earlier), verdict])
    return Judged(
        key=key,
        release=release,
        look=len(earlier) + 1,
        at=at,
        verdict=verdict,
        standing=standing.standing.value,
        standing_outcome=standing.outcome.value,
        standing_reason=standing.reason,
        inputs={"runs": [p.run for p in found.points], "values": [p.value for p in found.points]},
    )  # fmt: skip

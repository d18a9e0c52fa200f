"""What the runs of a scope amount to: their points, trend, verdicts and headline, for the API and the pages alike."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dogdriver import model
from dogdriver.errors import NotFound
from dogdriver.model import (
    Change,
    Headline,
    Judged,
    Metric,
    Outcome,
    Point,
    Sample,
    Seen,
    SeriesKey,
    Standing,
    Status,
    Verdict,
)
from dogdriver.model.document import reason_of
from dogdriver.model.verdict import Trend
from dogdriver.pipeline.judge import comparable, with_reason
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Scope
from dogdriver.verdict import announce, find_changes, headline, judge, trend

PERIOD = 100  # runs that a trend looks back
MOST_KEPT = 2000


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """The newest (or wanted) *release* of a scope: its verdicts by metric, and the headline, None without verdicts.

    *baseline* is the release that it is compared with: the pinned one, else the newest of those the verdicts rest on
    (*baselines*, in the order in which they were seen). *releases* are all that can be asked for, *newest* the one
    that is meant where none is.
    """

    release: str | None
    baseline: str | None
    headline: Headline | None
    verdicts: tuple[Judged, ...]
    baselines: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    newest: str | None = None


class History:
    """Reads series and verdicts, and computes what is not kept: trends and changes, again only for new points."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._computed: OrderedDict[tuple[str, SeriesKey], tuple[Sequence[Point], Any]] = OrderedDict()

    async def points(self, scope: Scope, metric: str, *, limit: int = PERIOD, **span: Any) -> Sequence[Point]:
        """The newest *limit* points, in order of time."""
        key = scope.key(metric)
        return await self._store.series.points(key, limit=limit, **span) if key else ()

    async def trend(self, scope: Scope, metric: Metric, points: Sequence[Point]) -> Trend | None:
        """Of the judged *points*; None where there is none."""
        samples = samples_of(points)
        key = scope.key(metric.name)
        if key is None or not samples:
            return None
        found: Trend = await self._compute("trend", key, points, trend, samples, metric)
        return found

    async def changes(self, scope: Scope, metric: Metric, points: Sequence[Point]) -> Sequence[Change]:
        samples = samples_of(points)
        key = scope.key(metric.name)
        if key is None or not samples:
            return ()
        found: Sequence[Change] = await self._compute("changes", key, points, _changes, samples, metric)
        return found

    async def releases(self, scope: Scope) -> Sequence[Seen]:
        """In the order in which they were first observed on the scope's deployment."""
        if scope.deployment is None:
            return ()
        return await self._store.releases.seen(scope.project, scope.deployment)

    async def view(self, scope: Scope, release: str | None = None, baseline: str | None = None) -> ReleaseView:
        """The verdicts of *release* (the newest judged one). Raises NotFound for one that was not seen here."""
        if scope.deployment is None or scope.test is None:
            return ReleaseView(None, None, None, ())
        kept = await self._store.verdicts.newest(model.Scope(scope.project, scope.deployment, scope.test, scope.source))
        seen = [s.release.label for s in await self.releases(scope)]
        if release is not None:
            _must_be_known("release", release, seen, kept)
        if baseline is not None:
            _must_be_known("baseline", baseline, seen, kept)
        newest = kept[-1].release if kept else seen[-1] if seen else None
        wanted = release or newest
        judged = tuple(_in_order([j for j in kept if j.release == wanted], scope))
        if baseline is not None and wanted is not None:
            judged = await self._against(scope, wanted, baseline, judged)
        used = {label for one in judged for label in one.verdict.baseline_releases}
        known = tuple(dict.fromkeys([*seen, *(one.release for one in kept)]))
        bases = tuple(label for label in known if label in used)
        return ReleaseView(
            release=wanted,
            baseline=baseline or (bases[-1] if bases else None),
            headline=headline_of(judged),
            verdicts=judged,
            baselines=bases,
            releases=known,
            newest=newest,
        )

    async def _against(self, scope: Scope, release: str, baseline: str, judged: Sequence[Judged]) -> tuple[Judged, ...]:
        """The verdicts again, over the runs that compare with the newest of *release*, but against *baseline* alone."""
        again = []
        for one in judged:
            metric = scope.metric(one.key.metric)
            points = await self._store.series.points(one.key)
            found = comparable(points, release, scope.entry.fingerprint_tolerance if scope.entry else 0.0)
            verdict = await asyncio.to_thread(
                judge, samples_of(found.points), release, better=metric.better, margin=metric.margin, baseline=baseline
            )
            verdict = with_reason(verdict, found.changed)
            outcome = verdict.outcome.value
            again.append(
                replace(one, verdict=verdict, standing="provisional", standing_outcome=outcome, standing_reason="")
            )
        return tuple(again)

    async def _compute(
        self, what: str, key: SeriesKey, points: Sequence[Point], function: Any, samples: list[Sample], metric: Metric
    ) -> Any:
        kept = self._computed.get((what, key))
        if kept is not None and kept[0] == points:
            self._computed.move_to_end((what, key))
            return kept[1]
        found = await asyncio.to_thread(function, samples, better=metric.better, margin=metric.margin)
        self._computed[what, key] = (points, found)
        if len(self._computed) > MOST_KEPT:
            self._computed.popitem(last=False)
        return found


def judged_point(point: Point) -> bool:
    """Whether verdicts rest on it; the others are drawn hollow."""
    return point.status in {Status.DONE, Status.PENDING} and not point.excluded and point.value is not None


def samples_of(points: Iterable[Point]) -> list[Sample]:
    return [Sample(point.at, point.release, point.value) for point in points if judged_point(point)]


def headline_of(judged: Iterable[Judged], titles: Mapping[str, str] | None = None) -> Headline | None:
    """Of what stands; None where nothing was judged. Its sentence calls metrics by their *titles*, else by name."""
    titles = titles or {}
    standing: dict[str, Verdict] = {}
    for one in judged:
        title = titles.get(one.key.metric, one.key.metric)
        standing[one.key.metric if title in standing else title] = _standing(one)
    return headline(standing) if standing else None


def _standing(one: Judged) -> Verdict:
    """The verdict as far as it stands. One that is called, and waits for another look, needs a run that agrees."""
    verdict, outcome = one.verdict, Outcome(one.standing_outcome)
    needed = verdict.runs_needed
    if outcome is Outcome.UNDECIDED and verdict.outcome not in {Outcome.UNDECIDED, Outcome.TOO_FEW_RUNS}:
        needed = int(announce([verdict, replace(verdict, runs=verdict.runs + 1)]).standing is Standing.ANNOUNCED)
    return replace(verdict, outcome=outcome, reason=reason_of(one), runs_needed=needed)


def segments(points: Sequence[Point], tolerance: float) -> list[int]:
    """For each point the number of its segment: the contiguous stretch of comparable runs that it is in."""
    numbers: list[int] = []
    number, last, hosts, kinds = 0, None, None, None
    for point in points:
        if judged_point(point):  # what does not count says nothing of the runs around it
            other = kinds is not None and point.kinds is not None and kinds != point.kinds
            moved = other or _apart(hosts, point.fingerprint, tolerance)
            if last is not None and (last != point.comparable or moved):
                number, hosts, kinds = number + 1, None, None
            last, kinds = point.comparable, point.kinds or kinds
            hosts = point.fingerprint if point.fingerprint is not None else hosts
        numbers.append(number)
    return numbers


def _apart(one: float | None, other: float | None, tolerance: float) -> bool:
    return one is not None and other is not None and abs(one - other) > tolerance * max(abs(one), abs(other))


def _changes(samples: Sequence[Sample], *, better: Any, margin: float) -> list[Change]:
    return find_changes(samples, better=better, min_effect=min(0.02, margin))


def _must_be_known(kind: str, label: str, seen: Sequence[str], kept: Iterable[Judged]) -> None:
    known = list(dict.fromkeys([*seen, *(one.release for one in kept)]))
    if label not in known:
        raise NotFound(f"there is no {kind} {label} here; the newest are {', '.join(known[-5:]) or 'none yet'}")


def _in_order(judged: Sequence[Judged], scope: Scope) -> list[Judged]:
    order: Mapping[str, int] = {metric.name: place for place, metric in enumerate(scope.metrics)}
    return sorted(judged, key=lambda one: order.get(one.key.metric, len(order)))

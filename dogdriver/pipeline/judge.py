"""The one judge: "release R against baseline B in this scope", for the pipeline, the pages, the API and the CLI."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dogdriver.model import (
    CLIENT_METRICS,
    Judged,
    Limit,
    Metric,
    Outcome,
    Point,
    Project,
    Scope,
    SeriesKey,
    Standing,
    Verdict,
    deciding,
)
from dogdriver.pipeline.cards import Compute, Series, tolerance_of
from dogdriver.verdict import FalseAlarms, Measure, count_false_alarms, judge_halves, judge_release
from dogdriver.verdict.comparability import Comparable, comparable, samples
from dogdriver.verdict.headline import STEPPED

HALVES = "halves"  # among the inputs of a kept verdict
HISTORY = 400  # runs that a look goes back from the release's first; a pinned baseline may be older


@dataclass(frozen=True, slots=True)
class Answer:
    """What one look says of one metric, and the comparable runs that it rests on."""

    verdict: Verdict
    rests_on: Comparable
    halves: Outcome | None = None  # what the release's second half is against its first, where it has enough runs

    def rests_on_run(self, run_id: str) -> bool:
        return any(point.run == run_id for point in self.rests_on.points)

    @property
    def inputs(self) -> dict[str, Any]:
        """Enough to replay the verdict; `halves`: what its release's halves are to each other, `step`: the run with
        which the level stepped inside the release.
        """
        points, step = self.rests_on.points, self.verdict.step
        kept: dict[str, Any] = {"runs": [point.run for point in points], "values": [point.value for point in points]}
        if self.halves is not None:
            kept[HALVES] = self.halves.value
        if step is not None:
            kept[STEPPED] = next((point.run for point in points if point.at == step.at), None)
        return kept


class Judge:
    """Answers from the series alone; what it says of a release is said everywhere."""

    def __init__(self, series: Series, compute: Compute = asyncio.to_thread) -> None:
        self._series, self._compute = series, compute

    async def judge(
        self,
        scope: Scope,
        release: str,
        project: Project | None,
        *,
        baseline: str | None = None,
        until: datetime | None = None,
        others: Iterable[Metric] = (),
        bad: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, Answer]:
        """The answers by metric, all that the *project* (and *others*) has runs of together.

        Without *baseline* the release is compared with those before it, else with that one alone; with *until* by the
        runs that started before then. *bad* are, by metric, the releases that are known to be worse than the last good
        one. Of the differences that are called a share of 5 % at most is false, over the deciding metrics and over the
        others (docs/verdict.md, "Several metrics").
        """
        metrics = {metric.name: metric for metric in (*others, *judged_metrics(project))}
        rests_on: dict[str, Comparable] = {}
        measured: set[str] = set()
        for name in metrics:
            if baseline is None:
                points = await self._window(scope.key(name), release, until)
            else:
                points = await self._series.points(scope.key(name), until=until)
            if any(point.value is not None for point in points):
                measured.add(name)
            found = comparable(points, release, tolerance_of(project), baseline=baseline)
            if baseline is None:
                found = replace(found, points=_newest_needed(found.points, release))
            if found.points:
                rests_on[name] = found
        # Statistics over hundreds of runs take tenths of a second: not in the loop that answers the dashboard.
        decide = deciding(metrics.values(), measured)
        if not rests_on:
            return {}
        return await self._compute(_answers, rests_on, metrics, release, baseline, decide, bad)

    async def _window(self, key: SeriesKey, release: str, until: datetime | None) -> Sequence[Point]:
        """All runs of *release* and at least HISTORY before its first: a verdict must not change because they age."""
        limit = 2 * HISTORY
        while True:
            points = await self._series.points(key, until=until, limit=limit)
            first = next((place for place, point in enumerate(points) if point.release == release), 0)
            if len(points) < limit or first >= HISTORY:
                return points
            limit *= 4

    async def against(
        self, scope: Scope, release: str, project: Project | None, baseline: str, *, others: Iterable[Metric] = ()
    ) -> list[Judged]:
        """The same against one *baseline*, as verdicts that nobody has announced: such a question is asked once."""
        answers = await self.judge(scope, release, project, baseline=baseline, others=others)
        return [
            Judged(
                key=scope.key(name),
                release=release,
                look=1,
                at=answer.rests_on.points[-1].at,
                verdict=answer.verdict,
                standing=Standing.PROVISIONAL,
                standing_outcome=answer.verdict.outcome,
                standing_reason="",
                inputs=answer.inputs,
            )
            for name, answer in answers.items()
            if answer.verdict.runs
        ]


def false_alarms(kept: Iterable[Judged]) -> FalseAlarms:
    """How often the halves of the releases of *kept*, the newest looks of one scope, were called different."""
    return count_false_alarms(
        (one.release, Outcome(one.inputs[HALVES])) for one in kept if one.inputs.get(HALVES) is not None
    )


def judged_metrics(project: Project | None) -> tuple[Metric, ...]:
    """All that a release is judged by: the project's own metrics, and what the load generator measures."""
    return (*(project.metrics if project else ()), *CLIENT_METRICS)


def _newest_needed(points: tuple[Point, ...], release: str) -> tuple[Point, ...]:
    """Without what a verdict on *release* does not see: what came after its first HISTORY runs, and the oldest."""
    own = [point for point in points if point.release == release][:HISTORY]
    return tuple(point for point in points if not own or point.at <= own[-1].at)[-2 * HISTORY :]


def _answers(
    rests_on: Mapping[str, Comparable],
    metrics: Mapping[str, Metric],
    release: str,
    baseline: str | None,
    decide: Collection[str],
    bad: Mapping[str, Collection[str]] | None,
) -> dict[str, Answer]:
    series = {name: samples(found.points) for name, found in rests_on.items()}
    verdicts = judge_release(
        series,
        release,
        better={name: metrics[name].better for name in rests_on},
        margins={name: metrics[name].margin for name in rests_on},
        baseline=baseline,
        bad=bad,
        deciding=decide,
        measures={name: Measure(metrics[name].better, metrics[name].kind, metrics[name].unit) for name in rests_on},
    )
    halves = {
        name: judge_halves(
            found,
            release,
            better=metrics[name].better,
            margin=metrics[name].margin,
            kind=metrics[name].kind,
            unit=metrics[name].unit,
        )
        for name, found in series.items()
        if baseline is None
    }
    return {
        name: Answer(_with_obstacle(verdict, rests_on[name]), rests_on[name], halves.get(name))
        for name, verdict in verdicts.items()
    }


def _with_obstacle(verdict: Verdict, found: Comparable) -> Verdict:
    if found.obstacle is None:
        return verdict
    return replace(verdict, outcome=Outcome.UNDECIDED, limit=Limit.NOT_COMPARABLE, reason=found.reason)

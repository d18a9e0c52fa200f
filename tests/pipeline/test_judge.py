"""How far back a look goes: a release stays judged however long it runs, and whatever came after it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dogdriver.model import Better, Metric, MetricState, Outcome, Point, Project, Scope, SeriesKey, Status
from dogdriver.pipeline.judge import HISTORY, Judge

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SCOPE = Scope("kintowe", "stage", "dogdriver", "paris")
PROJECT = Project("kintowe", metrics=(Metric("art", "ART", "ms", Better.LOWER),))


class Kept:
    """The points of one metric; the others have none."""

    def __init__(self, *releases: tuple[str, float, int]) -> None:
        self.points_kept: list[Point] = []
        for label, level, runs in releases:
            for place in range(runs):
                at = START + timedelta(hours=len(self.points_kept))
                value = level * (1 + 0.01 * (place % 3 - 1))
                self.points_kept.append(Point(at.isoformat(), at, value, label, Status.DONE, "k", MetricState.SETTLED))

    async def points(
        self, key: SeriesKey, *, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Point]:
        found = [p for p in self.points_kept if key.metric == "art" and (until is None or p.at < until)]
        return found if limit is None else found[-limit:]


async def test_a_release_that_runs_for_long_is_still_compared_with_those_before_it() -> None:
    for runs in (HISTORY, 3 * HISTORY):
        answers = await Judge(Kept(("1", 100, 30), ("2", 110, runs))).judge(SCOPE, "2", PROJECT)
        verdict = answers["art"].verdict
        assert (verdict.outcome, verdict.runs, verdict.baseline_runs) == (Outcome.REGRESSED, HISTORY, 30)
        assert len(answers["art"].inputs["runs"]) == HISTORY + 30  # what it rests on is kept with each look


async def test_however_many_runs_came_after_a_release_its_verdict_is_what_it_was() -> None:
    alone = await Judge(Kept(("1", 100, 30), ("2", 110, 8))).judge(SCOPE, "2", PROJECT)
    later = await Judge(Kept(("1", 100, 30), ("2", 110, 8), ("3", 90, 3 * HISTORY))).judge(SCOPE, "2", PROJECT)
    assert later["art"].verdict == alone["art"].verdict


async def test_a_long_history_before_a_release_is_used_as_far_as_a_look_goes_back() -> None:
    answers = await Judge(Kept(("1", 100, 5 * HISTORY), ("2", 110, 8))).judge(SCOPE, "2", PROJECT)
    assert (answers["art"].verdict.runs, answers["art"].verdict.baseline_runs) == (8, HISTORY)
    assert len(answers["art"].inputs["runs"]) == 2 * HISTORY

"""The cause that an undecided verdict names is the right one: without it, it is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dogdriver.verdict import Better, Limit, Outcome, Sample, Verdict, judge

START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    """*earlier* releases of *each* runs, then one of *own* runs that is *effect* higher; sizes are of logarithms."""

    earlier: int
    each: int
    own: int
    effect: float
    sd: float
    between: float = 0.0
    margin: float = 0.03
    step: int | None = None

    def judged(self, seed: int) -> Verdict:
        rng = np.random.default_rng(seed)
        sizes = [self.each] * self.earlier + [self.own]
        release = np.repeat(np.arange(len(sizes)), sizes)
        levels = self.between * rng.standard_normal(len(sizes))
        values = levels[release] + self.effect * (release == self.earlier) + self.sd * rng.standard_normal(len(release))
        if self.step is not None:
            values += 0.1 * (np.arange(len(values)) >= self.each * self.earlier + self.step)
        made = [
            Sample(START + i * timedelta(hours=1), f"{r}.0", float(np.exp(v)))
            for i, (r, v) in enumerate(zip(release, values, strict=True))
        ]
        return judge(made, f"{self.earlier}.0", better=Better.LOWER, margin=self.margin)


CLEAR: Mapping[Limit, tuple[History, Mapping[str, Any], str]] = {
    Limit.FEW_RUNS: (History(12, 10, 3, 0.04, 0.04), {"own": 90}, "more runs should settle it"),
    Limit.SCATTER: (History(12, 10, 5, 0.0, 0.15), {"sd": 0.005}, "single runs scatter by"),
    Limit.BETWEEN_RELEASES: (History(12, 10, 10, 0.0, 0.005, between=0.03), {"between": 0.0}, "although nothing"),
    Limit.NEAR_MARGIN: (History(6, 40, 100, 0.027, 0.015), {"margin": 0.01}, "about as large as the margin"),
    Limit.STEP: (History(12, 10, 10, 0.0, 0.01, step=-1), {"step": None}, "The level stepped 1 run before"),
}
SEEDS = range(12)
DECIDED = (Outcome.REGRESSED, Outcome.IMPROVED, Outcome.UNCHANGED)


@pytest.mark.parametrize("limit", CLEAR, ids=str)
def test_the_cause_that_is_named_is_the_one_that_was_made(limit: Limit) -> None:
    history, without, said = CLEAR[limit]
    undecided = [(seed, v) for seed in SEEDS if (v := history.judged(seed)).outcome is Outcome.UNDECIDED]
    named = [(seed, v) for seed, v in undecided if v.limit is limit]
    assert len(undecided) >= len(SEEDS) / 4
    assert len(named) >= 0.75 * len(undecided)
    assert all(said in v.reason for _, v in named)
    decided = [replace(history, **without).judged(seed).outcome in DECIDED for seed, _ in named]
    assert sum(decided) >= 0.75 * len(named)


def counts(before: Sequence[int], after: Sequence[int]) -> Verdict:
    values = [*before, *after]
    made = [
        Sample(START + i * timedelta(hours=1), "a" if i < len(before) else "b", float(v)) for i, v in enumerate(values)
    ]
    return judge(made, "b", better=Better.LOWER)


def test_of_what_happens_rarely_it_is_said_that_the_runs_before_are_too_few() -> None:
    found = counts([0] * 6, [0, 2, 0, 2, 0, 0])
    assert (found.outcome, found.limit) == (Outcome.UNDECIDED, Limit.FEW_EARLIER)
    assert "the 6 runs before it are too few for what happens so rarely" in found.reason
    assert counts([0] * 60, [0, 2, 0, 2, 0, 0]).outcome is Outcome.REGRESSED

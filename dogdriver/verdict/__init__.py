"""Is a release slower or faster? Series in, verdicts and change points out; pure, no I/O, no clock.

The method, its assumptions and its measured error rates are in docs/verdict.md; it also names the dimensions of arrays.

A verdict: `judge` takes the runs that count from `series`, has `effect` estimate by the `mixed_model` (its columns in
`design` and, of what the level did before, `history`; `whitening` under it, `step_scan` and `mixture` beside it) on
values that `robust` and `seasonal` made ready, lets `decision` name the outcome, `references` say what else it is
against and `power` what more runs would do, and `wording` say it. Steps anywhere: `changepoints` and `trend` on
`segmentation` (with `segment_noise`, `segment_sums`). What successive verdicts add up to: `sequential`; a release in
one line: `headline`; which runs compare at all: `comparability`.
"""

from dogdriver.model.verdict import (
    Announcement,
    Better,
    Change,
    EffectScale,
    Headline,
    Limit,
    Noise,
    Outcome,
    Reference,
    ReferenceKind,
    Sample,
    Standing,
    Step,
    Summary,
    Trend,
    Verdict,
)
from dogdriver.verdict.changepoints import find_changes
from dogdriver.verdict.false_alarms import FalseAlarms, count_false_alarms, judge_halves
from dogdriver.verdict.headline import About, headline, standing
from dogdriver.verdict.judge import judge, judge_release
from dogdriver.verdict.scale import Measure
from dogdriver.verdict.sequential import announce
from dogdriver.verdict.trend import trend

__all__ = [
    "About",
    "Announcement",
    "Better",
    "Change",
    "EffectScale",
    "FalseAlarms",
    "Headline",
    "Limit",
    "Measure",
    "Noise",
    "Outcome",
    "Reference",
    "ReferenceKind",
    "Sample",
    "Standing",
    "Step",
    "Summary",
    "Trend",
    "Verdict",
    "announce",
    "count_false_alarms",
    "find_changes",
    "headline",
    "judge",
    "judge_halves",
    "judge_release",
    "standing",
    "trend",
]

"""Is a release slower or faster? Series in, verdicts and change points out; pure, no I/O, no clock.

The method, its assumptions and its measured error rates are in docs/verdict.md.
"""

from dogdriver.model.verdict import (
    Announcement,
    Better,
    Change,
    Headline,
    Noise,
    Outcome,
    Sample,
    Standing,
    Summary,
    Trend,
    Verdict,
)
from dogdriver.verdict.changepoints import find_changes
from dogdriver.verdict.headline import headline, standing
from dogdriver.verdict.judge import judge, judge_release
from dogdriver.verdict.sequential import announce
from dogdriver.verdict.trend import trend

__all__ = [
    "Announcement",
    "Better",
    "Change",
    "Headline",
    "Noise",
    "Outcome",
    "Sample",
    "Standing",
    "Summary",
    "Trend",
    "Verdict",
    "announce",
    "find_changes",
    "headline",
    "judge",
    "judge_release",
    "standing",
    "trend",
]

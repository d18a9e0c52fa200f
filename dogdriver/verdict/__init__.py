"""Is a release slower or faster? Series in, verdicts and change points out; pure, no I/O, no clock.

The method, its assumptions and its measured error rates are in docs/verdict.md.
"""

from dogdriver.model.judgement import (
    Announcement,
    Better,
    Change,
    Headline,
    Noise,
    Outcome,
    Sample,
    Standing,
    Trend,
    Verdict,
)
from dogdriver.verdict.announcement import announce
from dogdriver.verdict.changes import find_changes
from dogdriver.verdict.course import trend
from dogdriver.verdict.decision import judge, judge_release
from dogdriver.verdict.summary import headline

__all__ = [
    "Announcement",
    "Better",
    "Change",
    "Headline",
    "Noise",
    "Outcome",
    "Sample",
    "Standing",
    "Trend",
    "Verdict",
    "announce",
    "find_changes",
    "headline",
    "judge",
    "judge_release",
    "trend",
]

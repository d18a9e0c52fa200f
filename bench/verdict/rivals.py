"""What else could be asked: each answers with (p, effect) for the last release; smaller p is surer."""

from collections.abc import Callable, Sequence

import numpy as np
from otava.analysis import compute_change_points
from scipy.stats import mannwhitneyu, ttest_ind

from bench.verdict.scenarios import Values
from dogdriver.verdict import Better, Outcome, Sample, judge

Answer = tuple[float, float]
Method = Callable[[Sequence[Sample], str], Answer]

CALLED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})
LAST = 5
"""Releases that Mann and Whitney's test compares with."""
NEAR = 1
"""Runs that Otava's point may be off the release's start."""


def split(samples: Sequence[Sample], release: str, releases: int | None) -> tuple[Values, Values]:
    """(values before, values of the release); of the last *releases* releases before it."""
    known = [s for s in samples if s.value is not None]
    names = list(dict.fromkeys(s.release for s in known if s.release != release))
    wanted = set(names if releases is None else names[-releases:])
    before = np.array([s.value for s in known if s.release in wanted], dtype=float)
    return before, np.array([s.value for s in known if s.release == release], dtype=float)


def relative(before: Values, after: Values) -> float:
    return float(np.median(after) / np.median(before) - 1)


def mann_whitney(samples: Sequence[Sample], release: str) -> Answer:
    before, after = split(samples, release, LAST)
    if not len(after):
        return 1.0, 0.0
    return float(mannwhitneyu(after, before).pvalue), relative(before, after)


def welch(samples: Sequence[Sample], release: str) -> Answer:
    before, after = split(samples, release, 1)
    if min(len(before), len(after)) < 2:
        return 1.0, 0.0
    return float(ttest_ind(after, before, equal_var=False).pvalue), relative(before, after)


def last_minus_first(samples: Sequence[Sample], release: str) -> Answer:
    """The first dogDriver's trend: always a verdict, whatever the release."""
    del release
    values = [s.value for s in samples if s.value is not None]
    return 0.0, values[-1] / values[0] - 1


def otava(samples: Sequence[Sample], release: str) -> Answer:
    """Apache Otava with its defaults; a change point at the release's start."""
    known = [s for s in samples if s.value is not None]
    cut = next((i for i, s in enumerate(known) if s.release == release), len(known))
    points, weak = compute_change_points([s.value for s in known])
    near = [p for p in points if abs(p.index - cut) <= NEAR]
    if near:
        return min((float(p.stats.pvalue), float(p.stats.forward_rel_change())) for p in near)
    near = [p for p in weak or [] if abs(p.index - cut) <= NEAR]
    # Weak points did not make it: they only rank behind the others when sizes are matched.
    return min(((1 + float(p.stats.pvalue), float(p.stats.forward_rel_change())) for p in near), default=(2.0, 0.0))


def this(samples: Sequence[Sample], release: str) -> tuple[float, float, float, float]:
    """(p, effect, what is said of it: +1 up, -1 down, 0 nothing, whether "unchanged" is said)."""
    verdict = judge(samples, release, better=Better.LOWER)
    effect = verdict.effect or 0.0
    p = verdict.p if verdict.p is not None and abs(effect) >= verdict.margin else 1.0
    said = float(np.sign(effect)) if verdict.outcome in CALLED else 0.0
    return p, effect, said, float(verdict.outcome is Outcome.UNCHANGED)


RIVALS: dict[str, tuple[Method, float]] = {
    "Otava 0.8.0": (otava, 0.001),
    "Mann-Whitney, last 5": (mann_whitney, 0.01),
    "Welch": (welch, 0.01),
    "last - first": (last_minus_first, 0.01),
}
"""The method and the p below which it speaks."""

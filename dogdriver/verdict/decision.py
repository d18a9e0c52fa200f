"""From an estimate to an outcome: one rule for the verdict of a release and for a trend.

docs/verdict.md, "What is asked" and "Several metrics".
"""

from collections.abc import Sequence

import numpy as np

from dogdriver.model.verdict import Better, Outcome

EQUIVALENCE = 0.05
"""Alpha of "unchanged": each side of the margin."""


def decide(
    size: float,
    p: float,
    inner: tuple[float, float],
    thresholds: tuple[float, float],
    *,
    better: Better,
    margin: float,
    alpha: float,
) -> Outcome:
    """A difference that is sure and large enough to matter, or else one that is surely too small to matter.

    *size* and *margin* are relative; the interval *inner* (low, high), which leaves out EQUIVALENCE on either side, and
    the *thresholds* (down, up) that the margin is are in coordinates.
    """
    if p < alpha and abs(size) >= margin and size != 0:
        return Outcome.REGRESSED if (size > 0) == (better is Better.LOWER) else Outcome.IMPROVED
    (low, high), (down, up) = inner, thresholds
    return Outcome.UNCHANGED if down < low and high < up else Outcome.UNDECIDED


def benjamini_hochberg(ps: Sequence[float], q: float) -> float:
    """The largest of *ps* that may still be called a discovery: p_(k) <= q k / n for its rank k; -1 where none may."""
    ranked = np.sort(np.array(ps, dtype=float))
    allowed = q * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)
    passing = np.flatnonzero(ranked <= allowed)
    return float(ranked[passing[-1]]) if passing.size else -1.0

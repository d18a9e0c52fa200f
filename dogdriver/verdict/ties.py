"""Series of mostly one value (counts of errors, rounded numbers): their scatter tells less than usual."""

import numpy as np
from scipy.special import gammaln

from dogdriver.verdict.series import Flags, Floats, Ints

USUAL = 0.5
"""A value that this share of the earlier runs has is the usual one."""


def chance(values: Floats, release: Ints, own: Flags, up: bool) -> float | None:
    """How often chance alone makes so many runs of *own* differ from the usual value: Fisher's exact test, two-sided.

    None where there is no usual value, or where no release has two different values: then nothing scatters.
    """
    found, counts = np.unique(values[~own], return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] < USUAL * np.sum(~own) or not scattered(values, release):
        return None
    beyond = values > found[most] if up else values < found[most]
    short = values < found[most] if up else values > found[most]
    return min(1.0, 2 * min(at_least(beyond, own), at_least(~short, own)))


def scattered(values: Floats, release: Ints) -> bool:
    order = np.lexsort((values, release))
    values, release = values[order], release[order]
    return bool(np.any((release[1:] == release[:-1]) & (values[1:] != values[:-1])))


def at_least(marked: Flags, own: Flags) -> float:
    """The chance that as many runs of *own* as are, or more, are *marked*, if the marks fell anywhere."""
    runs, drawn, marks = len(marked), int(own.sum()), int(marked.sum())
    seen = np.arange(int((marked & own).sum()), min(drawn, marks) + 1)
    ways = chosen(marks, seen) + chosen(runs - marks, drawn - seen) - chosen(runs, np.array(drawn))
    return min(1.0, float(np.sum(np.exp(ways))))


def chosen(among: int, few: Ints) -> Floats:
    """Log of the binomial coefficient; minus infinity where there are not so many."""
    possible = (few >= 0) & (few <= among)
    safe = np.where(possible, few, 0)
    logs = gammaln(among + 1) - gammaln(safe + 1) - gammaln(among - safe + 1)
    result: Floats = np.where(possible, logs, -np.inf)
    return result

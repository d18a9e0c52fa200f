"""Which runs a verdict rests on."""

import numpy as np

from dogdriver.verdict.series import Series

MOST_RELEASES = 20
"""Earlier releases looked at: older ones were another service."""
MOST_BASELINE_RUNS = 400
MOST_RUNS = 400


def before_and_within(series: Series, judged: int) -> Series:
    """The runs of the release and of the releases first seen before it, up to its last run; the newest of them."""
    own = np.flatnonzero(series.release == judged)
    own = own[:MOST_RUNS]
    end = int(own[-1]) if own.size else len(series)
    earlier = np.flatnonzero(series.release[:end] < judged)
    if earlier.size:
        kept = np.unique(series.release[earlier])[-MOST_RELEASES:]
        earlier = earlier[series.release[earlier] >= kept[0]][-MOST_BASELINE_RUNS:]
    return series.take(np.sort(np.concatenate([earlier, own])))


def since(series: Series, judged: int, pinned: int) -> Series:
    """The runs of the pinned release, of the judged one and of those between."""
    own = np.flatnonzero(series.release == judged)[:MOST_RUNS]
    base = np.flatnonzero(series.release == pinned)[-MOST_RUNS:]
    between = np.flatnonzero((series.release > pinned) & (series.release < judged))
    if own.size:
        between = between[between < own[-1]]
    return series.take(np.sort(np.concatenate([base, between[-MOST_BASELINE_RUNS:], own])))

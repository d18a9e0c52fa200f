"""Whom a step is put down to: the release that starts there, or none. docs/verdict.md, "Change points"."""

from math import log

import numpy as np

from dogdriver.verdict.segmentation import Segmentation
from dogdriver.verdict.series import Floats, Ints, Series

RELEASE_ODDS = 12.0
"""How much likelier a step at a release's first run is than one at any other run."""
ODD_RUN_ODDS = 0.125
"""How likely one of the runs about a release's start is odd: served by what ran before, say."""
ODD = 16.0
"""Gains at least this, in variances of the noise, make a run odd: it is four standard deviations off."""
ABOUT = 3
"""So many runs before and after a release's start are about it."""


def attribute_to_release(found: Segmentation, which: int, series: Series) -> tuple[int, str | None]:
    """(place, release): where step number *which* is and the release that started there; None where none is as likely.

    By the likelihood exp(gain / 2) of every place between the step's neighbours.
    """
    place = int(found.places[which])
    first, gains = found.gain_profile(which)
    places = np.arange(first, first + len(gains))
    release_first = release_starts(series)
    starts = np.isin(places, release_first)
    if not starts.any():
        return place, None
    nearest = int(release_first[np.argmin(np.abs(release_first - place))])
    if abs(nearest - place) <= ABOUT:
        gains = with_an_odd_run(found, which, gains, range(min(place, nearest) - ABOUT, max(place, nearest) + ABOUT))
    likelihood = np.exp((gains - gains.max()) / 2)
    with_release = np.where(starts, likelihood, 0.0)
    if RELEASE_ODDS * with_release.sum() < likelihood[~starts].sum():
        return place, None
    chosen = int(places[np.argmax(with_release)])
    return chosen, series.releases[series.release[chosen]]


def with_an_odd_run(found: Segmentation, which: int, gains: Floats, runs: range) -> Floats:
    """*gains* (places,) of step number *which*, or, where one of *runs* is odd, those without it; (places,).

    All places are given the same runs, and the same price for it.
    """
    price = -2 * log(ODD_RUN_ODDS)
    start, end = found.stretch(which)
    best = gains
    for run in runs:
        if start < run < end - 1:
            without = found.gain_profile(which, without=run)[1]
            best = np.where(without - gains >= ODD, np.maximum(best, without - price), best)
    return best


def release_starts(series: Series) -> Ints:
    """The places of the first run of each release, (starts,), sorted, without the first of all."""
    _, first = np.unique(series.release, return_index=True)
    result: Ints = np.sort(first)[1:]
    return result

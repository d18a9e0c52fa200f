"""Where a series stepped, anywhere in its history."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from dogdriver.model.verdict import Better, Change, Sample
from dogdriver.verdict.robust import remove_spikes
from dogdriver.verdict.seasonal import remove_season
from dogdriver.verdict.segmentation import Segmentation, segment
from dogdriver.verdict.series import Ints, Scale, Series

FEWEST_RUNS = 6
RELEASE_ODDS = 12.0
"""How much likelier a step at a release's first run is than one at any other run."""
INTERVAL = 2.5758
"""Standard errors to each side of a 99 % interval."""


def find_changes(
    samples: Sequence[Sample], *, better: Better, min_effect: float = 0.02, alpha: float = 0.001, seed: int = 0
) -> list[Change]:
    """The steps of a series, oldest first, each at least *min_effect* (relative) in size and at most *alpha* in p.

    `index` counts all the samples in time order, also those without a value. `effect` is the level after the step
    against the level before it. *better* is not used: a step is one in either direction. Raises ValueError for a
    negative *min_effect*.
    """
    del better, seed  # the same question has the same form everywhere
    if not 0 <= min_effect < np.inf:
        raise ValueError(f"min_effect is {min_effect}; give a relative change such as 0.02")
    series = Series.of(samples)
    if len(series) < FEWEST_RUNS:
        return []
    scale = Scale.of(series.values)
    values = remove_spikes(remove_season(scale.coordinates(series.values), series.seconds))
    found = segment(values, series.release, scale.thresholds(min_effect), alpha)
    return [as_change(found, i, series, scale) for i in range(len(found.places))]


def as_change(found: Segmentation, which: int, series: Series, scale: Scale) -> Change:
    """Step number *which*, in relative changes."""
    place, release = attribute_to_release(found, which, series)
    effect, error = float(found.effects[which]), float(found.errors[which])
    return Change(
        at=series.at[place],
        index=int(series.index[place]),
        effect=scale.relative(effect),
        low=scale.relative(effect - INTERVAL * error),
        high=scale.relative(effect + INTERVAL * error),
        p=float(min(1.0, 2 * ndtr(-abs(effect) / error))),
        release=release,
    )


def attribute_to_release(found: Segmentation, which: int, series: Series) -> tuple[int, str | None]:
    """(place, release): where step number *which* is and the release that started there; None where none is as likely.

    By the likelihood exp(gain / 2) of every place between the step's neighbours: docs/verdict.md, "Change points".
    """
    place = int(found.places[which])
    first, gains = found.gain_profile(which)
    places = np.arange(first, first + len(gains))
    starts = np.isin(places, release_starts(series))
    if not starts.any():
        return place, None
    likelihood = np.exp((gains - gains.max()) / 2)
    with_release = np.where(starts, likelihood, 0.0)
    if RELEASE_ODDS * with_release.sum() < likelihood[~starts].sum():
        return place, None
    chosen = int(places[np.argmax(with_release)])
    return chosen, series.releases[series.release[chosen]]


def release_starts(series: Series) -> Ints:
    """The places of the first run of each release, (starts,), sorted, without the first of all."""
    _, first = np.unique(series.release, return_index=True)
    result: Ints = np.sort(first)[1:]
    return result

"""Where a series stepped, anywhere in its history."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from dogdriver.model.verdict import Better, Change, Sample
from dogdriver.verdict.attribution import attribute_to_release
from dogdriver.verdict.scale import Scale
from dogdriver.verdict.seasonal import remove_season
from dogdriver.verdict.segmentation import Segmentation, segment
from dogdriver.verdict.series import Series
from dogdriver.verdict.spikes import remove_spikes

FEWEST_RUNS = 6
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
    values = remove_spikes(remove_season(scale.coordinates(series.values), series.seconds), series.release)
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

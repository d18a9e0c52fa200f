"""How often the verdicts are wrong here: the halves of one release are the same software, and are judged as two (A/A).

docs/verdict.md, "Its own false-alarm rate".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv

from dogdriver.model.project import Kind
from dogdriver.model.verdict import CALLED, Better, Outcome, Sample
from dogdriver.verdict.criteria import Criteria
from dogdriver.verdict.effect import FEWEST_RUNS, estimate_effect, estimate_since_pinned
from dogdriver.verdict.judge import ALPHA, MARGIN, POWER, Baseline, conclude
from dogdriver.verdict.scale import Scale
from dogdriver.verdict.series import Series
from dogdriver.verdict.ties import fit_to_ties

ONE_SIDED = 0.05
"""Each end of the interval is wrong this often."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Of *halves* of releases that were judged, those that were *called* different; *releases* have such halves.

    *rate*, *low*, *high*: their share and its exact (Clopper and Pearson's) interval, each end at 95 %; None without
    halves. All metrics of a release count as one observation for the interval: they were measured in the same runs.
    """

    called: int
    halves: int
    releases: int

    @property
    def rate(self) -> float | None:
        return self.called / self.halves if self.halves else None

    @property
    def low(self) -> float | None:
        """Clopper and Pearson: the rate at which so many or more would be called in ONE_SIDED of all cases."""
        if not self.halves:
            return None
        called = self.called * self.releases / self.halves
        return float(betaincinv(called, self.releases - called + 1, ONE_SIDED)) if called > 0 else 0.0

    @property
    def high(self) -> float | None:
        """The rate at which so few or fewer would be called in ONE_SIDED of all cases."""
        if not self.halves:
            return None
        called = self.called * self.releases / self.halves
        if called == self.releases:
            return 1.0
        return float(betaincinv(called + 1, self.releases - called, 1 - ONE_SIDED))

    @property
    def sentence(self) -> str | None:
        """For people; None where nothing could be checked."""
        if self.low is None or self.high is None:
            return None
        halves = "1 half of a release was" if self.halves == 1 else f"{self.halves} halves of releases were"
        counted = f"Checked on itself: {self.called} of {halves} called different"
        if not self.too_many:
            return f"{counted} (at most {100 * self.high:.0f} %)."
        return (
            f"{counted} (at least {100 * self.low:.1f} %), where {100 * ALPHA:.0f} % is meant: trust the verdicts less "
            "here. Perhaps something else than the release changes while it runs."
        )

    @property
    def too_many(self) -> bool:
        """Surely more than the share that is accepted."""
        return (self.low or 0.0) > ALPHA


def judge_halves(
    samples: Sequence[Sample],
    release: str,
    *,
    better: Better,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    kind: Kind = Kind.VALUE,
    unit: str = "",
) -> Outcome | None:
    """What is said of the second half of the runs of *release* against its first half, by the judge's own rule.

    *samples* as for `judge`. The halves follow one another, as releases do: runs in turns would share what drifts, and
    find too little. Noise, cycles, and how much releases differ are those of the whole history, in which each other
    release has a level of its own. None with fewer than three runs in a half.
    """
    series = Series.of(samples)
    if release not in series.releases:
        return None
    pinned = series.releases.index(release)
    window = series.before_and_within(pinned)
    own = np.flatnonzero(window.release == pinned)
    if len(own) < 2 * FEWEST_RUNS:
        return None
    criteria = Criteria(
        release=release, better=better, margin=margin, alpha=alpha, power=POWER, seed=0, kind=kind, unit=unit
    )
    judged = len(series.releases)
    halves = window.release.copy()
    halves[own[(len(own) + 1) // 2 :]] = judged
    window = replace(window, release=halves, releases=(*window.releases, release))
    base, second = halves == pinned, halves == judged
    scale = Scale.of_measure(window.values, base, criteria.measure)
    coordinates = scale.coordinates(window.values)
    usual = estimate_effect(coordinates, window, judged, criteria.question(window, scale)).effect
    effect = estimate_since_pinned(coordinates, window, judged, pinned, usual.posterior.tau_weights())
    fitted = fit_to_ties(effect, scale, criteria, window, second, base)
    return conclude(fitted, scale, criteria, int(second.sum()), Baseline((release,), int(base.sum()))).outcome


def count_false_alarms(found: Iterable[tuple[str, Outcome]]) -> FalseAlarms:
    """*found*: (release, what `judge_halves` said of one of its metrics), one for each metric that was judged so."""
    outcomes = list(found)
    called = sum(outcome in CALLED for _, outcome in outcomes)
    return FalseAlarms(called, len(outcomes), len({release for release, _ in outcomes}))

"""One look at one metric of one release, and all the metrics of a release together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dogdriver.model.verdict import Better, Noise, Outcome, Sample, Verdict
from dogdriver.verdict import ties, wording
from dogdriver.verdict.effect import Effect, measure, measure_since
from dogdriver.verdict.mixed_model import TAU_PRIOR, TAUS
from dogdriver.verdict.power import EQUIVALENCE, outlook, smallest_visible
from dogdriver.verdict.series import Flags, Scale, Series
from dogdriver.verdict.window import before_and_within, since

METHOD = "mixed-model/2"
FEWEST_RUNS = 3
MARGIN = 0.03
ALPHA = 0.01
POWER = 0.8
FALSE_DISCOVERIES = 0.05
MOST_LOOKED_BACK = 12
ROUNDING = 1e-12
PRIOR_WOBBLE = (TAUS, TAU_PRIOR)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as it was asked."""

    release: str
    better: Better
    margin: float
    alpha: float
    power: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.margin < np.inf:
            raise ValueError(f"margin is {self.margin}; give a relative change such as 0.03")
        for name, share in (("alpha", self.alpha), ("power", self.power)):
            if not 0 < share < 1:
                raise ValueError(f"{name} is {share}; give a share between 0 and 1")


def judge(
    samples: Sequence[Sample],
    release: str,
    *,
    better: Better,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    power: float = POWER,
    baseline: str | None = None,
    seed: int = 0,
) -> Verdict:
    """Is *release* different from the releases before it?

    *samples* are comparable runs of one series in any order. *margin* is the relative change that matters, *alpha* the
    rate of false verdicts that is accepted, *power* what `smallest_visible` and `runs_needed` are promised with. With
    *baseline* the comparison is with that release alone, however long ago it was. Nothing here is left to chance:
    *seed* is kept in the verdict so that every stored one has the same form. Raises ValueError for a *margin*,
    *alpha* or *power* that is no share.
    """
    question = Question(release=release, better=better, margin=margin, alpha=alpha, power=power, seed=seed)
    series = Series.of(samples)
    if release not in series.releases:
        return too_few(question, 0, 0, ())
    judged = series.releases.index(release)
    ordinary = before_and_within(series, judged)
    if baseline is None:
        return look(ordinary, judged, question)
    if baseline == release or baseline not in series.releases:
        return too_few(question, int(np.sum(series.release == judged)), 0, (), baseline)
    return look_back(series, judged, series.releases.index(baseline), question)


def judge_release(
    series: Mapping[str, Sequence[Sample]],
    release: str,
    *,
    better: Mapping[str, Better],
    margins: Mapping[str, float] | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    power: float = POWER,
    q: float = FALSE_DISCOVERIES,
    baseline: str | None = None,
    seed: int = 0,
) -> dict[str, Verdict]:
    """Judge every series of a release; of those called regressed or improved, a share *q* at most is false.

    Benjamini and Hochberg's rule over the p-values, on top of *alpha* for each. *margins* overrides *margin* for the
    series that it names. Keys are the caller's: a metric, or a metric and its source.
    """
    verdicts = {
        name: judge(
            samples,
            release,
            better=better[name],
            margin=(margins or {}).get(name, margin),
            alpha=alpha,
            power=power,
            baseline=baseline,
            seed=seed,
        )
        for name, samples in series.items()
    }
    cut = discovery_cut([v.p for v in verdicts.values() if v.p is not None], q)
    return {name: within_cut(verdict, cut, len(verdicts)) for name, verdict in verdicts.items()}


def discovery_cut(ps: Sequence[float], q: float) -> float:
    """Benjamini and Hochberg: the largest p that may still be called a discovery; -1 where none may."""
    ranked = np.sort(np.array(ps, dtype=float))
    allowed = q * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)
    passing = np.flatnonzero(ranked <= allowed)
    return float(ranked[passing[-1]]) if passing.size else -1.0


def within_cut(verdict: Verdict, cut: float, among: int) -> Verdict:
    called = verdict.outcome in {Outcome.REGRESSED, Outcome.IMPROVED}
    if not called or verdict.p is None or verdict.p <= cut:
        return verdict
    return replace(verdict, outcome=Outcome.UNDECIDED, reason=wording.one_of_many(verdict, among))


def look(window: Series, judged: int, question: Question) -> Verdict:
    """The verdict on the runs of *window*."""
    own = window.release == judged
    runs, base = int(own.sum()), int((~own).sum())
    names = tuple(window.releases[i] for i in np.unique(window.release[~own]))
    if runs < FEWEST_RUNS or base < FEWEST_RUNS:
        return too_few(question, runs, base, names)
    scale = Scale.of(window.values, ~own)
    effect = sober(measure(scale.coordinates(window.values), window, judged), window, own, ~own)
    return conclude(effect, scale, question, runs, base, names)


def sober(effect: Effect, window: Series, own: Flags, base: Flags) -> Effect:
    """No surer than chance allows where most runs have the same value."""
    chosen = own | base
    up = effect.mixture.mean() > 0
    chance = ties.chance(window.values[chosen], window.release[chosen], own[chosen], up=up)
    if chance is None:
        return effect
    # A single odd run among equal ones looks like a step, and is none.
    stray = effect.stray if effect.stray is not None and effect.stray < 0 else None
    return replace(effect, mixture=effect.mixture.as_unsure_as(chance), stray=stray)


def look_back(series: Series, judged: int, pinned: int, question: Question) -> Verdict:
    """The verdict against one release, with what each release since says by itself."""
    window = since(series, judged, pinned)
    own, base = window.release == judged, window.release == pinned
    runs, base_runs = int(own.sum()), int(base.sum())
    names = (series.releases[pinned],)
    if runs < FEWEST_RUNS or base_runs < FEWEST_RUNS:
        return too_few(question, runs, base_runs, names, names[0])
    scale = Scale.of(window.values, base)
    usual = before_and_within(series, judged)
    wobble = PRIOR_WOBBLE
    if np.any(usual.release != judged):
        wobble = measure(Scale.of(usual.values).coordinates(usual.values), usual, judged).posterior.wobble()
    effect = measure_since(scale.coordinates(window.values), window, judged, pinned, wobble)
    effect = sober(effect, window, own, base)
    verdict = conclude(effect, scale, question, runs, base_runs, names)
    steps = [i for i in range(pinned + 1, judged + 1) if np.any(series.release == i)]
    alone = [
        look(before_and_within(series, i), i, replace(question, release=series.releases[i])).outcome
        for i in steps[-MOST_LOOKED_BACK:]
    ]
    return replace(verdict, reason=wording.since(verdict, names[0], alone))


def conclude(
    effect: Effect, scale: Scale, question: Question, runs: int, base_runs: int, names: tuple[str, ...]
) -> Verdict:
    mixture = effect.mixture
    half = question.alpha / 2
    low, inner_low, middle, inner_high, high = (
        float(x) for x in mixture.quantiles((half, EQUIVALENCE, 0.5, 1 - EQUIVALENCE, 1 - half))
    )
    p = mixture.p()
    down, up = scale.thresholds(question.margin)
    error = float(np.sqrt(mixture.variance()))
    at_hand = np.array([high - low, inner_high - inner_low]) / 2 / max(error, 1e-300)
    size = scale.relative(middle) if abs(middle) > ROUNDING else 0.0
    if p < question.alpha and abs(size) >= question.margin and size != 0:
        outcome = Outcome.REGRESSED if (size > 0) == (question.better is Better.LOWER) else Outcome.IMPROVED
    elif down < inner_low and inner_high < up and effect.stray is None:
        outcome = Outcome.UNCHANGED
    else:
        outcome = Outcome.UNDECIDED
    ahead = None
    if outcome is Outcome.UNDECIDED:
        ahead = outlook(effect, (down, up), runs, power=question.power, at_hand=at_hand, releases=len(names))
    visible = scale.relative(smallest_visible(error, float(at_hand[0]), up, question.power))
    verdict = Verdict(
        outcome=outcome,
        effect=size,
        low=scale.relative(low),
        high=scale.relative(high),
        p=p,
        runs=runs,
        baseline_runs=base_runs,
        baseline_releases=names,
        runs_needed=ahead.needed if ahead else None,
        smallest_visible=visible,
        noise=Noise(sd=effect.sd, autocorrelation=effect.phi, wobble=effect.wobble),
        margin=question.margin,
        method=METHOD,
        seed=question.seed,
        reason="",
    )
    found = wording.Found(
        better=question.better,
        alpha=question.alpha,
        inner=(scale.relative(inner_low), scale.relative(inner_high)),
        whole=scale.whole,
        stray=effect.stray,
        outlook=ahead,
    )
    return replace(verdict, reason=wording.reason(verdict, found))


def too_few(
    question: Question, runs: int, base_runs: int, names: tuple[str, ...], baseline: str | None = None
) -> Verdict:
    verdict = Verdict(
        outcome=Outcome.TOO_FEW_RUNS,
        effect=None,
        low=None,
        high=None,
        p=None,
        runs=runs,
        baseline_runs=base_runs,
        baseline_releases=names,
        runs_needed=max(FEWEST_RUNS - runs, 0) if base_runs >= FEWEST_RUNS else None,
        smallest_visible=None,
        noise=Noise(),
        margin=question.margin,
        method=METHOD,
        seed=question.seed,
        reason="",
    )
    return replace(verdict, reason=wording.too_few(verdict, question.release, FEWEST_RUNS, baseline))

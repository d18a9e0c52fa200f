"""One look at one metric of one release, and all the metrics of a release together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dogdriver.model.project import Kind
from dogdriver.model.verdict import (
    CALLED,
    Better,
    Limit,
    Noise,
    Outcome,
    Sample,
    Verdict,
)
from dogdriver.verdict import wording
from dogdriver.verdict.criteria import Criteria, outcome_of, relative_size
from dogdriver.verdict.decision import benjamini_hochberg
from dogdriver.verdict.effect import FEWEST_RUNS, estimate_effect, estimate_since_pinned
from dogdriver.verdict.limits import limit_of
from dogdriver.verdict.mixed_model import TAU_PRIOR, TAUS
from dogdriver.verdict.power import forecast, smallest_visible
from dogdriver.verdict.references import with_references, with_step
from dogdriver.verdict.scale import Measure, Scale
from dogdriver.verdict.series import Series
from dogdriver.verdict.ties import Fit, fit_to_ties

METHOD = "mixed-model/3"
MARGIN = 0.03
ALPHA = 0.01
POWER = 0.8
FALSE_DISCOVERIES = 0.05
MOST_LOOKED_BACK = 12
"""Releases since a pinned one that the reason tells the outcome of."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the release is compared with: the names of the releases, and how many runs they have together."""

    releases: tuple[str, ...] = ()
    runs: int = 0


def judge(
    samples: Sequence[Sample],
    release: str,
    *,
    better: Better,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    power: float = POWER,
    baseline: str | None = None,
    bad: Collection[str] = (),
    kind: Kind = Kind.VALUE,
    unit: str = "",
    seed: int = 0,
) -> Verdict:
    """Is *release* different from the releases before it?

    *samples* are comparable runs of one series in any order. *margin* is the relative change that matters, *alpha* the
    rate of false verdicts that is accepted, *power* what `smallest_visible` and `runs_needed` are promised with. The
    comparison is with the last good level: *bad* names releases that are known to be worse than those before them.
    With *baseline* it is with that release alone, however long ago it was. Nothing here is left to chance:
    *kind* and *unit* say what the values are: a ratio is judged by its failures.
    *seed* is kept in the verdict so that every stored one has the same form. Raises ValueError for a *margin*,
    *alpha* or *power* that is no share.
    """
    criteria = Criteria(
        release=release,
        better=better,
        margin=margin,
        alpha=alpha,
        power=power,
        seed=seed,
        bad=frozenset(bad),
        kind=kind,
        unit=unit,
    )
    series = Series.of(samples)
    if release not in series.releases:
        return too_few_runs(criteria, 0, Baseline())
    judged = series.releases.index(release)
    if baseline is None:
        return look(series.before_and_within(judged), judged, criteria)
    if baseline == release or baseline not in series.releases:
        return too_few_runs(criteria, int(np.sum(series.release == judged)), Baseline(), baseline)
    return look_since_pinned(series, judged, series.releases.index(baseline), criteria)


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
    bad: Mapping[str, Collection[str]] | None = None,
    deciding: Collection[str] | None = None,
    measures: Mapping[str, Measure] | None = None,
    seed: int = 0,
) -> dict[str, Verdict]:
    """Judge every series of a release; of those called regressed or improved, a share *q* at most is false.

    Benjamini and Hochberg's rule over the p-values, on top of *alpha* for each: over those that are *deciding* (None:
    all), and over the others by themselves, so that what does not decide makes no headline harder to reach. *margins*
    overrides *margin* for the series that it names, *measures* says what their values are. Keys are the caller's: a
    metric, or a metric and its source.
    """
    known = {name: Measure(better[name]) for name in series} | dict(measures or {})
    verdicts = {
        name: judge(
            samples,
            release,
            better=better[name],
            margin=(margins or {}).get(name, margin),
            alpha=alpha,
            power=power,
            baseline=baseline,
            bad=(bad or {}).get(name, ()),
            kind=known[name].kind,
            unit=known[name].unit,
            seed=seed,
        )
        for name, samples in series.items()
    }
    decide = verdicts.keys() if deciding is None else verdicts.keys() & set(deciding)
    families = ({name: v for name, v in verdicts.items() if (name in decide) is part} for part in (True, False))
    kept = {name: v for family in families for name, v in without_chance(family, q, known).items()}
    return {name: kept[name] for name in verdicts}


def without_chance(verdicts: Mapping[str, Verdict], q: float, known: Mapping[str, Measure]) -> dict[str, Verdict]:
    """*verdicts* with those undecided that chance may have made among so many: a share *q* of the rest at most.

    *known*: what the values of each are.
    """
    largest = benjamini_hochberg([v.p for v in verdicts.values() if v.p is not None], q)
    return {
        name: replace(
            verdict, outcome=Outcome.UNDECIDED, reason=wording.one_of_many(verdict, len(verdicts), known[name])
        )
        if verdict.outcome in CALLED and verdict.p is not None and verdict.p > largest
        else verdict
        for name, verdict in verdicts.items()
    }


def look(window: Series, judged: int, criteria: Criteria) -> Verdict:
    """The verdict on the runs of *window*, of which those of release number *judged* are judged."""
    own = window.release == judged
    names = tuple(window.releases[i] for i in np.unique(window.release[~own]))
    runs, baseline = int(own.sum()), Baseline(names, int((~own).sum()))
    if runs < FEWEST_RUNS or baseline.runs < FEWEST_RUNS:
        return too_few_runs(criteria, runs, baseline)
    scale = Scale.of_measure(window.values, ~own, criteria.measure)
    compared = estimate_effect(scale.coordinates(window.values), window, judged, criteria.question(window, scale))
    kept = ~own & ~np.isin(window.release, list(compared.apart))
    baseline = Baseline(tuple(window.releases[i] for i in np.unique(window.release[kept])), int(kept.sum()))
    fitted = fit_to_ties(compared.effect, scale, criteria, window, own, kept)
    verdict = with_step(conclude(fitted, scale, criteria, runs, baseline), fitted.effect, window, own, scale)
    return with_references(verdict, compared, names[-1], scale, criteria)


def look_since_pinned(series: Series, judged: int, pinned: int, criteria: Criteria) -> Verdict:
    """The verdict against release number *pinned*, with what each release since says by itself."""
    window = series.since_pinned(judged, pinned)
    own, base = window.release == judged, window.release == pinned
    name = series.releases[pinned]
    runs, baseline = int(own.sum()), Baseline((name,), int(base.sum()))
    if runs < FEWEST_RUNS or baseline.runs < FEWEST_RUNS:
        return too_few_runs(criteria, runs, baseline, name)
    scale = Scale.of_measure(window.values, base, criteria.measure)
    history = series.before_and_within(judged)
    tau_weights = TAUS, TAU_PRIOR
    if np.any(history.release != judged):
        usual_scale = Scale.of_measure(history.values, history.release != judged, criteria.measure)
        usual = estimate_effect(
            usual_scale.coordinates(history.values), history, judged, criteria.question(history, usual_scale)
        )
        tau_weights = usual.effect.posterior.tau_weights()
    effect = estimate_since_pinned(scale.coordinates(window.values), window, judged, pinned, tau_weights)
    verdict = conclude(fit_to_ties(effect, scale, criteria, window, own, base), scale, criteria, runs, baseline)
    since = [i for i in range(pinned + 1, judged + 1) if np.any(series.release == i)]
    alone = [
        look(series.before_and_within(i), i, replace(criteria, release=series.releases[i])).outcome
        for i in since[-MOST_LOOKED_BACK:]
    ]
    return replace(verdict, reason=wording.since_pinned(verdict, name, alone, criteria.measure))


def conclude(fitted: Fit, scale: Scale, criteria: Criteria, runs: int, baseline: Baseline) -> Verdict:
    """The verdict that *fitted*, in coordinates of *scale*, is: docs/verdict.md, "Answer"."""
    effect, estimate, thresholds = fitted.effect, fitted.estimate, scale.thresholds(criteria.margin)
    size = relative_size(estimate, scale)
    (low, high), critical = estimate.inner, estimate.critical
    outcome = outcome_of(estimate, scale, criteria)
    if outcome is Outcome.UNCHANGED and effect.step is not None and not (effect.step.inside and effect.step.sure):
        outcome = Outcome.UNDECIDED
    ahead, limit = None, None
    if outcome is Outcome.UNDECIDED and fitted.counted:
        ahead = fitted.counted.forecast(criteria.alpha, criteria.power)
        limit = Limit.STEP if effect.step is not None else fitted.counted.limit(ahead)
    elif outcome is Outcome.UNDECIDED:
        ahead = forecast(effect, thresholds, runs, power=criteria.power, critical=critical)
        limit = limit_of(effect, ahead, runs, len(baseline.releases), thresholds, critical)
    visible = smallest_visible(estimate.error, critical, thresholds[1], criteria.power)
    verdict = replace(
        no_answer(criteria, runs, baseline),
        outcome=outcome,
        effect=size,
        low=scale.relative(estimate.low),
        high=scale.relative(estimate.high),
        p=estimate.p,
        runs_needed=ahead.needed if ahead else None,
        smallest_visible=scale.relative(visible),
        noise=Noise(sd=effect.sd, autocorrelation=effect.autocorrelation, wobble=effect.between_releases),
        before=fitted.before,
        after=fitted.after,
        scale=scale.effects,
        limit=limit,
    )
    details = wording.Details(
        measure=criteria.measure,
        alpha=criteria.alpha,
        margin=scale.margin(criteria.margin),
        inner=(scale.relative(low), scale.relative(high)),
        hundred_percent=scale.hundred_percent,
        step=effect.step.runs if effect.step else None,
        forecast=ahead,
        tied=fitted.tied,
        rare=fitted.counted is not None,
    )
    return replace(verdict, reason=wording.reason(verdict, details))


def too_few_runs(criteria: Criteria, runs: int, baseline: Baseline, pinned: str | None = None) -> Verdict:
    """The verdict where nothing can be estimated; *pinned* is the one release that was to be compared with, if any."""
    needed = max(FEWEST_RUNS - runs, 0) if baseline.runs >= FEWEST_RUNS else None
    limit = Limit.FEW_RUNS if runs < FEWEST_RUNS else Limit.FEW_EARLIER
    verdict = replace(no_answer(criteria, runs, baseline), runs_needed=needed, limit=limit)
    return replace(verdict, reason=wording.too_few_runs(verdict, criteria.release, FEWEST_RUNS, pinned))


def no_answer(criteria: Criteria, runs: int, baseline: Baseline) -> Verdict:
    """What is known before anything is estimated."""
    return Verdict(
        outcome=Outcome.TOO_FEW_RUNS,
        effect=None,
        low=None,
        high=None,
        p=None,
        runs=runs,
        baseline_runs=baseline.runs,
        baseline_releases=baseline.releases,
        runs_needed=None,
        smallest_visible=None,
        noise=Noise(),
        margin=criteria.margin,
        method=METHOD,
        seed=criteria.seed,
        reason="",
    )

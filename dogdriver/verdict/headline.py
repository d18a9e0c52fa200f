"""The verdicts of a release in one line: which word they come to. Its sentence: `headline_wording`."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dogdriver.model.project import CLIENT_PREFIX, Metric, deciding
from dogdriver.model.verdict import (
    CALLED,
    OPEN,
    Headline,
    Judged,
    MetricStep,
    Outcome,
    Standing,
    Summary,
    Unjudged,
    Verdict,
)
from dogdriver.verdict import headline_wording as wording
from dogdriver.verdict.headline_wording import Said
from dogdriver.verdict.sequential import announce

STEPPED = "step"
"""Among a look's inputs: the run with which the level stepped inside the release."""
WORSE = frozenset({Headline.SLOWER, Headline.MIXED})
WORDS: Mapping[tuple[bool, bool], Headline] = {
    (True, True): Headline.MIXED, (True, False): Headline.SLOWER, (False, True): Headline.FASTER,
}  # fmt: skip
"""Of what stands: whether something is worse, whether something is better."""
PROBABLE: Mapping[tuple[bool, bool], Headline] = {
    (True, False): Headline.PROBABLY_SLOWER, (False, True): Headline.PROBABLY_FASTER,
}  # fmt: skip
"""The same of what one more look has to agree with; where both wait, nobody can tell yet."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a release's metrics besides their verdicts.

    *names* are what people call them, *units* those of their values. *deciding* are those that the headline rests on,
    None: all. *expected*: those that a release has, judged or not. *due* says when so many more runs will have been
    read; None where nothing is scheduled.
    """

    names: Mapping[str, str]
    units: Mapping[str, str]
    deciding: Collection[str] | None = None
    expected: tuple[str, ...] = ()
    due: Callable[[int], datetime | None] = lambda _runs: None

    @classmethod
    def of(cls, metrics: Iterable[Metric], own: Collection[Metric], measured: Collection[str]) -> "About":
        """Of all *metrics* there are; *own* are those that the project asks for, *measured* ever had a value there.

        A release has the project's own metrics, and what the load generator was ever able to measure.
        """
        known = {metric.name: metric for metric in (*metrics, *own)}
        titles = Counter(metric.title for metric in known.values())
        return cls(
            names={name: metric.title if titles[metric.title] == 1 else name for name, metric in known.items()},
            units={name: metric.unit for name, metric in known.items()},
            deciding=deciding(known.values(), measured),
            expected=tuple(
                name
                for name in known
                if (name.startswith(CLIENT_PREFIX) and name in measured) or any(name == one.name for one in own)
            ),
        )


def headline(verdicts: Mapping[str, Verdict] | Iterable[Verdict], decide: Collection[str] | None = None) -> Summary:
    """Slower or faster if a metric says so that is to *decide* (None: all), mixed if both are said, no_change only if
    all of them that were measured say so. A metric without a single run says nothing.
    """
    named = verdicts.items() if isinstance(verdicts, Mapping) else (("", verdict) for verdict in verdicts)
    return summary([Said(name, name, v, decides=decide is None or name in decide) for name, v in named])


def standing(judged: Iterable[Judged], about: About | None = None) -> Summary | None:
    """The headline of what stands for one release; None where nothing was judged.

    *judged* holds the newest look of each metric.
    """
    about = about or About({}, {})
    looks = list(judged)
    if not looks:
        return None
    said = [_said(one, about) for one in looks]
    known = {one.metric for one in said}
    lacking = [about.names.get(metric, metric) for metric in about.expected if metric not in known]
    found = summary(said, lacking=lacking, due=about.due)
    runs = {one.key.metric: one.inputs.get(STEPPED) for one in looks}
    return found if found.step is None else replace(found, step=replace(found.step, run=runs.get(found.step.metric)))


def summary(
    said: Iterable[Said], *, lacking: Iterable[str] = (), due: Callable[[int], datetime | None] = lambda _runs: None
) -> Summary:
    """Of all metrics; *lacking* are those that have no value."""
    measured = [one for one in said if one.verdict.runs > 0]
    decide = [one for one in measured if one.decides]
    others = [one for one in measured if not one.decides and one.outcome in CALLED]
    word = _word(decide)
    open_ = [one for one in measured if one.outcome in OPEN]
    lacking = [*lacking, *(one.name for one in said if one.verdict.runs == 0)]
    step = _step(measured)
    return Summary(
        headline=word,
        sentence=wording.sentence(word, decide, others, step=step, due=due, measured=bool(measured)),
        step=MetricStep(step.verdict.step.at, None, step.metric, step.verdict.step.effect)
        if step is not None and step.verdict.step is not None
        else None,
        judged=len(measured) - len(open_),
        of=len(measured) + len(lacking),
        reasons=tuple(
            [Unjudged(one.name, one.verdict.reason) for one in open_]
            + [Unjudged(name, "It has no value of this release.") for name in lacking]
        ),
        attention=word in WORSE or any(one.outcome is Outcome.REGRESSED for one in others),
    )


def _word(decide: list[Said]) -> Headline:
    stands = {one.outcome for one in decide}
    waits = {one.waiting for one in decide}
    found = WORDS.get((Outcome.REGRESSED in stands, Outcome.IMPROVED in stands))
    found = found or PROBABLE.get((Outcome.REGRESSED in waits, Outcome.IMPROVED in waits))
    return found or (Headline.NO_CHANGE if stands == {Outcome.UNCHANGED} else Headline.UNDECIDED)


def runs_ahead(one: Judged) -> int | None:
    """How many more runs decide it; None where no number of them is likely to.

    0 where it is decided, and where more looks have to agree without one of them being enough.
    """
    verdict = one.verdict
    if one.standing_outcome not in OPEN:
        return 0
    if not _waits(one):
        return verdict.runs_needed
    agreeing = announce([verdict, replace(verdict, runs=verdict.runs + 1)])
    return int(agreeing.standing is Standing.ANNOUNCED)


def _waits(one: Judged) -> bool:
    """Whether its newest look has an answer that another one has to agree with."""
    return one.standing_outcome is Outcome.UNDECIDED and one.verdict.outcome not in OPEN


def _said(one: Judged, about: About) -> Said:
    """The verdict as far as it stands."""
    verdict, metric = one.verdict, one.key.metric
    return Said(
        metric=metric,
        name=about.names.get(metric, metric),
        verdict=replace(verdict, outcome=one.standing_outcome, reason=one.reason, runs_needed=runs_ahead(one)),
        decides=about.deciding is None or metric in about.deciding,
        waiting=verdict.outcome if _waits(one) else None,
        unit=about.units.get(metric, ""),
    )


def _step(measured: list[Said]) -> Said | None:
    """The metric with the largest step inside the release, of those that decide if any has one."""
    stepped = [one for one in measured if one.verdict.step is not None]
    return max(stepped, key=lambda one: (one.decides, abs(one.verdict.step.effect if one.verdict.step else 0)),
               default=None)  # fmt: skip

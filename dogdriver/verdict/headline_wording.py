"""The sentence beside a headline."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dogdriver.model.project import TIME_UNITS
from dogdriver.model.verdict import (
    OPEN,
    Better,
    EffectScale,
    Headline,
    Outcome,
    Reference,
    ReferenceKind,
    Verdict,
)
from dogdriver.verdict.scale import Measure
from dogdriver.verdict.sizes import between, percent, times
from dogdriver.verdict.wording import INSTEAD, count

MOST_NAMED = 4
LARGE = 100
"""Levels from here on are told without decimals."""


@dataclass(frozen=True, slots=True)
class Said:
    """What stands of *metric*, which people call *name*: *verdict*, as it stands.

    *decides*: whether the headline rests on it. *waiting*: the outcome that one more look has to agree with.
    """

    metric: str
    name: str
    verdict: Verdict
    decides: bool
    waiting: Outcome | None = None
    unit: str = ""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome


def sentence(
    word: Headline,
    deciding: Sequence[Said],
    others: Sequence[Said],
    *,
    step: Said | None,
    due: Callable[[int], datetime | None],
    measured: bool,
) -> str:
    """*others*: those that do not decide and differ. *step*: the one whose level stepped inside the release."""
    return as_sentence([*_lead(word, deciding, due, measured), *_beside(word, deciding, others, step)])


def as_sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "."


def _lead(word: Headline, deciding: Sequence[Said], due: Callable[[int], datetime | None], measured: bool) -> list[str]:
    """What the deciding metrics say."""
    worse = [one for one in deciding if Outcome.REGRESSED in {one.outcome, one.waiting}]
    better = [one for one in deciding if Outcome.IMPROVED in {one.outcome, one.waiting}]
    if word in {Headline.SLOWER, Headline.FASTER, Headline.MIXED}:
        differing = [
            f"{label} {listed([one for one in found if one.waiting is None])}"
            for label, found in (("worse:", worse), ("better:", better))
            if any(one.waiting is None for one in found)
        ]
        return [*differing, *_counted(deciding)]
    if word in {Headline.PROBABLY_SLOWER, Headline.PROBABLY_FASTER}:
        label, found = ("worse", worse) if worse else ("better", better)
        one_more = any(one.verdict.runs_needed for one in found)
        agree = "one more run has to agree" if one_more else "more runs have to make it surer"
        return [f"probably {label}: {listed(found)}", agree]
    if word is Headline.NO_CHANGE:
        return []
    if not deciding:
        return ["nothing that decides has been measured yet" if measured else "nothing has been measured yet"]
    return [f"can't tell yet: {_why_open(deciding, due)}"]


def _beside(word: Headline, deciding: Sequence[Said], others: Sequence[Said], step: Said | None) -> list[str]:
    """What else is to be told: a release that has recovered, metrics that do not decide, a step inside the release."""
    also = "also " if word in {Headline.SLOWER, Headline.FASTER, Headline.MIXED} else ""
    told = [text for text in (_recovered(deciding), _others(others, also), _stepped(step)) if text]
    if word is not Headline.NO_CHANGE:
        return told
    return ["no change", *told] if told else [f"nothing that matters changed: {_names(deciding)} within the margin"]


def _names(said: Sequence[Said]) -> str:
    names = [one.name for one in said if one.name]
    if len(names) != len(said) or len(names) > MOST_NAMED:
        return count(len(said), "metric")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def listed(found: Iterable[Said]) -> str:
    """The largest effects first, each with its levels."""
    ranked = sorted(found, key=lambda one: -abs(one.verdict.effect or 0.0))
    parts = [f"{one.name} {size(one.verdict, one.unit)}{levels(one)}".strip() for one in ranked[:MOST_NAMED]]
    more = len(ranked) - MOST_NAMED
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def size(verdict: Verdict, unit: str) -> str:
    """The effect in its scale."""
    if verdict.effect is None or verdict.scale is EffectScale.RATIO:
        return percent(verdict.effect)
    if verdict.scale is EffectScale.FAILURES:
        return times(verdict.effect)
    sign = "+" if verdict.effect > 0 else "-" if verdict.effect < 0 else ""
    return f"{sign}{amount(abs(verdict.effect), unit)}"


def levels(one: Said) -> str:
    """From which level to which, where they are known."""
    before, after = one.verdict.before, one.verdict.after
    if before is None or after is None:
        return ""
    if one.verdict.scale is not EffectScale.RATIO:
        return f" ({between(one.verdict, Measure(Better.LOWER, unit=one.unit), ' → ')})"
    return f" ({amount(before, one.unit).removesuffix(f' {_shown(one.unit)}')} → {amount(after, one.unit)})"


def amount(value: float, unit: str) -> str:
    """Three digits that matter, in its unit; shares as percent."""
    shown = value * 100 if unit == "ratio" else value
    text = f"{shown:,.0f}" if abs(shown) >= LARGE else f"{shown:.3g}"
    return f"{text} {_shown(unit)}".strip()


def _shown(unit: str) -> str:
    return {"ratio": "%", "1/s": "/s"}.get(unit, unit)


def _counted(said: Sequence[Said]) -> list[str]:
    unchanged = sum(one.outcome is Outcome.UNCHANGED for one in said)
    undecided = sum(one.outcome in OPEN for one in said)
    return [f"{n} {word}" for n, word in ((unchanged, "unchanged"), (undecided, "undecided")) if n]


def _recovered(deciding: Sequence[Said]) -> str | None:
    """That a release is better than the one before, which was worse than the last good one."""
    recovered = [one for one in deciding if one.verdict.recovered]
    found = [(one, ref) for one in recovered if (ref := _reference(one, ReferenceKind.PREVIOUS)) and ref.effect]
    if not found:
        return None
    one, previous = max(found, key=lambda pair: abs(pair[1].effect or 0.0))
    how = f"{percent(abs(previous.effect or 0.0), sign=False)} " if one.verdict.scale is EffectScale.RATIO else ""
    text = f"{how}{'faster' if one.unit in TIME_UNITS else 'better'} than {previous.release}"
    if one.name and sum(other.unit in TIME_UNITS for other in deciding) != 1:
        text = f"{one.name} {text}"
    good = _reference(one, ReferenceKind.LAST_GOOD)
    return f"{text}, as {good.release} was" if good and one.outcome is Outcome.UNCHANGED else text


def _reference(one: Said, kind: ReferenceKind) -> Reference | None:
    return next((found for found in one.verdict.references if found.kind is kind), None)


def _others(others: Sequence[Said], also: str) -> str | None:
    """Metrics that do not decide and differ: what is worse first."""
    told = [
        f"{listed(found)}, {also}{word}"
        for outcome, word in ((Outcome.REGRESSED, "worse"), (Outcome.IMPROVED, "better"))
        if (found := [one for one in others if one.outcome is outcome])
    ]
    return "; ".join(told) or None


def _stepped(one: Said | None) -> str | None:
    step = one.verdict.step if one else None
    if one is None or step is None:
        return None
    whose = f" of {one.name}" if one.name else ""
    return f"the level{whose} stepped {percent(step.effect)} at run {step.run + 1}, on {moment(step.at)}"


def moment(at: datetime) -> str:
    """14 Nov 12:00 UTC."""
    return f"{at.astimezone(UTC):%-d %b %H:%M} UTC"


def _why_open(deciding: Sequence[Said], due: Callable[[int], datetime | None]) -> str:
    """What keeps the release open: that nothing compares with it, else how many metrics are open and what may help."""
    open_ = [one.verdict for one in deciding if one.outcome in OPEN]
    reasons = {verdict.reason for verdict in open_}
    if len(reasons) == 1 and all(_beyond_runs(verdict) for verdict in open_):
        return reasons.pop().rstrip(".")
    unnamed = any(not one.name for one in deciding)
    undecided = [one for one in deciding if one.outcome in OPEN]
    counted = _counted(deciding) if unnamed else [f"{_names(undecided)} undecided", *_counted(deciding)[:-1]]
    return f"{', '.join(counted)}; {_runs_ahead(open_, due)}"


def _beyond_runs(verdict: Verdict) -> bool:
    """Whether no run of this release makes it judged."""
    return not verdict.baseline_runs or (verdict.outcome is Outcome.TOO_FEW_RUNS and verdict.runs_needed is None)


def _runs_ahead(open_: Sequence[Verdict], due: Callable[[int], datetime | None]) -> str:
    """How many runs until each open metric is settled, or can be judged at all, where that can be said.

    `runs_needed` 0 of an undecided verdict: it is called, and more looks have to agree.
    """
    waits = [v.runs_needed for v in open_ if v.outcome is Outcome.UNDECIDED]
    if not waits:
        most = max((v.runs_needed or 0 for v in open_), default=0)
        until = until_due(most, due)
        return f"{count(most, 'more run')} before it can be judged{until}" if most else "there are too few runs yet"
    if any(waits):
        most = max(wait or 0 for wait in waits)
        settles = "it" if all(waits) and len(waits) == len(open_) else "some of it"
        about = "about " if most > 1 else ""
        return f"{about}{count(most, 'more run')} should settle {settles}{until_due(most, due)}"
    if 0 in waits:
        return "more runs have to agree"
    limits = [v.limit for v in open_ if v.limit is not None and v.limit in INSTEAD]
    instead = f", but {INSTEAD[max(limits, key=limits.count)]} would help" if limits else ""
    return f"more runs are not likely to settle it{instead}"


def until_due(runs: int, due: Callable[[int], datetime | None]) -> str:
    """By when so many more runs will have been read."""
    at = due(runs) if runs else None
    return "" if at is None else f", until {moment(at)} by its schedule"

"""The verdicts of a release in one line."""

from collections.abc import Iterable, Mapping

from dogdriver.model.verdict import Headline, Outcome, Verdict
from dogdriver.verdict.wording import count, percent

MOST_NAMED = 4


def headline(verdicts: Mapping[str, Verdict] | Iterable[Verdict]) -> Headline:
    """Slower or faster if any metric says so, mixed if both are said, no_change only if all that was measured says so.

    A metric without a single run says nothing.
    """
    named = list(verdicts.items()) if isinstance(verdicts, Mapping) else [("", v) for v in verdicts]
    named = [(name, v) for name, v in named if v.runs > 0]
    worse = [(name, v) for name, v in named if v.outcome is Outcome.REGRESSED]
    better = [(name, v) for name, v in named if v.outcome is Outcome.IMPROVED]
    same = sum(v.outcome is Outcome.UNCHANGED for _, v in named)
    open_ = len(named) - len(worse) - len(better) - same
    rest = [f"{n} {word}" for n, word in ((same, "unchanged"), (open_, "undecided")) if n]
    if worse or better:
        word = Headline.MIXED if worse and better else Headline.SLOWER if worse else Headline.FASTER
        said = [f"{label} {listed(found)}" for label, found in (("worse:", worse), ("better:", better)) if found]
        return Headline(word, sentence("; ".join(said + rest)))
    if named and not open_:
        return Headline(Headline.NO_CHANGE, f"Nothing that matters changed: {count(same, 'metric')} within the margin.")
    if not named:
        return Headline(Headline.UNDECIDED, "Nothing has been measured yet.")
    return Headline(Headline.UNDECIDED, sentence(f"can't tell yet: {', '.join(rest)}{hope(named)}"))


def listed(found: list[tuple[str, Verdict]]) -> str:
    ranked = sorted(found, key=lambda pair: -abs(pair[1].effect or 0.0))
    parts = [f"{name} {percent(v.effect)}".strip() for name, v in ranked[:MOST_NAMED]]
    more = len(ranked) - MOST_NAMED
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def hope(named: list[tuple[str, Verdict]]) -> str:
    """How many runs until each undecided metric is settled, or can be judged at all, where that can be said.

    `runs_needed` 0 of an undecided verdict: it is called, and more looks have to agree.
    """
    open_ = [v for _, v in named if v.outcome in {Outcome.UNDECIDED, Outcome.TOO_FEW_RUNS}]
    waits = [v.runs_needed for v in open_ if v.outcome is Outcome.UNDECIDED]
    if not waits:
        most = max((v.runs_needed or 0 for v in open_), default=0)
        return f"; {count(most, 'more run')} before it can be judged" if most else "; there are too few runs yet"
    if any(waits):
        settles = "it" if all(waits) and len(waits) == len(open_) else "some of it"
        return f"; {count(max(wait or 0 for wait in waits), 'more run')} should settle {settles}"
    return "; more runs have to agree" if 0 in waits else "; more runs are not likely to settle it"


def sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."

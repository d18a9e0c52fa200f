"""The verdicts of a release in one line."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dogdriver.model.verdict import OPEN, Headline, Judged, Outcome, Standing, Summary, Verdict
from dogdriver.verdict.sequential import announce
from dogdriver.verdict.wording import count, percent

MOST_NAMED = 4


def headline(verdicts: Mapping[str, Verdict] | Iterable[Verdict]) -> Summary:
    """Slower or faster if any metric says so, mixed if both are said, no_change only if all that was measured says so.

    A metric without a single run says nothing.
    """
    named = list(verdicts.items()) if isinstance(verdicts, Mapping) else [("", v) for v in verdicts]
    named = [(name, v) for name, v in named if v.runs > 0]
    worse = [(name, v) for name, v in named if v.outcome is Outcome.REGRESSED]
    better = [(name, v) for name, v in named if v.outcome is Outcome.IMPROVED]
    unchanged = sum(v.outcome is Outcome.UNCHANGED for _, v in named)
    undecided = len(named) - len(worse) - len(better) - unchanged
    rest = [f"{n} {word}" for n, word in ((unchanged, "unchanged"), (undecided, "undecided")) if n]
    if worse or better:
        word = Headline.MIXED if worse and better else Headline.SLOWER if worse else Headline.FASTER
        said = [f"{label} {_listed(found)}" for label, found in (("worse:", worse), ("better:", better)) if found]
        return Summary(word, _sentence("; ".join(said + rest)))
    if named and not undecided:
        same = f"Nothing that matters changed: {count(unchanged, 'metric')} within the margin."
        return Summary(Headline.NO_CHANGE, same)
    if not named:
        return Summary(Headline.UNDECIDED, "Nothing has been measured yet.")
    return Summary(Headline.UNDECIDED, _sentence(f"can't tell yet: {_why_open([v for _, v in named], rest)}"))


def standing(judged: Iterable[Judged], titles: Mapping[str, str] | None = None) -> Summary | None:
    """The headline of what stands for one release; None where nothing was judged.

    *judged* holds the newest look of each metric. The sentence calls metrics by their *titles*, else by their names.
    """
    titles = titles or {}
    named: dict[str, Verdict] = {}
    for one in judged:
        title = titles.get(one.key.metric, one.key.metric)
        named[one.key.metric if title in named else title] = _as_it_stands(one)
    return headline(named) if named else None


def _as_it_stands(one: Judged) -> Verdict:
    """The verdict as far as it stands; one that is called and waits for another look needs a run that agrees."""
    verdict, needed = one.verdict, one.verdict.runs_needed
    if one.standing_outcome is Outcome.UNDECIDED and verdict.outcome not in OPEN:
        agreeing = announce([verdict, replace(verdict, runs=verdict.runs + 1)])
        needed = int(agreeing.standing is Standing.ANNOUNCED)
    return replace(verdict, outcome=one.standing_outcome, reason=one.reason, runs_needed=needed)


def _listed(found: list[tuple[str, Verdict]]) -> str:
    ranked = sorted(found, key=lambda pair: -abs(pair[1].effect or 0.0))
    parts = [f"{name} {percent(v.effect)}".strip() for name, v in ranked[:MOST_NAMED]]
    more = len(ranked) - MOST_NAMED
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _why_open(verdicts: list[Verdict], counted: list[str]) -> str:
    """What keeps the release open: that nothing compares with it, else how many metrics are open and what may help."""
    if all(v.outcome is Outcome.UNDECIDED and not v.baseline_runs for v in verdicts):
        return verdicts[0].reason.rstrip(".")
    return f"{', '.join(counted)}; {_runs_ahead(verdicts)}"


def _runs_ahead(verdicts: list[Verdict]) -> str:
    """How many runs until each open metric is settled, or can be judged at all, where that can be said.

    `runs_needed` 0 of an undecided verdict: it is called, and more looks have to agree.
    """
    open_ = [v for v in verdicts if v.outcome in OPEN]
    waits = [v.runs_needed for v in open_ if v.outcome is Outcome.UNDECIDED]
    if not waits:
        most = max((v.runs_needed or 0 for v in open_), default=0)
        return f"{count(most, 'more run')} before it can be judged" if most else "there are too few runs yet"
    if any(waits):
        settles = "it" if all(waits) and len(waits) == len(open_) else "some of it"
        return f"{count(max(wait or 0 for wait in waits), 'more run')} should settle {settles}"
    return "more runs have to agree" if 0 in waits else "more runs are not likely to settle it"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."

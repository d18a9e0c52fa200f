"""The sentence that an operator reads at three in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dogdriver.model.verdict import CALLED, Better, Limit, Outcome, Trend, Verdict
from dogdriver.verdict.power import MOST_MORE, Forecast
from dogdriver.verdict.power import Limit as Unsettled

BEYOND_WORDS = 1e6
"""Relative changes from here on are told by their power of ten,"""
WITHOUT_DECIMALS = 0.9995
"""from here on in whole percent,"""
INVISIBLE = 0.0005
"""below this as none."""
RAREST = 0.0001
RARE = 0.1
UNLIKELY = 0.01


INSTEAD: Mapping[Limit, str] = {
    Limit.SCATTER: "a steadier load or longer runs",
    Limit.AUTOCORRELATION: "runs that are further apart",
    Limit.BETWEEN_RELEASES: "only a wider margin",
    Limit.NEAR_MARGIN: "another margin",
}
"""What would help where no number of runs will."""


def percent(change: float | None, *, sign: bool = True) -> str:
    if change is None:
        return "?"
    size = abs(change)
    if size < INVISIBLE:
        return "0.0 %"
    if size >= BEYOND_WORDS:
        number = f"{change * 100:+.0e}"
    else:
        number = (f"{change:+.0%}" if size >= WITHOUT_DECIMALS else f"{change:+.1%}").rstrip("%")
    return f"{number if sign else number.lstrip('+')} %"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def chance(p: float) -> str:
    if p < RAREST:
        return "less than 1 time in 10,000"
    times = max(round(p * 1000), 1)
    return f"{times} {'time' if times == 1 else 'times'} in 1,000" if p < RARE else f"{p:.0%} of the time"


def basis(verdict: Verdict) -> str:
    releases = verdict.baseline_releases
    name = f"release {releases[0]}" if len(releases) == 1 else count(len(releases), "earlier release")
    return f"{count(verdict.runs, 'run')} against {verdict.baseline_runs} of {name}"


def interval(verdict: Verdict) -> str:
    return f"{percent(verdict.effect)} (between {percent(verdict.low)} and {percent(verdict.high)})"


def direction(better: Better, outcome: Outcome) -> str:
    good = "lower" if better is Better.LOWER else "higher"
    return f"{good} is better, so this is {'worse' if outcome is Outcome.REGRESSED else 'better'}"


@dataclass(frozen=True, slots=True)
class Details:
    """What the sentence says beyond the verdict's own fields.

    *inner* is the interval (90 %) that "unchanged" rests on, *hundred_percent* the value that counts as 100 % where
    changes are no ratios, *step* how many runs after the start the level stepped, *forecast* of an undecided verdict.
    """

    better: Better
    alpha: float
    inner: tuple[float, float]
    hundred_percent: float | None
    step: int | None
    forecast: Forecast | None


def reason(verdict: Verdict, details: Details) -> str:
    """Of a verdict that has an effect."""
    rests = basis(verdict) + ("" if details.hundred_percent is None else f" (100 % is {details.hundred_percent:.3g})")
    if verdict.outcome in CALLED:
        return (
            f"{interval(verdict)}, {rests}; {direction(details.better, verdict.outcome)}, "
            f"and noise alone would do this {chance(verdict.p or 0.0)}."
        )
    if verdict.outcome is Outcome.UNCHANGED:
        low, high = details.inner
        return (
            f"No change that matters: {percent(verdict.effect)}, with 90 % confidence between {percent(low)} and "
            f"{percent(high)}, within the margin of {percent(verdict.margin, sign=False)}; {rests}."
        )
    if details.step is not None:
        return f"{step(details.step)}; the release itself {interval(verdict)}, {rests}."
    ahead = more_runs(verdict, details.forecast) if details.forecast else ""
    return f"Can't tell yet: {interval(verdict)}, {rests}; {why_not(verdict, details.alpha)}; {ahead}."


def step(runs: int) -> str:
    """Of a step so many runs after the release's start; before it, if negative."""
    if runs < 0:
        return (
            f"The level stepped {count(-runs, 'run')} before this release started: whether that is its doing "
            "can't be told"
        )
    return (
        f"The level stepped {count(runs, 'run')} after this release started, not with it: not this release's doing "
        "(infrastructure?)"
    )


def why_not(verdict: Verdict, alpha: float) -> str:
    visible = f"the smallest change that these runs could show is {percent(verdict.smallest_visible, sign=False)}"
    if verdict.p is not None and verdict.p < alpha:
        margin = percent(verdict.margin, sign=False)
        return f"there is a difference, but whether it exceeds the margin of {margin} is open, and {visible}"
    return visible


def more_runs(verdict: Verdict, ahead: Forecast) -> str:
    """How many more runs it takes, or why no number of them is likely to do."""
    if ahead.needed is not None:
        return f"{count(ahead.needed, 'more run')} should settle it"
    between, sd = (percent(size, sign=False) for size in (verdict.noise.wobble, verdict.noise.sd))
    because = {
        Unsettled.NEAR_MARGIN: "the effect is about as large as the margin",
        Unsettled.BETWEEN_RELEASES: f"releases differ by about {between} although nothing changed",
        Unsettled.FEW_EARLIER: f"the {count(verdict.baseline_runs, 'run')} before it do not show the level well enough",
        Unsettled.SCATTER: f"single runs scatter by {sd}",
    }[ahead.limit]
    if not verdict.margin:
        because = 'with a margin of 0 nothing is ever "unchanged"'
    chance = f"a chance of only {100 * ahead.chance:.0f} %" if ahead.chance >= UNLIKELY else "hardly any chance"
    instead = INSTEAD.get(Limit(ahead.limit.value)) if verdict.margin else "a margin above 0"
    helping = f"; {instead} would help" if instead else ""
    return f"even {MOST_MORE} more would settle it with {chance}: {because}{helping}"


def too_few_runs(verdict: Verdict, release: str, fewest: int, baseline: str | None) -> str:
    if baseline == release:
        return f"Release {release} cannot be compared with itself; choose an earlier release as the baseline."
    if baseline is not None and not verdict.baseline_runs:
        return f"There is no run of release {baseline} with a value to compare release {release} with."
    if not verdict.baseline_runs:
        return f"No earlier release has a run that counts: there is nothing to compare release {release} with."
    if verdict.baseline_runs < fewest:
        are = "is" if verdict.baseline_runs == 1 else "are"
        return (
            f"There {are} only {count(verdict.baseline_runs, 'run')} to compare release {release} with; "
            f"a verdict takes {fewest}."
        )
    runs, more = count(verdict.runs, "run"), count(fewest - verdict.runs, "more run")
    return f"Release {release} has {runs} that can be compared; {more} before it can be judged."


def one_of_many(verdict: Verdict, among: int) -> str:
    return (
        f"Can't tell yet: {interval(verdict)}, {basis(verdict)}, would stand alone, "
        f"but among {count(among, 'series')} judged together one like it may be chance."
    )


def since_pinned(verdict: Verdict, pinned: str, alone: Sequence[Outcome]) -> str:
    """Of a verdict against a pinned release, with what each release since said by itself."""
    if verdict.outcome is Outcome.TOO_FEW_RUNS or not alone[1:]:
        return verdict.reason
    said = {outcome: alone.count(outcome) for outcome in Outcome if outcome in alone}
    if len(said) == 1:
        each = f"Each of the last {len(alone)} releases: {plain(alone[0])}"
    else:
        each = f"Of the last {len(alone)} releases " + ", ".join(f"{n} {plain(o)}" for o, n in said.items())
    if verdict.outcome is Outcome.UNDECIDED:
        return f"{each}; together since {pinned}: {verdict.reason[0].lower()}{verdict.reason[1:]}"
    return f"{each}; together {interval(verdict)} since {pinned}: {plain(verdict.outcome)}."


def too_short(runs: int, fewest: int) -> str:
    are = "is" if runs == 1 else "are"
    return f"There {are} {count(runs, 'run')} with a value in this period; a trend takes {fewest}."


def trend(found: Trend, better: Better, steps: int) -> str:
    """Of a trend that has an effect."""
    moved = f"{percent(found.effect)} (between {percent(found.low)} and {percent(found.high)}) over {found.runs} runs"
    how = f", in {count(steps, 'step')}" if steps else ""
    if found.outcome in CALLED:
        return f"{moved}{how}; {direction(better, found.outcome)}."
    if found.outcome is Outcome.UNCHANGED:
        return f"Level: {moved} is within the margin of {percent(found.margin, sign=False)}."
    return f"No direction can be told: {moved}{how}."


def plain(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")

"""The sentence that an operator reads at three in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dogdriver.model.verdict import CALLED, Better, Limit, Outcome, Trend, Verdict
from dogdriver.verdict.power import MOST_MORE, Forecast
from dogdriver.verdict.scale import Measure
from dogdriver.verdict.sizes import bound, effect, interval, percent

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


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def there(number: int, noun: str) -> str:
    return f"There {'is' if number == 1 else 'are'} {count(number, noun)}"


def chance(p: float) -> str:
    if p < RAREST:
        return "less than 1 time in 10,000"
    return f"1 time in {float(f'{1 / p:.2g}'):,.0f}" if p < RARE else f"{p:.0%} of the time"


def basis(verdict: Verdict) -> str:
    releases = verdict.baseline_releases
    name = f"release {releases[0]}" if len(releases) == 1 else count(len(releases), "earlier release")
    return f"{count(verdict.runs, 'run')} against {verdict.baseline_runs} of {name}"


def direction(better: Better, outcome: Outcome) -> str:
    good = "lower" if better is Better.LOWER else "higher"
    return f"{good} is better, so this is {'worse' if outcome is Outcome.REGRESSED else 'better'}"


def size(change: float | None, verdict: Verdict, measure: Measure, *, sign: bool = True) -> str:
    return bound(change, verdict.scale, measure, sign=sign)


@dataclass(frozen=True, slots=True)
class Details:
    """What the sentence says beyond the verdict's own fields.

    *margin* is the smallest effect that matters, on the verdict's scale; *inner* the interval (90 %) that "unchanged"
    rests on; *hundred_percent* the value that counts as 100 % where changes are no ratios and no differences; *measure*
    what the values are; *step* how many runs after the start the level stepped; *forecast* of an undecided verdict.
    *tied*: most runs have one value, and how few do not is what keeps it open; *rare*: they are counts of events.
    """

    measure: Measure
    alpha: float
    margin: float
    inner: tuple[float, float]
    hundred_percent: float | None
    step: int | None
    forecast: Forecast | None
    tied: bool = False
    rare: bool = False


def reason(verdict: Verdict, details: Details) -> str:
    """Of a verdict that has an effect."""
    rests = basis(verdict) + ("" if details.hundred_percent is None else f" (100 % is {details.hundred_percent:.3g})")
    if verdict.outcome in CALLED:
        return (
            f"{interval(verdict, details.measure)}, {rests}; {direction(details.measure.better, verdict.outcome)}, "
            f"and noise alone would do this {chance(verdict.p or 0.0)}."
        )
    if verdict.outcome is Outcome.UNCHANGED:
        low, high = details.inner
        return (
            f"No change that matters: {effect(verdict, details.measure)}, with 90 % confidence between "
            f"{size(low, verdict, details.measure)} and {size(high, verdict, details.measure)}, within the margin of "
            f"{size(details.margin, verdict, details.measure, sign=False)}; {rests}."
        )
    if details.step is not None:
        return f"{step(details.step)}; the release itself {interval(verdict, details.measure)}, {rests}."
    ahead = more_runs(verdict, details, details.forecast) if details.forecast else ""
    return f"Can't tell yet: {interval(verdict, details.measure)}, {rests}; {why_not(verdict, details)}; {ahead}."


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


def why_not(verdict: Verdict, details: Details) -> str:
    least = size(verdict.smallest_visible, verdict, details.measure, sign=False)
    visible = f"the smallest change that these runs could show is {least}"
    if verdict.p is not None and verdict.p < details.alpha:
        margin = size(details.margin, verdict, details.measure, sign=False)
        return f"there is a difference, but whether it exceeds the margin of {margin} is open, and {visible}"
    return visible


def more_runs(verdict: Verdict, details: Details, ahead: Forecast) -> str:
    """How many more runs it takes, and why so many; or why no number of them is likely to do."""
    because = why_so_many(verdict, details)
    if ahead.needed is not None:
        settle = f"{count(ahead.needed, 'more run')} should settle it"
        return f"{settle}: {because}" if because else settle
    chance = f"a chance of only {100 * ahead.chance:.0f} %" if ahead.chance >= UNLIKELY else "hardly any chance"
    return f"even {MOST_MORE} more would settle it with {chance}" + (f": {because}" if because else "")


def why_so_many(verdict: Verdict, details: Details) -> str:
    """The cause that is not a lack of runs of the release, and what would help; nothing where it is that lack."""
    if not verdict.margin:
        return 'with a margin of 0 nothing is ever "unchanged"; a margin above 0 would help'
    if details.tied:
        return "too few of them differ from the usual value"
    between, sd = (percent(size, sign=False) for size in (verdict.noise.wobble, verdict.noise.sd))
    because = {
        Limit.NEAR_MARGIN: near_margin(verdict, details),
        Limit.BETWEEN_RELEASES: f"releases differ by about {between} although nothing changed",
        Limit.FEW_EARLIER: few_earlier(verdict.baseline_runs, rare=details.rare),
        Limit.AUTOCORRELATION: "runs follow each other, so that each says little",
        Limit.SCATTER: f"single runs scatter by {sd}",
    }.get(verdict.limit or Limit.FEW_RUNS, "")
    instead = INSTEAD.get(verdict.limit) if verdict.limit else None
    return f"{because}; {instead} would help" if because and instead else because


def few_earlier(runs: int, *, rare: bool) -> str:
    before = count(runs, "run")
    do, are = ("does", "is") if runs == 1 else ("do", "are")
    if rare:
        return f"the {before} before it {are} too few for what happens so rarely"
    return f"the {before} before it {do} not show the level well enough"


def near_margin(verdict: Verdict, details: Details) -> str:
    """Of a verdict that a margin of another size would decide."""
    near = details.margin / 2 <= abs(verdict.effect or 0.0) <= details.margin * 2
    return "the effect is about as large as the margin" if near else "the margin is narrower than these runs can show"


def too_few_runs(verdict: Verdict, release: str, fewest: int, baseline: str | None) -> str:
    if baseline == release:
        return f"Release {release} cannot be compared with itself; choose an earlier release as the baseline."
    if baseline is not None and not verdict.baseline_runs:
        return f"There is no run of release {baseline} with a value to compare release {release} with."
    if not verdict.baseline_runs:
        return f"Release {release} is the first one with a run that counts: there is nothing to compare it with."
    if verdict.baseline_runs < fewest:
        are = "is" if verdict.baseline_runs == 1 else "are"
        return (
            f"There {are} only {count(verdict.baseline_runs, 'run')} to compare release {release} with; "
            f"a verdict takes {fewest}."
        )
    runs, more = count(verdict.runs, "run"), count(fewest - verdict.runs, "more run")
    return f"Release {release} has {runs} that can be compared; {more} before it can be judged."


def one_of_many(verdict: Verdict, among: int, measure: Measure) -> str:
    return (
        f"Can't tell yet: {interval(verdict, measure)}, {basis(verdict)}, would stand alone, "
        f"but among {count(among, 'series')} judged together one like it may be chance."
    )


def since_pinned(verdict: Verdict, pinned: str, alone: Sequence[Outcome], measure: Measure) -> str:
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
    return f"{each}; together {interval(verdict, measure)} since {pinned}: {plain(verdict.outcome)}."


def too_short(runs: int, fewest: int) -> str:
    return f"{there(runs, 'run')} with a value in this period; a trend takes {fewest}."


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

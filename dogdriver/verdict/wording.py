"""The sentence that an operator reads at three in the morning."""

from collections.abc import Sequence

from dogdriver.model.judgement import Better, Outcome, Trend, Verdict

BEYOND_WORDS = 1e6
DOUBLED = 0.9995
RAREST = 0.0001
RARE = 0.1


def percent(change: float | None, *, sign: bool = True) -> str:
    if change is None:
        return "?"
    size = abs(change)
    if size >= BEYOND_WORDS:
        number = f"{change * 100:+.0e}"
    else:
        number = (f"{change:+.0%}" if size >= DOUBLED else f"{change:+.1%}").rstrip("%")
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


def reason(verdict: Verdict, better: Better, alpha: float, runs_before_step: int | None) -> str:
    """Of a verdict that has an effect."""
    if verdict.outcome in {Outcome.REGRESSED, Outcome.IMPROVED}:
        return (
            f"{interval(verdict)}, {basis(verdict)}; {direction(better, verdict.outcome)}, "
            f"and noise alone would do this {chance(verdict.p or 0.0)}."
        )
    if verdict.outcome is Outcome.UNCHANGED:
        return (
            f"No change that matters: {interval(verdict)} is within the margin of "
            f"{percent(verdict.margin, sign=False)}, {basis(verdict)}."
        )
    if runs_before_step is not None:
        return (
            f"The level stepped {count(runs_before_step, 'run')} after this release started, not with it: not this "
            f"release's doing (infrastructure?); the release itself {interval(verdict)}, {basis(verdict)}."
        )
    return f"Can't tell yet: {interval(verdict)}, {basis(verdict)}; {why_not(verdict, alpha)}; {outlook(verdict)}."


def why_not(verdict: Verdict, alpha: float) -> str:
    if verdict.p is not None and verdict.p < alpha:
        return (
            f"there is a difference, but whether it exceeds the margin of {percent(verdict.margin, sign=False)} is open"
        )
    return f"the smallest change that these runs could show is {percent(verdict.smallest_visible, sign=False)}"


def outlook(verdict: Verdict) -> str:
    if verdict.runs_needed is None:
        wobble, sd = verdict.noise.wobble or 0.0, verdict.noise.sd or 0.0
        cause = "releases wobble" if wobble > sd / 2 else "the noise is" if sd > verdict.margin else "it lies"
        tail = "too close to the margin" if cause == "it lies" else "too much for that margin"
        return f"more runs are not likely to settle it, {cause} {tail}"
    return f"{count(verdict.runs_needed, 'more run')} should settle it"


def too_few(verdict: Verdict, release: str, fewest: int) -> str:
    if verdict.runs < fewest:
        more = count(fewest - verdict.runs, "more run")
        return f"Release {release} has {count(verdict.runs, 'run')} with a value; {more} before it can be judged."
    return (
        f"There are {count(verdict.baseline_runs, 'run')} to compare release {release} with, "
        f"and {fewest} are the fewest to judge by."
    )


def one_of_many(verdict: Verdict, among: int) -> str:
    return (
        f"Can't tell yet: {interval(verdict)}, {basis(verdict)}, would stand alone, "
        f"but among {count(among, 'series')} judged together one like it may be chance."
    )


def since(verdict: Verdict, pinned: str, alone: Sequence[Outcome]) -> str:
    """Of a verdict against a pinned release, with what each release since said by itself."""
    if verdict.outcome is Outcome.TOO_FEW_RUNS or not alone[1:]:
        return verdict.reason
    said = {outcome: alone.count(outcome) for outcome in Outcome if outcome in alone}
    if len(said) == 1:
        each = f"Each of the last {len(alone)} releases: {plain(alone[0])}"
    else:
        each = f"Of the last {len(alone)} releases " + ", ".join(f"{n} {plain(o)}" for o, n in said.items())
    return f"{each}; together {interval(verdict)} since {pinned}: {plain(verdict.outcome)}."


def too_short(runs: int, fewest: int) -> str:
    return f"There are {count(runs, 'run')} with a value in this period; a trend takes {fewest}."


def course(found: Trend, better: Better, steps: int) -> str:
    """Of a trend that has an effect."""
    moved = f"{percent(found.effect)} (between {percent(found.low)} and {percent(found.high)}) over {found.runs} runs"
    how = f", in {count(steps, 'step')}" if steps else ""
    if found.outcome in {Outcome.REGRESSED, Outcome.IMPROVED}:
        return f"{moved}{how}; {direction(better, found.outcome)}."
    if found.outcome is Outcome.UNCHANGED:
        return f"Level: {moved} is within the margin of {percent(found.margin, sign=False)}."
    return f"No direction can be told: {moved}{how}."


def plain(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")

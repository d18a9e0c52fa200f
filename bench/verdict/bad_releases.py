"""Histories with releases that were bad and reverted, the release after one, staircases: error rates and an oracle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from bench.verdict.scenarios import START, Values
from dogdriver.verdict import Better, Outcome, ReferenceKind, Sample, Verdict, judge

SIZES = (1.05, 1.1, 1.2, 1.5, 3.0)
EARLIER = 12
JUDGED = "J"
RATES = ("false", "power", "unchanged")


@dataclass(frozen=True)
class History:
    """Releases in the order of their runs: (name, values); *bad* are the names of those that were reverted."""

    releases: tuple[tuple[str, Values], ...]
    bad: frozenset[str] = frozenset()

    def samples(self, *, without: Iterable[str] = (), change: float = 0.0) -> list[Sample]:
        """The last release changed; what an oracle knows to be bad left *without*."""
        left_out = set(without)
        named = [(name, value) for name, values in self.releases for value in values]
        return [
            Sample(START + i * timedelta(hours=1), name, float(value * (1 + change) if name == JUDGED else value))
            for i, (name, value) in enumerate(named)
            if name not in left_out
        ]


def noisy(level: float, runs: int, sd: float, rng: np.random.Generator) -> Values:
    result: Values = 100.0 * level * np.exp(sd * rng.standard_normal(runs))
    return result


def reverted(bad: int, size: float, runs: int, sd: float, rng: np.random.Generator) -> History:
    """EARLIER releases of *runs* runs, *bad* of them, anywhere, at *size* times the level; then the judged one."""
    places = {int(i) for i in rng.choice(EARLIER, bad, replace=False)}
    releases = [(f"{i}.0", noisy(size if i in places else 1.0, runs, sd, rng)) for i in range(EARLIER)]
    releases.append((JUDGED, noisy(1.0, runs, sd, rng)))
    return History(tuple(releases), frozenset(f"{i}.0" for i in places))


def just_after(good: int, size: float, runs: int, sd: float, rng: np.random.Generator) -> History:
    """*good* releases, a bad one, and the judged one back at the level before."""
    releases = [(f"{i}.0", noisy(1.0, runs, sd, rng)) for i in range(good)]
    releases += [("bad", noisy(size, runs, sd, rng)), (JUDGED, noisy(1.0, runs, sd, rng))]
    return History(tuple(releases), frozenset({"bad"}))


def staircase(each: float, count: int, runs: int, sd: float, rng: np.random.Generator) -> History:
    names = [*(f"{i}.0" for i in range(count - 1)), JUDGED]
    return History(tuple((name, noisy((1 + each) ** i, runs, sd, rng)) for i, name in enumerate(names)))


def look(samples: Sequence[Sample], baseline: str | None = None) -> Verdict:
    return judge(samples, JUDGED, better=Better.LOWER, baseline=baseline)


def rates(bad: int, size: float, runs: int, replicates: int, seed: int) -> dict[str, tuple[float, float]]:
    """Each of RATES for the method, and for it where an oracle leaves the bad releases out."""
    counts = {rate: [0, 0] for rate in RATES}
    for replicate in range(replicates):
        rng = np.random.default_rng([seed, bad, round(100 * size), runs, replicate])
        history = reverted(bad, size, runs, 0.03, rng)
        for which, left_out in enumerate((frozenset[str](), history.bad)):
            null = look(history.samples(without=left_out)).outcome
            changed = look(history.samples(without=left_out, change=0.05)).outcome
            counts["false"][which] += null in {Outcome.REGRESSED, Outcome.IMPROVED}
            counts["power"][which] += changed is Outcome.REGRESSED
            counts["unchanged"][which] += null is Outcome.UNCHANGED
    return {rate: (found[0] / replicates, found[1] / replicates) for rate, found in counts.items()}


def after(good: int, replicates: int, seed: int) -> dict[str, float]:
    """Straight after a bad release: how often the answer is right against the last good one, and the bad one."""
    right = {"unchanged against the last good": 0, "improved against the bad": 0}
    for replicate in range(replicates):
        found = look(just_after(good, 1.2, 5, 0.01, np.random.default_rng([seed, good, replicate])).samples())
        right["unchanged against the last good"] += found.outcome is Outcome.UNCHANGED
        right["improved against the bad"] += any(
            one.kind is ReferenceKind.PREVIOUS and one.outcome is Outcome.IMPROVED for one in found.references
        )
    return {name: number / replicates for name, number in right.items()}


def since_the_first(sd: float, replicates: int, seed: int) -> float:
    """How often a staircase of +2 % a release, eight releases of six runs, is called against its first release."""
    found = [
        look(staircase(0.02, 8, 6, sd, np.random.default_rng([seed, round(1000 * sd), r])).samples(), "0.0").outcome
        for r in range(replicates)
    ]
    return sum(outcome is Outcome.REGRESSED for outcome in found) / replicates


def report(replicates: int, seed: int) -> None:
    print(
        f"\n{EARLIER} releases, some bad and reverted, sd 3 %, {replicates} replicates: ours / where they are left out"
    )
    for runs in (5, 10):
        for bad in (1, 2, 3):
            for size in SIZES:
                found = rates(bad, size, runs, replicates, seed)
                said = "".join(f"  {rate} {ours:.3f} / {known:.3f}" for rate, (ours, known) in found.items())
                print(f"{runs} runs, {bad} of x{size}:{said}", flush=True)
    for good in (2, 5, 10):
        print(f"straight after a bad release, {good} good before: {after(good, replicates, seed)}", flush=True)
    for sd in (0.004, 0.01):
        print(f"staircase, sd {sd:.1%}, since the first: {since_the_first(sd, replicates, seed):.3f}", flush=True)

"""What change points could be found at all: an oracle that knows the noise, at the false rate that is asked for.

Generalised least squares under the scenario's true covariance, over every one and every two places at once. Its bar is
the one at which it reports FALSE points per 1,000 runs without a step. It even knows that there are at most two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from bench.verdict.scenarios import NULLS, RELEASES_DIFFER, Scenario, Setting, Values

FALSE = 0.5
SHORTEST = 3
NEAR = 5
STEP = 0.05
BISECTIONS = 40


def independent(runs: int, per_release: int) -> Values:
    del per_release
    return np.eye(runs)


def following(phi: float) -> Callable[[int, int], Values]:
    return lambda runs, _: phi ** np.abs(np.subtract.outer(np.arange(runs), np.arange(runs)))


def releases_differing(runs: int, per_release: int) -> Values:
    release = np.arange(runs) // per_release
    result: Values = np.eye(runs) + 0.25 * (release[:, None] == release)
    return result


KNOWN = {
    "iid": independent,
    "AR .5": following(0.5),
    "AR .8": following(0.8),
    "drift": independent,
    RELEASES_DIFFER: releases_differing,
}
"""The covariance in units of the runs' variance; the slope of the drift is not known."""


@dataclass(frozen=True)
class Best:
    """The best step and the best two: their gains and their places."""

    gains: tuple[float, float]
    places: tuple[tuple[int, ...], tuple[int, ...]]

    def chosen(self, bar: float) -> tuple[int, ...]:
        one, two = self.gains[0] - bar, self.gains[1] - 2 * bar
        if max(one, two) <= 0:
            return ()
        return self.places[1] if two > one else self.places[0]


class Oracle:
    def __init__(self, covariance: Values, slope: bool) -> None:
        runs = len(covariance)
        self.factor = np.linalg.cholesky(covariance)
        time = np.arange(runs)
        self.places = np.arange(SHORTEST, runs - SHORTEST + 1)
        base = np.column_stack([np.ones(runs), time / runs])[:, : 1 + slope]
        level, _ = np.linalg.qr(self.whitened(base))
        steps = self.whitened((time[:, None] >= self.places).astype(float))
        self.steps = steps - level @ (level.T @ steps)
        self.inner = self.steps.T @ self.steps
        self.own = np.diag(self.inner)
        self.apart = np.outer(self.own, self.own) - self.inner**2
        self.apart[np.abs(self.places[:, None] - self.places) < SHORTEST] = np.inf

    def whitened(self, rows: Values) -> Values:
        result: Values = solve_triangular(self.factor, rows, lower=True)
        return result

    def best(self, values: Values) -> Best:
        pull = self.steps.T @ self.whitened(values - values.mean())
        one = pull**2 / self.own
        crossed = pull[:, None] ** 2 * self.own - np.outer(pull, pull) * self.inner
        two = (crossed + crossed.T) / self.apart
        first, pair = int(np.argmax(one)), divmod(int(np.argmax(two)), len(pull))
        return Best(
            (float(one[first]), float(two[pair])), ((self.places[first],), tuple(self.places[i] for i in sorted(pair)))
        )


def bar_of(found: Sequence[Best], runs: int) -> float:
    low, high = 0.0, 100.0
    for _ in range(BISECTIONS):
        bar = (low + high) / 2
        false = np.mean([len(best.chosen(bar)) for best in found])
        low, high = (bar, high) if false > FALSE * runs / 1000 else (low, bar)
    return high


def report(replicates: int, per_release: int, seed: int, runs: int = 240) -> None:
    setting = Setting(releases=runs // per_release, per_release=per_release)
    print(f"\nthe most that can be found: {runs} runs, {per_release} a release, {replicates} replicates, noise known,")
    print(f"{FALSE} false points per 1,000 runs; recall of two steps of 5 % (within {NEAR} runs)")
    for number, scenario in enumerate(NULLS):
        if scenario.name in KNOWN:
            bar, recall = measured(scenario, number, setting, replicates, seed)
            print(f"{scenario.name:22} bar {bar / np.log(runs):.2f} log n   recall {recall:.2f}", flush=True)


def measured(scenario: Scenario, number: int, setting: Setting, replicates: int, seed: int) -> tuple[float, float]:
    per_release = setting.per_release
    covariance = setting.sd**2 * KNOWN[scenario.name](setting.runs, per_release)
    oracle = Oracle(covariance, slope=scenario.name == "drift")
    quiet, stepped = [], []
    for replicate in range(replicates):
        rng = np.random.default_rng([seed, number, replicate])
        values = np.log(scenario.values(setting, rng))
        quiet.append(oracle.best(values))
        places = [
            per_release * int(rng.integers(first // per_release, last // per_release))
            for first, last in ((50, 100), (140, 190))
        ]
        for place in places:
            values[place:] += np.log(1 + STEP * rng.choice([-1, 1]))
        stepped.append((places, oracle.best(values)))
    bar = bar_of(quiet, setting.runs)
    hits = [any(abs(p - q) <= NEAR for q in best.chosen(bar)) for places, best in stepped for p in places]
    return bar, float(np.mean(hits))

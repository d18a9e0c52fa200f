"""Cells of series that are no bell curves: counts, error ratios, rounded numbers, constant releases that differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.verdict.scenarios import Setting, Values, samples
from dogdriver.verdict import Better, Outcome, judge

CALLED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})
Draw = Callable[[np.random.Generator, Setting], Values]


@dataclass(frozen=True)
class Awkward:
    """How a history is drawn, and how the runs of its last release are when it changed."""

    name: str
    history: Draw
    changed: Draw


def counts(mean: float) -> Draw:
    return lambda rng, setting: rng.poisson(mean, setting.runs).astype(float)


def spikes(share: float) -> Draw:
    def draw(rng: np.random.Generator, setting: Setting) -> Values:
        return np.where(rng.random(setting.runs) < share, rng.exponential(0.02, setting.runs), 0.0)

    return draw


def errors(rng: np.random.Generator, setting: Setting) -> Values:
    result: Values = 0.02 + 0.01 * rng.random(setting.runs)
    return result


def twelve_or_thirteen(share: float) -> Draw:
    return lambda rng, setting: 12.0 + (rng.random(setting.runs) < share)


def constant_releases(sd: float) -> Draw:
    def draw(rng: np.random.Generator, setting: Setting) -> Values:
        result: Values = 100 * np.exp(sd * np.repeat(rng.standard_normal(setting.releases), setting.per_release))
        return result

    return draw


def constant(value: float) -> Draw:
    return lambda _, setting: np.full(setting.runs, value)


CASES = (
    Awkward("counts, mean .1", counts(0.1), counts(0.3)),
    Awkward("counts, mean 1", counts(1), counts(3)),
    Awkward("counts, mean 3", counts(3), counts(9)),
    Awkward("errors in 5 %", spikes(0.05), errors),
    Awkward("errors in 15 %", spikes(0.15), errors),
    Awkward("12, 3 % 13", twelve_or_thirteen(0.03), constant(13)),
    Awkward("12, 10 % 13", twelve_or_thirteen(0.10), constant(13)),
    Awkward("constant, 2 %", constant_releases(0.02), constant(115)),
)


def report(runs: Sequence[int], replicates: int, seed: int) -> None:
    print(f"\nawkward series, {replicates} replicates: false verdicts / unchanged, then power / unchanged when changed")
    print(f"{'':22}" + "".join(f"{n:>22} runs" for n in runs))
    for number, case in enumerate(CASES):
        cells = []
        for n in runs:
            setting, found = Setting(per_release=n), np.zeros((2, 2))
            for replicate in range(replicates):
                rng = np.random.default_rng([seed, number, n, replicate])
                values = case.history(rng, setting)
                changed = values.copy()
                changed[-n:] = case.changed(rng, setting)[-n:]
                for row, made in enumerate((values, changed)):
                    outcome = judge(*samples(made, setting), better=Better.LOWER).outcome
                    found[row] += outcome in CALLED, outcome is Outcome.UNCHANGED
            (false, same), (power, missed) = found / replicates
            cells.append(f"{false:>9.3f} /{same:.2f} {power:.2f} /{missed:.3f}")
        print(f"{case.name:22}" + "   ".join(cells), flush=True)

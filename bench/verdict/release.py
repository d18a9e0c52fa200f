"""Cells of the per-release verdict: false verdicts, power, "unchanged", and power at equal size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.verdict.rivals import RIVALS, Answer, this
from bench.verdict.scenarios import Scenario, Setting, Values, samples
from dogdriver.verdict import Outcome

CHANGE = 0.05
THIS = "this"
EQUAL_SIZE = 0.01


@dataclass
class Cell:
    """The answers of all methods to one scenario at one number of runs: method -> (replicates, 2)."""

    scenario: str
    runs: int
    null: dict[str, Values]
    changed: dict[str, Values]
    unchanged: float
    missed: float
    """Of ours: "unchanged" without a change, and with one."""

    def false(self, method: str) -> float:
        return float(np.mean(called(self.null[method], threshold(method))))

    def power(self, method: str) -> float:
        return float(np.mean(right(self.changed[method], threshold(method))))


def threshold(method: str) -> float:
    return RIVALS[method][1] if method in RIVALS else 0.01


def called(answers: Values, below: float) -> Values:
    return (answers[:, 0] < below).astype(float)


def right(answers: Values, below: float) -> Values:
    return ((answers[:, 0] < below) & (answers[:, 1] > 0)).astype(float)


def cell(scenario: Scenario, number: int, runs: int, replicates: int, seed: int) -> Cell:
    setting = Setting(per_release=runs)
    null: dict[str, list[Answer]] = {name: [] for name in (THIS, *RIVALS)}
    changed: dict[str, list[Answer]] = {name: [] for name in (THIS, *RIVALS)}
    outcomes: dict[float, list[Outcome]] = {0.0: [], CHANGE: []}
    for replicate in range(replicates):
        values = scenario.values(setting, np.random.default_rng([seed, number, runs, replicate]))
        for change, answers in ((0.0, null), (CHANGE, changed)):
            history, release = samples(values, setting, change)
            p, effect, outcome = this(history, release)
            answers[THIS].append((p, effect))
            outcomes[change].append(outcome)
            for name, (method, _) in RIVALS.items():
                answers[name].append(method(history, release))
    return Cell(
        scenario.name,
        runs,
        {name: np.array(found) for name, found in null.items()},
        {name: np.array(found) for name, found in changed.items()},
        *(float(np.mean([o is Outcome.UNCHANGED for o in outcomes[c]])) for c in (0.0, CHANGE)),
    )


def report(cells: Sequence[Cell]) -> None:
    methods = [THIS, *RIVALS]
    runs = sorted({c.runs for c in cells})
    for n in runs:
        chosen = [c for c in cells if c.runs == n]
        count = len(chosen[0].null[THIS])
        print(f"\n{n} runs a release, {count} replicates: false verdicts / power at +{CHANGE:.0%}, and ours unchanged")
        print(f"{'':22}" + "".join(f"{m:>22}" for m in methods) + f"{'unchanged':>12}{'at +5 %':>9}")
        for c in chosen:
            rates = "".join(f"{c.false(m):>15.3f} /{c.power(m):.3f}" for m in methods)
            print(f"{c.scenario:22}{rates}{c.unchanged:>12.2f}{c.missed:>9.3f}")
        means = [(np.mean([c.false(m) for c in chosen]), np.mean([c.power(m) for c in chosen])) for m in methods]
        print(f"{'mean':22}" + "".join(f"{f:>15.4f} /{p:.3f}" for f, p in means))
        worst = [max(c.false(m) for c in chosen) for m in methods]
        print(f"{'worst':22}" + "".join(f"{w:>15.3f}       " for w in worst))
        error = np.sqrt(0.25 / count), np.sqrt(0.01 * 0.99 / count)
        print(f"standard error of a cell: {error[0]:.3f} at .5, {error[1]:.4f} at .01")
        print(f"power where the false rate of all scenarios together is {EQUAL_SIZE}, threshold from the other half:")
        print(f"{'':22}" + "".join(f"{equal_size(chosen, m):>22.3f}" for m in methods))


def equal_size(cells: Sequence[Cell], method: str) -> float:
    """Mean power over the scenarios: the threshold is set on the even replicates, power read off the odd ones."""
    powers = []
    for half in (0, 1):
        null = np.concatenate([c.null[method][half::2, 0] for c in cells])
        below = float(np.quantile(null, EQUAL_SIZE, method="lower"))
        powers.append(np.mean([np.mean(right(c.changed[method][1 - half :: 2], below)) for c in cells]))
    return float(np.mean(powers))

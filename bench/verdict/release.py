"""Cells of the per-release verdict: false verdicts, power, "unchanged", and power at equal size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.verdict.rivals import RIVALS, Answer, this
from bench.verdict.scenarios import HELD_OUT, NULLS, Setting, Values, samples
from bench.verdict.workers import THIS, Workers, chunks

CHANGE = 0.05
EQUAL_SIZE = 0.01
SCENARIOS = {"release": NULLS, "held-out": HELD_OUT}


@dataclass
class Cell:
    """The answers of all methods to one scenario at one number of runs.

    *null*, *changed*: method -> (replicates, 3), p, the effect, and what was said of it: +1 up, -1 down, 0 nothing.
    *unchanged*, *missed*: of ours and of each commit, whether "unchanged" was said without a change, and with one:
    (replicates,).
    """

    scenario: str
    runs: int
    null: dict[str, Values]
    changed: dict[str, Values]
    unchanged: dict[str, Values]
    missed: dict[str, Values]

    def false(self, method: str) -> Values:
        """(replicates,)."""
        result: Values = (self.null[method][:, 2] != 0).astype(float)
        return result

    def power(self, method: str) -> Values:
        """(replicates,)."""
        result: Values = (self.changed[method][:, 2] > 0).astype(float)
        return result


def answers(part: str, number: int, runs: int, first: int, end: int, seed: int) -> list[list[tuple[float, ...]]]:
    """Ours to replicates *first* .. *end*: (p, effect, said, unchanged) without the change and with it."""
    scenario, setting = SCENARIOS[part][number], Setting(per_release=runs)
    found: list[list[tuple[float, ...]]] = [[], []]
    for replicate in range(first, end):
        values = scenario.values(setting, np.random.default_rng([seed, number, runs, replicate]))
        for change, into in zip((0.0, CHANGE), found, strict=True):
            into.append(this(*samples(values, setting, change)))
    return found


def rivals(part: str, number: int, runs: int, first: int, end: int, seed: int) -> dict[str, list[list[Answer]]]:
    """The other methods' answers, as `answers`."""
    scenario, setting = SCENARIOS[part][number], Setting(per_release=runs)
    found: dict[str, list[list[Answer]]] = {name: [[], []] for name in RIVALS}
    for replicate in range(first, end):
        values = scenario.values(setting, np.random.default_rng([seed, number, runs, replicate]))
        for place, change in enumerate((0.0, CHANGE)):
            history, release = samples(values, setting, change)
            for name, (method, _) in RIVALS.items():
                found[name][place].append(method(history, release))
    return found


def cells(pool: Workers, part: str, runs: int, replicates: int, seed: int, *, others: bool = True) -> list[Cell]:
    """One of each scenario of *part*; *others*: also by the methods that are not ours."""
    scenarios, spans = SCENARIOS[part], chunks(replicates)
    asked = [(part, number, runs, *span, seed) for number in range(len(scenarios)) for span in spans]
    ours = pool.map(f"{__name__}:answers", asked)
    theirs = pool.map(f"{__name__}:rivals", asked, sides=[THIS])[THIS] if others else []
    result = []
    for number, scenario in enumerate(scenarios):
        mine = slice(number * len(spans), (number + 1) * len(spans))
        cell = Cell(scenario.name, runs, {}, {}, {}, {})
        for side, found in ours.items():
            null, changed = (np.array([a for chunk in found[mine] for a in chunk[i]]) for i in (0, 1))
            cell.null[side], cell.changed[side] = null[:, :3], changed[:, :3]
            cell.unchanged[side], cell.missed[side] = null[:, 3], changed[:, 3]
        for name in RIVALS if others else ():
            cell.null[name], cell.changed[name] = (
                said([a for chunk in theirs[mine] for a in chunk[name][i]], name) for i in (0, 1)
            )
        result.append(cell)
    return result


def said(found: Sequence[Answer], name: str) -> Values:
    """What a method that is not ours said: as `Cell` has it."""
    p, effect = np.array(found).T
    result: Values = np.column_stack([p, effect, np.where(p < RIVALS[name][1], np.sign(effect), 0.0)])
    return result


def report(found: Sequence[Cell], commits: Sequence[str]) -> None:
    """Of one number of runs."""
    methods = list(found[0].null)
    count = len(found[0].null[THIS])
    print(f"\n{found[0].runs} runs a release, {count} replicates: false verdicts / power at +{CHANGE:.0%}")
    print(f"{'':22}" + "".join(f"{m:>22}" for m in methods))
    for c in found:
        rates = "".join(f"{c.false(m).mean():>15.3f} /{c.power(m).mean():.3f}" for m in methods)
        print(f"{c.scenario:22}{rates}")
    means = [(np.mean([c.false(m) for c in found]), np.mean([c.power(m) for c in found])) for m in methods]
    print(f"{'mean':22}" + "".join(f"{f:>15.4f} /{p:.3f}" for f, p in means))
    worst = [max(c.false(m).mean() for c in found) for m in methods]
    print(f"{'worst':22}" + "".join(f"{w:>15.3f}       " for w in worst))
    error = np.sqrt(0.25 / count), np.sqrt(0.01 * 0.99 / count)
    print(f"standard error of a cell: {error[0]:.3f} at .5, {error[1]:.4f} at .01")
    print(f"power where the false rate of all scenarios together is {EQUAL_SIZE}, threshold from the other half:")
    print(f"{'':22}" + "".join(f"{equal_size(found, m):>22.3f}" for m in methods))
    report_unchanged(found, [THIS, *commits])
    for commit in commits:
        report_paired(found, commit)


def report_unchanged(found: Sequence[Cell], sides: Sequence[str]) -> None:
    print(f'"unchanged" without a change / at +{CHANGE:.0%}')
    print(f"{'':22}" + "".join(f"{side:>22}" for side in sides))
    for c in found:
        print(f"{c.scenario:22}" + "".join(f"{c.unchanged[s].mean():>15.3f} /{c.missed[s].mean():.3f}" for s in sides))
    means = [(np.mean([c.unchanged[s] for c in found]), np.mean([c.missed[s] for c in found])) for s in sides]
    print(f"{'mean':22}" + "".join(f"{u:>15.4f} /{m:.4f}" for u, m in means))


def report_paired(found: Sequence[Cell], commit: str) -> None:
    """Ours less the commit's over all scenarios, on the same data."""
    for name, ours, theirs in (
        ("false", [c.false(THIS) for c in found], [c.false(commit) for c in found]),
        ("power", [c.power(THIS) for c in found], [c.power(commit) for c in found]),
        ("unchanged", [c.unchanged[THIS] for c in found], [c.unchanged[commit] for c in found]),
    ):
        apart = np.concatenate(ours) - np.concatenate(theirs)
        print(
            f"{name}, this less {commit}: {apart.mean():+.4f}, standard error {apart.std() / np.sqrt(len(apart)):.4f} "
            f"({int((apart > 0).sum())} more, {int((apart < 0).sum())} fewer of {len(apart)})"
        )


def equal_size(found: Sequence[Cell], method: str) -> float:
    """Mean power over the scenarios: the threshold is set on the even replicates, power read off the odd ones."""
    powers = []
    for half in (0, 1):
        null = np.concatenate([c.null[method][half::2, 0] for c in found])
        below = float(np.quantile(null, EQUAL_SIZE, method="lower"))
        changed = [c.changed[method][1 - half :: 2] for c in found]
        powers.append(np.mean([np.mean((c[:, 0] < below) & (c[:, 1] > 0)) for c in changed]))
    return float(np.mean(powers))

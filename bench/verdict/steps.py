"""Cells of the change points: false ones, those found, whom they are put down to."""

from collections.abc import Callable, Sequence

import numpy as np
from otava.analysis import compute_change_points

from bench.verdict import tcpd
from bench.verdict.scenarios import CONFOUNDING_STEP, Scenario, Setting, Values, samples
from dogdriver.verdict import Better, Change, Sample, find_changes

RUNS = 240
STEP = 0.05
NEAR = 5
Find = Callable[[Sequence[Sample]], list[int]]


def ours(history: Sequence[Sample]) -> list[Change]:
    return find_changes(history, better=Better.LOWER)


def otava(history: Sequence[Sample]) -> list[int]:
    known = [(i, s.value) for i, s in enumerate(history) if s.value is not None]
    points, _ = compute_change_points([v for _, v in known])
    return [known[p.index][0] for p in points]


def stepped(values: Values, places: Sequence[int], rng: np.random.Generator) -> Values:
    result = values.copy()
    for place in places:
        result[place:] *= 1 + STEP * rng.choice([-1, 1])
    return result


def report(scenarios: Sequence[Scenario], replicates: int, per_release: int, seed: int) -> None:
    print(f"\nchange points: {RUNS} runs, {per_release} a release, {replicates} replicates")
    print("false per 1,000 runs without a step, recall of two steps of 5 % (within 5 runs), for this and Otava;")
    print("of the steps found, those put down to their release; of steps inside a release, those put down to none")
    print(f"{'':22}{'false':>8}{'recall':>8}{'release':>9}{'none':>7}{'Otava false':>14}{'recall':>8}")
    setting = Setting(releases=RUNS // per_release, per_release=per_release)
    for number, scenario in enumerate(scenarios):
        if scenario.name.startswith(CONFOUNDING_STEP):
            continue
        false, found, wanted, owned, within, free = np.zeros(2), np.zeros(2), 0, 0, 0, 0
        for replicate in range(replicates):
            rng = np.random.default_rng([seed, number, replicate])
            values = scenario.values(setting, rng)
            quiet = samples(values, setting)[0]
            false += len(ours(quiet)), len(otava(quiet))
            first = per_release * int(rng.integers(50 // per_release, 100 // per_release))
            places = [first, per_release * int(rng.integers(140 // per_release, 190 // per_release))]
            history = samples(stepped(values, places, rng), setting)[0]
            changes, theirs = ours(history), otava(history)
            for place in places:
                wanted += 1
                hits = [c for c in changes if abs(c.index - place) <= NEAR]
                found += bool(hits), any(abs(p - place) <= NEAR for p in theirs)
                owned += any(c.release == history[place].release for c in hits)
            inside = places[0] + int(rng.integers(1, per_release))
            hits = [
                c for c in ours(samples(stepped(values, [inside], rng), setting)[0]) if abs(c.index - inside) <= NEAR
            ]
            within += bool(hits)
            free += bool(hits) and all(c.release is None for c in hits)
        per_thousand = false / replicates / RUNS * 1000
        print(
            f"{scenario.name:22}{per_thousand[0]:>8.2f}{found[0] / wanted:>8.2f}{owned / max(found[0], 1):>9.2f}"
            f"{free / max(within, 1):>7.2f}{per_thousand[1]:>14.1f}{found[1] / wanted:>8.2f}",
            flush=True,
        )


def report_tcpd() -> None:
    mine = tcpd.score(lambda history: [c.index for c in ours(history)])
    theirs = tcpd.score(otava)
    silent = tcpd.score(lambda _: [])
    print("\nTCPD F1, margin 5, 30 series: " + ", ".join(
        f"{name} {np.mean(list(scores.values())):.3f}"
        for name, scores in (("this", mine), ("Otava 0.8.0", theirs), ("never a point", silent))
    ))  # fmt: skip
    without = [f for name, f in mine.items() if name != "bank"]
    print(f"without the series 'bank': this {np.mean(without):.3f}")

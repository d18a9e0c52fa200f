"""Cells of the change points: false ones, those found, whom they are put down to."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from otava.analysis import compute_change_points

from bench.verdict import tcpd
from bench.verdict.scenarios import CONFOUNDING_STEP, HELD_OUT, NULLS, Setting, Values, samples
from bench.verdict.workers import THIS, Workers, chunks
from dogdriver.verdict import Better, Change, Sample, find_changes

RUNS = 240
STEP = 0.05
NEAR = 5
SCENARIOS = {"steps": NULLS, "steps-held-out": HELD_OUT}
OTAVA, SILENT = "Otava 0.8.0", "never a point"
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


@dataclass
class Counts:
    """Of several replicates: without a step, with two at the starts of releases, with one inside a release."""

    false: int = 0
    wanted: int = 0
    found: int = 0
    owned: int = 0
    within: int = 0
    free: int = 0


def counts(part: str, number: int, per_release: int, first: int, end: int, seed: int, rival: bool) -> tuple[int, ...]:
    """The `Counts` of replicates *first* .. *end*, ours or the *rival*'s, Otava, which knows no releases."""
    scenario, made = SCENARIOS[part][number], Counts()
    setting = Setting(releases=RUNS // per_release, per_release=per_release)
    for replicate in range(first, end):
        rng = np.random.default_rng([seed, number, replicate])
        values = scenario.values(setting, rng)
        start = per_release * int(rng.integers(50 // per_release, 100 // per_release))
        places = [start, per_release * int(rng.integers(140 // per_release, 190 // per_release))]
        two = samples(stepped(values, places, rng), setting)[0]
        inside = start + int(rng.integers(1, per_release))
        one = samples(stepped(values, [inside], rng), setting)[0]
        quiet = samples(values, setting)[0]
        made.wanted += len(places)
        if rival:
            made.false += len(otava(quiet))
            points = otava(two)
            made.found += sum(any(abs(p - place) <= NEAR for p in points) for place in places)
            continue
        made.false += len(ours(quiet))
        changes = ours(two)
        for place in places:
            hits = [c for c in changes if abs(c.index - place) <= NEAR]
            made.found += bool(hits)
            made.owned += any(c.release == two[place].release for c in hits)
        hits = [c for c in ours(one) if abs(c.index - inside) <= NEAR]
        made.within += bool(hits)
        made.free += bool(hits) and all(c.release is None for c in hits)
    return astuple(made)


def report(pool: Workers, part: str, replicates: int, per_release: int, seed: int) -> None:
    print(f"\nchange points: {RUNS} runs, {per_release} a release, {replicates} replicates")
    print(
        "false per 1,000 runs without a step, recall of two steps of 5 % (within 5 runs); of the steps found, those put"
    )
    print("down to their release; of steps inside a release, those put down to none")
    heads = "".join(f"{f'{side}: false':>16}{'recall':>8}{'release':>9}{'none':>7}" for side in pool.sides)
    print(f"{'':22}{heads}{'Otava: false':>16}{'recall':>8}")
    scenarios = [(i, s) for i, s in enumerate(SCENARIOS[part]) if not s.name.startswith(CONFOUNDING_STEP)]
    spans = chunks(replicates, 10)
    asked = [(part, number, per_release, *span, seed, False) for number, _ in scenarios for span in spans]
    found = pool.map(f"{__name__}:counts", asked)
    found |= {OTAVA: pool.map(f"{__name__}:counts", [(*a[:-1], True) for a in asked], sides=[THIS])[THIS]}
    for place, (_, scenario) in enumerate(scenarios):
        line = f"{scenario.name:22}"
        for side, results in found.items():
            made = Counts(*np.sum(results[place * len(spans) : (place + 1) * len(spans)], axis=0))
            line += f"{made.false / replicates / RUNS * 1000:>16.2f}{made.found / made.wanted:>8.2f}"
            if side != OTAVA:
                line += f"{made.owned / max(made.found, 1):>9.2f}{made.free / max(made.within, 1):>7.2f}"
        print(line)


def scores(method: str) -> dict[str, float]:
    methods: dict[str, Find] = {
        THIS: lambda history: [c.index for c in ours(history)],
        OTAVA: otava,
        SILENT: lambda _: [],
    }
    return tcpd.score(methods[method])


def report_tcpd(pool: Workers) -> None:
    found = {side: one[0] for side, one in pool.map(f"{__name__}:scores", [(THIS,)]).items()}
    found |= {name: pool.map(f"{__name__}:scores", [(name,)], sides=[THIS])[THIS][0] for name in (OTAVA, SILENT)}
    means = ", ".join(f"{name} {np.mean(list(scores.values())):.3f}" for name, scores in found.items())
    print(f"\nTCPD F1, margin 5, 30 series: {means}")
    without = [f for name, f in found[THIS].items() if name != "bank"]
    print(f"without the series 'bank': this {np.mean(without):.3f}")

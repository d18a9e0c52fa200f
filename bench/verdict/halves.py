"""How often the halves of a release that did not change are called different: what the check on itself shows."""

import numpy as np

from bench.verdict.rivals import CALLED
from bench.verdict.scenarios import NULLS, Setting, samples
from bench.verdict.workers import THIS, Workers, chunks
from dogdriver.verdict import Better, Outcome, judge_halves

RUNS = 10


def said(number: int, first: int, end: int, seed: int) -> tuple[int, int]:
    """(called, unchanged) of the halves of the last release of replicates *first* .. *end*."""
    setting = Setting(per_release=RUNS)
    outcomes = [
        judge_halves(*samples(NULLS[number].values(setting, rng), setting), better=Better.LOWER)
        for rng in (np.random.default_rng([seed, number, replicate]) for replicate in range(first, end))
    ]
    return sum(o in CALLED for o in outcomes), sum(o is Outcome.UNCHANGED for o in outcomes)


def report(pool: Workers, replicates: int, seed: int) -> None:
    """Of ours alone: what was before has no such check."""
    print(f"\nhalves of a release of {RUNS} runs, {replicates} replicates: called different, unchanged")
    asked = [(number, *span, seed) for number in range(len(NULLS)) for span in chunks(replicates, 10)]
    found = pool.map(f"{__name__}:said", asked, sides=[THIS])[THIS]
    totals = np.zeros((len(NULLS), 2))
    for (number, *_), counted in zip(asked, found, strict=True):
        totals[number] += counted
    for scenario, (called, unchanged) in zip(NULLS, totals / replicates, strict=True):
        print(f"{scenario.name:22}{called:>8.3f}{unchanged:>8.2f}")
    print(f"{'mean':22}{totals[:, 0].mean() / replicates:>8.4f}{totals[:, 1].mean() / replicates:>8.2f}")

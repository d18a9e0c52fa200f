"""How many verdicts that said "k more runs" were settled within 1.5 k; what looking after every run costs."""

from collections.abc import Sequence

import numpy as np

from bench.verdict.scenarios import CONFOUNDING_STEP, RELEASES_DIFFER, START, Scenario, Setting
from dogdriver.verdict import Better, Outcome, Sample, Standing, announce, judge

FARTHEST = 60
CALLED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})


def history(scenario: Scenario, before: int, runs: int, change: float, rng: np.random.Generator) -> list[Sample]:
    """Eleven releases of *before* runs and one of *runs*, changed."""
    start = 11 * before
    setting = Setting(per_release=1, releases=start + runs)
    values = scenario.values(setting, rng)
    values[start:] *= 1 + change
    return [
        Sample(
            START + i * setting.every,
            "12.0" if i >= start else f"{1 + i // before}.0",
            None if np.isnan(v) else float(v),
        )
        for i, v in enumerate(values)
    ]


def report_needed(scenarios: Sequence[Scenario], replicates: int, seed: int) -> None:
    chosen = [s for s in scenarios if s.name not in {RELEASES_DIFFER, CONFOUNDING_STEP}]
    print(f"\nruns needed: {len(chosen)} scenarios, {replicates} replicates each; said at most {FARTHEST}")
    for runs in (3, 5):
        for change in (0.0, 0.05):
            undecided = said = settled = 0
            for number, scenario in enumerate(chosen):
                for replicate in range(replicates):
                    rng = np.random.default_rng([seed, number, runs, replicate])
                    whole = history(scenario, runs, runs + 3 * FARTHEST // 2, change, rng)
                    known = 12 * runs
                    verdict = judge(whole[:known], "12.0", better=Better.LOWER)
                    if verdict.outcome is not Outcome.UNDECIDED:
                        continue
                    undecided += 1
                    more = verdict.runs_needed
                    if more is None or more > FARTHEST:
                        continue
                    said += 1
                    looks = range(known + max(1, more // 8), known + 3 * more // 2 + 1, max(1, more // 8))
                    settled += any(
                        judge(whole[:look], "12.0", better=Better.LOWER).outcome is not Outcome.UNDECIDED
                        for look in looks
                    )
            print(
                f"{runs} runs, {change:+.0%}: {undecided} undecided, {said} said how many more, "
                f"{settled / max(said, 1):.2f} of these settled within 1.5 times that",
                flush=True,
            )


def report_looks(scenarios: Sequence[Scenario], replicates: int, seed: int, looks: int = 30) -> None:
    print(f"\nlooking after every run, {looks} looks, {replicates} replicates: differences called")
    heads = (("at look 10", 12), ("at any look", 13), ("announced", 11), ("withdrawn", 11), ("+5 % announced", 16))
    print(" " * 16 + "".join(f"{head:>{width}}" for head, width in heads) + f"{'median look':>13}")
    for number, scenario in enumerate(scenarios):
        if scenario.name in {CONFOUNDING_STEP, RELEASES_DIFFER, "drift"}:
            continue
        counts, found, delays = np.zeros(4), 0, []
        for replicate in range(replicates):
            for change in (0.0, 0.05):
                rng = np.random.default_rng([seed, number, replicate])
                whole = history(scenario, 10, looks, change, rng)
                verdicts = [judge(whole[: 110 + i], "12.0", better=Better.LOWER) for i in range(1, looks + 1)]
                stands = [announce(verdicts[:i]) for i in range(1, looks + 1)]
                hits = [i for i, a in enumerate(stands, 1) if a.standing is Standing.ANNOUNCED and a.outcome in CALLED]
                if change:
                    found += bool(hits)
                    delays += hits[:1]
                else:
                    withdrawn = any(a.standing is Standing.WITHDRAWN for a in stands)
                    called = [v.outcome in CALLED for v in verdicts]
                    counts += called[9], any(called), bool(hits), withdrawn
        rates = "".join(f"{c / replicates:>{w}.3f}" for c, w in zip(counts, (12, 13, 11, 11), strict=True))
        print(
            f"{scenario.name:22}{rates}{found / replicates:>16.2f}{np.median(delays) if delays else 0:>13.0f}",
            flush=True,
        )

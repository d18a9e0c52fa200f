"""How many verdicts that said "k more runs" were settled within 1.5 k; what looking after every run costs."""

from collections.abc import Sequence

import numpy as np

from bench.verdict.scenarios import CONFOUNDING_STEP, NULLS, RELEASES_DIFFER, START, Scenario, Setting
from bench.verdict.workers import Workers, chunks
from dogdriver.verdict import Better, Outcome, Sample, Standing, Verdict, announce, judge

FARTHEST = 60
CALLED = frozenset({Outcome.REGRESSED, Outcome.IMPROVED})


def history(
    scenario: Scenario, before: int, runs: int, change: float, rng: np.random.Generator, sd: float = 0.03
) -> list[Sample]:
    """Eleven releases of *before* runs and one of *runs*, changed."""
    start = 11 * before
    setting = Setting(per_release=1, releases=start + runs, sd=sd)
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


LOUD = [Scenario(f"{s.name}, sd 10 %", s.noise, s.options) for s in NULLS if s.name in {"iid", "t3", "AR .5"}]
FOLLOWED = [*NULLS, *LOUD]
"""The last ones with a margin of 1 %, so that the margin keeps little from being announced."""


def looked_at(known: int, looks: int) -> list[int]:
    """The looks of *looks* that are always made: each of the first 60, then ever fewer."""
    return [*range(1, min(known, looks) + 1), *range(known + 5, min(150, looks) + 1, 5), *range(160, looks + 1, 10)]


def follow(number: int, first: int, end: int, change: float, looks: int, seed: int) -> list[tuple[int | None, ...]]:
    """Of each of replicates *first* .. *end*: the look at which a difference was announced, "unchanged", one withdrawn.

    Where two looks that are made lie apart, those between are made where one of the two has p < .05: it takes .0025.
    """
    scenario, made = FOLLOWED[number], []
    loud = {"sd": 0.10, "margin": 0.01} if scenario in LOUD else {"sd": 0.03, "margin": 0.03}
    for replicate in range(first, end):
        whole = history(scenario, 10, looks, change, np.random.default_rng([seed, number, replicate]), sd=loud["sd"])
        found: dict[int, Verdict] = {}
        places = looked_at(60, looks)
        for last, place in zip([0, *places], places, strict=False):
            found[place] = judge(whole[: 110 + place], "12.0", better=Better.LOWER, margin=loud["margin"])
            p = [found[i].p for i in (last, place) if i in found]
            if min((1.0 if one is None else one for one in p), default=1.0) < 0.05:
                for between in range(last + 1, place):
                    found[between] = judge(whole[: 110 + between], "12.0", better=Better.LOWER, margin=loud["margin"])
        runs = sorted(found)
        stands = [announce([found[i] for i in runs[: k + 1]]) for k in range(len(runs))]
        made.append(
            tuple(
                next((runs[k] for k, a in enumerate(stands) if a.standing is state and a.outcome in said), None)
                for state, said in (
                    (Standing.ANNOUNCED, CALLED),
                    (Standing.ANNOUNCED, {Outcome.UNCHANGED}),
                    (Standing.WITHDRAWN, set(Outcome)),
                )
            )
        )
    return made


def report_looks(pool: Workers, replicates: int, seed: int, looks: int = 300) -> None:
    """*replicates* a scenario; at +5 % (+16 % of the loud ones) a tenth of them."""
    print(f"\nlooking after every run, {looks} looks; shares of {replicates} histories without a change: a difference")
    print("announced, something withdrawn; shares with +5 % (+16 % at sd 10 %): announced, the median look, unchanged")
    heads = f"{'false':>10}{'withdrawn':>11}{'found':>8}{'median':>8}{'unchanged':>11}"
    print(f"{'':24}" + "".join(f"{side:>48}" for side in pool.sides))
    print(f"{'':24}" + heads * len(pool.sides))
    few = max(replicates // 10, 10)
    asked = [
        (number, *span, change, looks, seed)
        for number, scenario in enumerate(FOLLOWED)
        for change, count in ((0.0, replicates), (0.16 if scenario in LOUD else 0.05, few))
        for span in chunks(count, 5)
    ]
    found = pool.map(f"{__name__}:follow", asked)
    totals: dict[str, list[tuple[int | None, ...]]] = {side: [] for side in found}
    for number, scenario in enumerate(FOLLOWED):
        line = f"{scenario.name:24}"
        for side, results in found.items():
            mine = [(a[3], result) for a, result in zip(asked, results, strict=True) if a[0] == number]
            null = [one for change, result in mine if not change for one in result]
            changed = [one for change, result in mine if change for one in result]
            totals[side] += null
            seen = np.median([looks + 1 if one[0] is None else one[0] for one in changed])
            line += f"{share(null, 0):>10.4f}{share(null, 2):>11.4f}{share(changed, 0):>8.2f}{seen:>8.0f}"
            line += f"{share(changed, 1):>11.3f}"
        print(line)
    for side, null in totals.items():
        print(f"{side}: {share(null, 0):.4f} of {len(null)} histories without a change were announced")


def share(found: Sequence[tuple[int | None, ...]], place: int) -> float:
    return float(np.mean([one[place] is not None for one in found]))

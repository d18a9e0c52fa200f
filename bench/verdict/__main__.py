"""The verdict's bench: `python -m bench.verdict [--quick] [--replicates 1000] [--only PART ...] [--against COMMIT]`."""

import argparse
import os
from collections.abc import Sequence

from bench.verdict import awkward, bad_releases, ceiling, cpu, halves, headline, limits, looks, release, steps
from bench.verdict.scenarios import NULLS
from bench.verdict.workers import Workers, workers

PARTS = (
    "release",
    "held-out",
    "awkward",
    "bad-releases",
    "steps",
    "steps-held-out",
    "tcpd",
    "ceiling",
    "needed",
    "looks",
    "headline",
    "halves",
    "limits",
    "cpu",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 replicates a cell")
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 10, 3])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--against", nargs="+", default=[], help="commits whose verdicts of the same data are printed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--ours-alone", action="store_true", help="leave out the methods that are not ours")
    chosen = parser.parse_args()
    replicates = 40 if chosen.quick else chosen.replicates
    with workers(chosen.against, chosen.processes) as pool:
        for part in PARTS:
            if part in {"release", "held-out"} and part in chosen.only:
                print(f"\n=== {part} ===")
                for n in chosen.runs:
                    found = release.cells(pool, part, n, replicates, chosen.seed, others=not chosen.ours_alone)
                    release.report(found, pool.commits)
            elif part in chosen.only:
                run(part, pool, replicates, chosen.runs, chosen.seed)


def run(part: str, pool: Workers, replicates: int, runs: Sequence[int], seed: int) -> None:
    match part:
        case "awkward":
            awkward.report(sorted(runs), max(replicates // 5, 20), seed)
        case "steps" | "steps-held-out":
            for per_release in (10,) if part == "steps-held-out" else (10, 20):
                steps.report(pool, part, max(replicates // 5, 20), per_release, seed)
        case "bad-releases":
            bad_releases.report(max(replicates // 5, 10), seed)
        case "ceiling":
            for per_release in (10, 20):
                ceiling.report(replicates, per_release, seed)
        case _:
            rest(part, pool, replicates, seed)


def rest(part: str, pool: Workers, replicates: int, seed: int) -> None:
    match part:
        case "tcpd":
            steps.report_tcpd(pool)
        case "needed":
            looks.report_needed(NULLS, max(replicates // 20, 5), seed)
        case "looks":
            looks.report_looks(pool, max(replicates // 5, 5), seed)
        case "headline":
            headline.report(pool, max(replicates // 5, 10), seed)
        case "halves":
            halves.report(pool, max(replicates // 5, 10), seed)
        case "limits":
            limits.report(pool, max(replicates, 40), seed)
        case _:
            cpu.report(pool)


if __name__ == "__main__":
    main()

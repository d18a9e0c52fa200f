"""CPU of one thread: ours, another commit's and Apache Otava's, in the same run."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from bench.verdict.scenarios import Setting, iid, samples
from bench.verdict.steps import OTAVA, otava
from bench.verdict.workers import THIS, Workers
from dogdriver.verdict import Better, find_changes, judge

ROUNDS = 5
"""The sides take turns, so that they share what else the machine does."""


def judging(runs: int) -> float:
    """Of `judge` on 21 releases of *runs* runs, ms."""
    setting = Setting(releases=21, per_release=runs)
    history, last = samples(setting.level * np.exp(iid(setting, np.random.default_rng(1))), setting)
    return best(partial(judge, history, last, better=Better.LOWER), 20)


def finding(runs: int, every: int, rival: bool) -> float:
    """Of `find_changes`, or of Otava, on *runs* runs with a step after each *every*, ms."""
    setting = Setting(releases=runs // 10, per_release=10)
    values = setting.level * np.exp(iid(setting, np.random.default_rng(1)))
    history, _ = samples(values * np.exp(0.06 * ((np.arange(runs) // every) % 2)), setting)
    call = partial(otava, history) if rival else partial(find_changes, history, better=Better.LOWER)
    return best(call, 1 if runs > 1000 else 10)


def best(call: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        start = time.thread_time()
        call()
        taken.append(time.thread_time() - start)
    return 1000 * min(taken)


def report(pool: Workers) -> None:
    print(f"\nCPU of one thread, ms, best of {ROUNDS} turns")
    for runs in (5, 10):
        line(pool, f"judge, 21 releases of {runs} runs", "judging", (runs,))
    for runs, every in ((240, 100), (10_000, 700)):
        line(pool, f"find_changes, {runs:,} runs, no step", "finding", (runs, 10**9, False))
        line(pool, f"find_changes, {runs:,} runs, a step each {every}", "finding", (runs, every, False))


def line(pool: Workers, name: str, function: str, arguments: tuple[object, ...]) -> None:
    cell = f"{__name__}:{function}"
    sides = {side: partial(pool.map, cell, [arguments], sides=[side]) for side in pool.sides}
    if function == "finding":
        sides[OTAVA] = partial(pool.map, cell, [(*arguments[:-1], True)], sides=[THIS])
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, call in sides.items():
            taken[side] += next(iter(call().values()))
    ours = min(taken[THIS])
    rest = "".join(f", {s} {min(t):.1f} (ratio {ours / min(t):.2f})" for s, t in taken.items() if s != THIS)
    print(f"{name}: {ours:.1f}{rest}", flush=True)

"""The tail: one request in a hundred takes three times as long, by what each run keeps of its latencies."""

from collections.abc import Sequence

import numpy as np

from bench.verdict.scenarios import START, Setting, Values
from bench.verdict.workers import THIS, Workers, chunks
from dogdriver.loadgen.histogram import Latencies
from dogdriver.metrics.slow_requests import slow_share
from dogdriver.model import CLIENT_METRICS
from dogdriver.verdict import Better, Outcome, Sample, judge

REQUESTS, EARLIER, RUNS = 3000, 11, 10
SPREADS = (0.05, 0.2, 0.35, 0.5, 0.7)
"""Of the logarithm of a latency."""
SLOW, TIMES = 0.01, 3.0
KNOWN = {metric.name: metric for metric in CLIENT_METRICS}
NAMES = ("client.slow_ratio", "client.p99")
RELATED = Setting()


def run(spread: float, slow: float, rng: np.random.Generator) -> Values:
    """(NAMES,): of a run whose median is 20 ms, and differs by 1 % from run to run."""
    seconds = 0.02 * np.exp(0.01 * rng.standard_normal() + spread * rng.standard_normal(REQUESTS))
    seconds[rng.random(REQUESTS) < slow] *= TIMES
    latencies = Latencies()
    for one in seconds:
        latencies.record(float(one))
    return np.array([slow_share(latencies.counts), latencies.quantiles(0.99)[0]], dtype=float)


def regressed(spread: float, slow: float, first: int, end: int, seed: int) -> list[tuple[bool, ...]]:
    """Of each replicate, by NAMES, whether a difference was called."""
    found = []
    for replicate in range(first, end):
        rng = np.random.default_rng([seed, round(100 * spread), replicate])
        release = [each for each in range(EARLIER + 1) for _ in range(RUNS)]
        values = np.array([run(spread, slow if each == EARLIER else 0.0, rng) for each in release])
        found.append(tuple(called(release, values[:, i], name) for i, name in enumerate(NAMES)))
    return found


def called(release: Sequence[int], values: Values, name: str) -> bool:
    metric = KNOWN[name]
    samples = [
        Sample(START + i * RELATED.every, f"{each}.0", float(value))
        for i, (each, value) in enumerate(zip(release, values, strict=True))
    ]
    verdict = judge(samples, f"{EARLIER}.0", better=Better.LOWER, margin=metric.margin, kind=metric.kind)
    return verdict.outcome in {Outcome.REGRESSED, Outcome.IMPROVED}


def report(pool: Workers, replicates: int, seed: int) -> None:
    print(
        f"\nTail: {SLOW:.0%} of {REQUESTS} requests {TIMES:g} times slower, {EARLIER} releases before, {RUNS} runs each"
    )
    print(f"{'spread':>8}" + "".join(f"{name + ' ' + what:>28}" for name in NAMES for what in ("false", "power")))
    for spread in SPREADS:
        rates = []
        for slow in (0.0, SLOW):
            asked = [(spread, slow, *span, seed) for span in chunks(replicates, 10)]
            found = [one for chunk in pool.map(f"{__name__}:regressed", asked, sides=[THIS])[THIS] for one in chunk]
            rates.append(np.mean(found, axis=0))
        print(f"{spread:>8g}" + "".join(f"{rates[k][i]:>28.3f}" for i in range(len(NAMES)) for k in (0, 1)))

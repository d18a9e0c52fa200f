"""The headline of a release with several metrics, of which some decide, after looking at every run as the product does.

Beside it an oracle that knows the level before and the scatter, and that only the release's own level is open.
"""

from collections import Counter
from inspect import signature

import numpy as np
from scipy.special import ndtr

from bench.verdict.scenarios import START, Setting, Values
from bench.verdict.workers import Workers, chunks
from dogdriver.model import Judged, SeriesKey
from dogdriver.verdict import Better, Outcome, Sample, Verdict, announce, judge_release, standing
from dogdriver.verdict.decision import decide

METRICS, DECIDING = 8, 2
BEFORE = 11
"""Releases, of as many runs as the judged one will have."""
SDS = (0.01, 0.02, 0.03)
SHARED = (0.0, 0.7)
"""Correlations between the metrics of one run."""
MARGIN, ALPHA = 0.03, 0.01
LAST = "12.0"
RELATED = Setting()


def values(sd: float, shared: float, runs: int, change: float, rng: np.random.Generator) -> Values:
    """(metrics, runs): of BEFORE releases and one more, of which the first metric changed."""
    count = (BEFORE + 1) * runs
    own, common = rng.standard_normal((METRICS, count)), rng.standard_normal(count)
    made: Values = 100 * np.exp(sd * (np.sqrt(1 - shared) * own + np.sqrt(shared) * common))
    made[0, BEFORE * runs :] *= 1 + change
    return made


def asked(sd: float, shared: float, runs: int, change: float, first: int, end: int, seed: int) -> list[tuple[str, str]]:
    """The headline of each of replicates *first* .. *end*, and the oracle's."""
    said = []
    for replicate in range(first, end):
        rng = np.random.default_rng([seed, round(1000 * sd), round(10 * shared), runs, replicate])
        made = values(sd, shared, runs, change, rng)
        said.append((headline(made, runs), oracle(made[:DECIDING, BEFORE * runs :], sd)))
    return said


def headline(made: Values, runs: int) -> str:
    """What the product says after the last of *runs* looks. Where it knows no deciding metrics all are judged.

    The others cannot change the word, and are left out for the sake of time.
    """
    known = "deciding" in signature(judge_release).parameters
    looks: dict[str, list[Verdict]] = {f"m{i}": [] for i in range(DECIDING if known else METRICS)}
    for run in range(1, runs + 1):
        series = {name: samples(made[i], runs, run) for i, name in enumerate(looks)}
        for name, verdict in judge_release(series, LAST, better=dict.fromkeys(looks, Better.LOWER)).items():
            looks[name].append(verdict)
    found = standing([judged(name, seen) for name, seen in looks.items()])
    return "undecided" if found is None else found.headline.value


def samples(series: Values, runs: int, seen: int) -> list[Sample]:
    """The runs before, and the first *seen* ones of the release."""
    return [
        Sample(START + i * RELATED.every, LAST if i >= BEFORE * runs else f"{1 + i // runs}.0", float(value))
        for i, value in enumerate(series[: BEFORE * runs + seen])
    ]


def judged(name: str, looks: list[Verdict]) -> Judged:
    stands, key = announce(looks), SeriesKey("p", "stage", "test", "here", name)
    return Judged(key, LAST, len(looks), START, looks[-1], stands.standing, stands.outcome, stands.reason)


def oracle(own: Values, sd: float) -> str:
    """*own* (deciding, runs): what two looks in a row of the known scatter around the known level would say."""
    stands = [known_outcome(np.log(series / 100), sd) for series in own]
    if Outcome.REGRESSED in stands:
        return "mixed" if Outcome.IMPROVED in stands else "slower"
    if Outcome.IMPROVED in stands:
        return "faster"
    return "no_change" if set(stands) == {Outcome.UNCHANGED} else "undecided"


def known_outcome(series: Values, sd: float) -> Outcome:
    """Of one metric, relative to its level: the outcome that two looks in a row have said first."""
    thresholds, last, stands = (np.log1p(-MARGIN), np.log1p(MARGIN)), Outcome.UNDECIDED, Outcome.UNDECIDED
    for runs in range(3, len(series) + 1):
        mean, error = float(np.mean(series[:runs])), sd / np.sqrt(runs)
        p, reach = 2 * float(ndtr(-abs(mean) / error)), 1.645 * error
        outcome = decide(
            float(np.expm1(mean)), p, (mean - reach, mean + reach), thresholds,
            better=Better.LOWER, margin=MARGIN, alpha=ALPHA,
        )  # fmt: skip
        if outcome is last and outcome is not Outcome.UNDECIDED and stands is not Outcome.REGRESSED:
            stands = outcome
        last = outcome
    return stands


def report(pool: Workers, replicates: int, seed: int) -> None:
    """At 5 and at 10 runs."""
    print(
        f"\nheadline of {METRICS} metrics of which {DECIDING} decide, a look after every run, {replicates} replicates;"
    )
    print("the word without a change, and with +5 % in one deciding metric; the oracle's in brackets")
    cells = [
        (sd, shared, runs, change) for runs in (5, 10) for sd in SDS for shared in SHARED for change in (0.0, 0.05)
    ]
    spans = chunks(replicates, 10)
    found = pool.map(f"{__name__}:asked", [(*cell, *span, seed) for cell in cells for span in spans])
    for side, results in found.items():
        print(f"{side}\n{'':32}{'no_change':>18}{'probably':>10}{'false':>8}{'slower':>18}{'probably':>10}{'false':>8}")
        for place in range(0, len(cells), 2):
            sd, shared, runs, _ = cells[place]
            line = f"{runs:3} runs, sd {sd:.0%}, correlation {shared:.1f}"
            for offset, wanted in ((0, "no_change"), (1, "slower")):
                mine = slice((place + offset) * len(spans), (place + offset + 1) * len(spans))
                said = [one for chunk in results[mine] for one in chunk]
                line += shares(said, wanted)
            print(line, flush=True)


def shares(said: list[tuple[str, str]], wanted: str) -> str:
    """How often the *wanted* word was said, how often it was only probable, how often another word stood."""
    ours, best = Counter(word for word, _ in said), Counter(word for _, word in said)
    probable = sum(ours[word] for word in ("probably_slower", "probably_faster"))
    wrong = sum(ours[word] for word in ("slower", "faster", "mixed", "no_change") if word != wanted)
    rate = f"{ours[wanted] / len(said):.3f} ({best[wanted] / len(said):.3f})"
    return f"{rate:>18}{probable / len(said):>10.3f}{wrong / len(said):>8.3f}"

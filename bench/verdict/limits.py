"""The sentence audit: what an undecided verdict blames is taken away, and it has to be decided then.

Each history is made of parts that are known, so that each can be removed by itself while all else stays: the same
shocks, the same levels.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from bench.verdict.scenarios import START, Values
from bench.verdict.workers import THIS, Workers, chunks
from dogdriver.verdict import Better, Limit, Outcome, Sample, Verdict, judge

MARGIN = 0.03
MANY = 300
"""Further runs of the release, where it is said to have too few."""
LESS = 0.2
"""What remains of the scatter."""
DECIDED = {Outcome.REGRESSED, Outcome.IMPROVED, Outcome.UNCHANGED}


@dataclass(frozen=True)
class History:
    """*earlier* releases of *each* runs and one of *runs* that differs by *effect*; all sizes are of logarithms.

    *step*: (runs after the judged release's start, size); *normal*: shocks of more runs than there are.
    """

    earlier: int
    each: int
    runs: int
    effect: float
    sd: float
    phi: float
    between: float
    step: tuple[int, float] | None
    levels: Values
    shocks: Values

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "History":
        kind = rng.choice(5)
        earlier, runs = int(rng.choice([3, 6, 11, 11])), int(rng.choice([3, 5, 10]))
        return cls(
            earlier,
            runs,
            runs,
            effect=float(rng.choice([0.0, 0.0, 0.05, -0.05])),
            sd=float(rng.choice([0.015, 0.03, 0.06])),
            phi=float(rng.choice([0.5, 0.8])) if kind == 1 else 0.0,
            between=float(rng.choice([0.01, 0.02, 0.04])) if kind in {2, 3} else 0.0,
            step=(int(rng.integers(-2, 0)), 0.08) if kind == 4 else None,
            levels=rng.standard_normal(64),
            shocks=rng.standard_normal(2000),
        )

    def samples(self) -> tuple[list[Sample], str]:
        sizes = [self.each] * self.earlier + [self.runs]
        release = np.repeat(np.arange(len(sizes)), sizes)
        start, count = self.each * self.earlier, len(release)
        # From the release's start outwards, so that more runs at either end change none of the others.
        middle = len(self.shocks) // 2
        noise = autocorrelated(self.shocks, self.phi)[middle - start : middle - start + count]
        values = (
            self.sd * noise
            + self.between * self.levels[len(sizes) - 1 - release]
            + self.effect * (release == len(sizes) - 1)
        )
        if self.step:
            values = values + self.step[1] * (np.arange(count) >= start + self.step[0])
        made = [
            Sample(START + i * timedelta(hours=1), f"{r}.0", float(100 * np.exp(v)))
            for i, (r, v) in enumerate(zip(release, values, strict=True))
        ]
        return made, f"{len(sizes) - 1}.0"

    def judged(self, margin: float = MARGIN) -> Verdict:
        return judge(*self.samples(), better=Better.LOWER, margin=margin)

    def decided_without(self, limit: Limit) -> bool:
        match limit:
            case Limit.FEW_RUNS:
                asked = [replace(self, runs=self.runs + MANY).judged()]
            case Limit.FEW_EARLIER:
                asked = [replace(self, earlier=self.earlier + 12, each=max(self.each, 10)).judged()]
            case Limit.SCATTER:
                asked = [replace(self, sd=self.sd * LESS).judged()]
            case Limit.BETWEEN_RELEASES:
                asked = [replace(self, between=0.0).judged()]
            case Limit.AUTOCORRELATION:
                asked = [replace(self, phi=0.0).judged()]
            case Limit.NEAR_MARGIN:
                asked = [self.judged(MARGIN / 3), self.judged(MARGIN * 3)]
            case Limit.STEP:
                asked = [replace(self, step=None).judged()]
            case _:
                asked = []
        return any(verdict.outcome in DECIDED for verdict in asked)


def autocorrelated(shocks: Values, phi: float) -> Values:
    """Of variance 1, (runs,); the same shocks give the same runs but for what each takes from the one before."""
    values = shocks.copy()
    for i in range(1, len(values)):
        values[i] = phi * values[i - 1] + np.sqrt(1 - phi**2) * shocks[i]
    return values


def answers(first: int, end: int, seed: int) -> list[tuple[str, bool, tuple[str, ...]]]:
    """Of the undecided of these histories: the limit, whether it is the cause, and what else would be one."""
    found = []
    for number in range(first, end):
        history = History.drawn(np.random.default_rng([seed, number]))
        verdict = history.judged()
        if verdict.outcome is not Outcome.UNDECIDED:
            continue
        assert verdict.limit is not None
        others = tuple(limit for limit in Limit if limit is not Limit.NOT_COMPARABLE and history.decided_without(limit))
        found.append((verdict.limit.value, history.decided_without(verdict.limit), tuple(o.value for o in others)))
    return found


def report(pool: Workers, histories: int, seed: int) -> None:
    asked = [(*span, seed) for span in chunks(histories, 25)]
    found = [one for chunk in pool.map(f"{__name__}:answers", asked, sides=[THIS])[THIS] for one in chunk]
    said, right = Counter(limit for limit, _, _ in found), Counter(limit for limit, true, _ in found if true)
    some = sum(1 for _, _, causes in found if causes)
    print(f"\nSentence audit: {len(found)} undecided of {histories} histories")
    print(f"{'limit':20}{'said':>8}{'is the cause':>14}")
    for limit in sorted(said, key=lambda one: -said[one]):
        print(f"{limit:20}{said[limit]:>8}{right[limit] / said[limit]:>14.3f}")
    print(f"{'all':20}{len(found):>8}{right.total() / max(len(found), 1):>14.3f}")
    print(f"of those that any one cause would decide ({some}): {right.total() / max(some, 1):.3f}")
    wrong = Counter((limit, causes) for limit, true, causes in found if not true)
    for (limit, causes), times in wrong.most_common(8):
        print(f"  {times} x {limit}, where it is {', '.join(causes) or 'none alone'}")

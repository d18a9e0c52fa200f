"""Evidence on demand against fixed schedules, over simulated months: `python -m bench.months --months 200`.

A release every four days, a quarter of them truly slower by 4 to 10 %, runs that scatter by 2 %; each run is judged ten
minutes after its end by the real judge and the real sequential rule, and evidence is planned by the real plan. Told are
the time until a release's verdict stands (four days where it never does), the runs spent, and the releases of which
something false was announced. What is simulated is the service and the clock.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from dogdriver.model import Better, Outcome, Release, Run, Sample, Standing, Status, Stay, Trigger, Verdict
from dogdriver.model.evidence import EvidenceBudget
from dogdriver.pipeline.evidence import plan
from dogdriver.verdict import announce, judge

START = datetime(2026, 1, 1, tzinfo=UTC)
LOAD, SETTLE = timedelta(minutes=5), timedelta(minutes=10)
STAY = timedelta(days=4)
RELEASES = 8  # of a month; the first is there to compare with
SD, SLOWER = 0.02, (0.04, 0.10)
WINDOW = 200  # runs that a look goes back
POLICIES = {
    "hourly": (timedelta(hours=1), None),
    "daily": (timedelta(days=1), None),
    "evidence": (timedelta(days=1), EvidenceBudget()),
}


@dataclass(slots=True)
class Told:
    """Of one release: *hours* until its verdict stood (None: never), its *runs*, and what was false (*false*)."""

    hours: float | None = None
    runs: int = 0
    false: str | None = None


@dataclass(slots=True)
class Month:
    """One service under one policy."""

    random: np.random.Generator
    every: timedelta
    budget: EvidenceBudget | None
    samples: list[Sample] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)

    def play(self) -> Iterator[Told]:
        for number in range(RELEASES):
            slower = number > 0 and self.random.random() < 0.25
            change = self.random.uniform(*SLOWER) if slower else 0.0
            told = self._stay(number, change)
            if number > 0:
                yield told

    def _stay(self, number: int, change: float) -> Told:
        label, begun = f"1.{number}.0", START + number * STAY
        stay = Stay(Release(label, label), 1, begun, begun)
        told, looks, waiting = Told(), list[Verdict](), list[Sample]()
        usual = begun + self.random.random() * self.every  # a schedule knows nothing of releases
        while True:
            planned = None
            if self.budget and number > 0:
                planned = plan(self.budget, stay, self.runs[::-1], decided=told.hours is not None).next
            at = usual if planned is None else min(usual, max(planned, begun))
            while waiting and waiting[0].at + LOAD + SETTLE <= min(at, begun + STAY):
                self.samples.append(waiting.pop(0))
                if number > 0 and told.hours is None:
                    self._look(label, begun, change, looks, told)
                    planned = None  # the plan may be another one now
                    break
            else:
                if at >= begun + STAY:
                    self.samples += waiting
                    return told
                ours = at != usual
                if not ours:
                    usual += self.every
                self._run(label, at, ours=ours)
                told.runs += 1
                level = (1 + change) * float(np.exp(self.random.normal(0, SD)))
                waiting.append(Sample(at, label, 100 * level))

    def _run(self, label: str, at: datetime, *, ours: bool) -> None:
        trigger = Trigger.EVIDENCE if ours else Trigger.SCHEDULE
        self.runs = [
            *self.runs[-60:],
            Run(
                id=f"{len(self.samples):032x}", project="shop", deployment="stage", test="dogdriver", source="here",
                status=Status.DONE, trigger=trigger, created=at, release=label, started=at, ended=at + LOAD,
            ),
        ]  # fmt: skip

    def _look(self, label: str, begun: datetime, change: float, looks: list[Verdict], told: Told) -> None:
        window = self.samples[-WINDOW:]
        looks.append(judge(window, label, better=Better.LOWER, bad=self.bad))
        stands = announce(looks)
        if stands.standing is not Standing.ANNOUNCED:
            return
        told.hours = (window[-1].at + LOAD + SETTLE - begun) / timedelta(hours=1)
        right = {Outcome.REGRESSED} if change else {Outcome.UNCHANGED}
        told.false = None if stands.outcome in right else "missed" if change else "alarm"
        if stands.outcome is Outcome.REGRESSED:
            self.bad.add(label)


def month(policy: str, most: int, seed: int) -> list[Told]:
    every, budget = POLICIES[policy]
    budget = budget and replace(budget, most=most)
    return list(Month(np.random.default_rng(seed), every, budget).play())


def share(told: Sequence[Told], false: str) -> float:
    return sum(one.false == false for one in told) / len(told)


def report(policy: str, told: Sequence[Told]) -> str:
    days = STAY / timedelta(hours=1)
    hours = [days if one.hours is None else one.hours for one in told]
    decided = sum(one.hours is not None for one in told)
    return (
        f"{policy:<9} releases {len(told):5}  decided {decided / len(told):.3f}  hours to the verdict: median "
        f"{statistics.median(hours):6.2f}, mean {statistics.mean(hours):6.2f}  runs a release "
        f"{statistics.mean(one.runs for one in told):6.2f}  alarms "
        f"{share(told, 'alarm'):.4f}, slower ones called unchanged {share(told, 'missed'):.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=200)
    parser.add_argument("--most", type=int, default=EvidenceBudget().most, help="runs of a release's evidence")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--policies", nargs="*", choices=POLICIES, default=list(POLICIES))
    chosen = parser.parse_args()
    with ProcessPoolExecutor(chosen.processes) as pool:
        for policy in chosen.policies:
            months = pool.map(partial(month, policy, chosen.most), range(chosen.months))
            sys.stdout.write(report(policy, [told for one in months for told in one]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Histories that once went wrong, delivered by PUT: what the API and the page say of them."""

import random  # noqa: TID251 - a seeded history
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from tests.web.conftest import Client, page, read

START = datetime(2026, 4, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Piece:
    """*runs* runs of a release about *level* with a scatter of *sd* (a share), or the *values* as they are."""

    release: str
    level: float = 100.0
    runs: int = 6
    sd: float = 0.01
    values: tuple[float, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[int, ...] = ()

    def drawn(self, dice: random.Random) -> tuple[float, ...]:
        return self.values or tuple(round(self.level * (1 + dice.gauss(0, self.sd)), 3) for _ in range(self.runs))


@dataclass(frozen=True)
class Case:
    """What is delivered, and of the newest release the headline, the outcome of its one metric, what the page says."""

    pieces: tuple[Piece, ...]
    headline: str
    outcome: str
    said: tuple[str, ...] = ()
    steps: tuple[tuple[int, str | None], ...] | None = None
    baseline: str | None = None
    seed: int = 4


GOOD = tuple(Piece(f"1.{i}") for i in range(8))
AGAIN = tuple(Piece(f"2.{i}") for i in range(4))
RETRIGGERED = (*(Piece(f"r{i}") for i in range(4)), Piece("retriggered"), Piece("retriggered", 110.0))
CASES = {
    **{
        f"a bad release of x{bad} that was reverted, then x{level / 100}": Case(
            (*GOOD, Piece("bad", 100 * bad), *AGAIN, Piece("J", level, 10)),
            headline, outcome, ("against", "2.3"),
        )
        for bad in (1.05, 1.1, 1.515, 0.51)
        for level, headline, outcome in ((100.0, "no_change", "unchanged"), (110.0, "slower", "regressed"))
    },
    "a bad release with two runs, and the next at its level": Case(
        (*(Piece(f"1.0.{i}") for i in range(5)), Piece("1.1", 115, 2), Piece("1.2", 115, 8)),
        "slower", "regressed", ("Slower", "1.0.4"), ((30, "1.1"),),
    ),
    "small steps, since the first": Case(
        tuple(Piece(f"r{i}", 100 * 1.025**i, 8, 0.004) for i in range(8)),
        "slower", "regressed", ("since r0",), baseline="r0",
    ),
    "small steps of exact values, since the first": Case(
        tuple(Piece(f"r{i}", values=(round(1434447971 * 1.0063**i),) * 4) for i in range(10)),
        "slower", "regressed", ("since r0",), baseline="r0",
    ),
    "3 to 6 hosts at random": Case(
        tuple(Piece(r, level, 8, 0.004, hosts=(3, 4, 5, 6)) for r, level in (("1.0", 100), ("1.1", 100), ("1.2", 110))),
        "slower", "regressed", ("Slower",), ((16, "1.2"),),
    ),
    "another kind of machine with the release": Case(
        (
            Piece("6fac09c", 211.497, sd=0.004, others={"kinds": "AMD EPYC 7763", "fingerprint": 2}),
            Piece("c6d76fcf", 243.455, sd=0.004, others={"kinds": "AMD EPYC 9V74", "fingerprint": 2}),
        ),
        "undecided", "undecided", ("not comparable: AMD EPYC 7763 → AMD EPYC 9V74 with c6d76fcf",), (),
    ),
    **{
        f"an odd run, number {odd}, near the release's start": Case(
            (
                *(Piece(f"1.{i}", runs=8) for i in range(3)),
                *(Piece("J", 100 if i == odd else 115, 1) for i in range(10)),
            ),
            "slower", "regressed", ("Slower",), ((24, "J"),),
        )
        for odd in (1, 2)
    },
    "a step inside a release": Case(
        RETRIGGERED, "no_change", "unchanged", ("stepped +", "at run 7, on"), ((30, None),), seed=31,
    ),
    "the release after a step inside the one before": Case(
        (*RETRIGGERED, Piece("next", 110.0)), "no_change", "unchanged", (), ((30, None),), seed=31,
    ),
    "errors where none are usual": Case(
        (Piece("1.0", values=(0,) * 5), Piece("1.1", values=(0,) * 5), Piece("J", values=(1, 4, 2, 3, 1))),
        "slower", "regressed", ("from 0 to 2.2",),
    ),
    "shares where none are usual": Case(
        (
            Piece("a", values=(0,) * 10),
            Piece("b", values=(0.05, 0.05, 0.017, 0.017, 0.017, 0.05, 0.033, 0.05, 0.05, 0.133)),
        ),
        "slower", "regressed", ("from 0 to 0.0467",),
    ),
    "one odd run where none are usual": Case(
        (Piece("a", values=(0,) * 12), Piece("b", values=(0, 0, 0.05, 0, 0, 0))), "undecided", "undecided", ("from 0",),
    ),
}  # fmt: skip


async def deliver(owner: Client, case: Case) -> None:
    dice, hour = random.Random(case.seed), 0  # noqa: S311 - a seeded history
    for piece in case.pieces:
        for value in piece.drawn(dice):
            at = START + timedelta(hours=hour)
            others = {"fingerprint": dice.choice(piece.hosts)} if piece.hosts else piece.others
            body = {
                "project": "kintowe", "deployment": "stage", "test": "dogdriver", "source": "lab",
                "release": piece.release, "status": "done", "started": at.isoformat(),
                "ended": (at + timedelta(minutes=5)).isoformat(),
                "load": {"workers": 2, "processes": 1, "duration": 300}, "tally": {"ok": 10, "requests": 20},
                "metrics": {"art": {"state": "settled", "value": value}}, **others,
            }  # fmt: skip
            answer = await owner.put(f"/api/v1/runs/r{hour:05d}", json=body)
            assert answer.status == 201, await answer.text()
            hour += 1


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


@pytest.mark.parametrize("name", CASES)
async def test_a_delivered_history_is_answered(owner: Client, name: str) -> None:
    case = CASES[name]
    await deliver(owner, case)
    chosen = "source=lab" + (f"&baseline={case.baseline}" if case.baseline else "")
    found = await read(owner, f"/api/v1/verdicts/kintowe?{chosen}")
    [art] = [one for one in found["verdicts"] if one["metric"] == "art"]
    assert (found["headline"], art["outcome"]) == (case.headline, case.outcome), (found["sentence"], art["reason"])
    text = plain(await page(owner, f"/p/kintowe?{chosen}"))
    for said in case.said:
        assert said in text
    if case.steps is not None:
        series = await read(owner, "/api/v1/series/kintowe/art?source=lab")
        runs = tuple((f"r{place:05d}", release) for place, release in case.steps)
        assert tuple((one["run"], one["release"]) for one in series["changes"]) == runs

"""Trends and steps are computed once for the same points and question, and again for any other."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dogdriver.reports import history
from dogdriver.reports.history import History
from dogdriver.reports.scope import Selections
from tests.web.seeded import OWN, SeededSite


@pytest.fixture(name="computed")
def _computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the computations that were made, one after another."""
    made: list[str] = []

    async def to_thread(computation: Any, *given: Any) -> Any:
        made.append(computation.__name__)
        return computation(*given)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    return made


async def test_the_same_question_is_answered_once(seeded: SeededSite, computed: list[str]) -> None:
    selection = await Selections(seeded.store, seeded.catalog, OWN).find("kintowe")
    metric, read = selection.metric("art"), History(seeded.store)
    points = await read.points(selection, "art")
    first = await read.trend(selection, metric, points)
    assert first is not None
    assert await read.trend(selection, metric, list(points)) is first
    assert await read.changes(selection, metric, points)
    assert computed == ["comparable_trend", "comparable_changes"]

    other = await read.trend(selection, replace(metric, margin=0.9), points)
    assert other is not None
    assert (first.margin, other.margin) == (0.03, 0.9)
    assert selection.entry is not None
    tolerant = replace(selection, entry=replace(selection.entry, fingerprint_tolerance=0.9))
    await read.trend(tolerant, metric, points)
    await read.trend(selection, metric, points[:-1])
    assert computed.count("comparable_trend") == 4
    assert await read.trend(selection, metric, ()) is None


async def test_no_more_results_are_kept_than_there_is_room_for(
    seeded: SeededSite, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_RESULTS", 2)
    selection = await Selections(seeded.store, seeded.catalog, OWN).find("kintowe")
    read = History(seeded.store)
    for name in ("art", "cpu", "art", "rps", "art", "cpu"):
        await read.trend(selection, selection.metric(name), await read.points(selection, name))
    assert len(computed) == 4  # art, cpu, rps, and cpu again

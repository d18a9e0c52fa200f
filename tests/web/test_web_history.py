"""What a chosen window shows is computed once, and again when its project has changed; the usual one never."""

from typing import Any

import pytest

from dogdriver.reports.history import History
from dogdriver.reports.kept import Kept
from dogdriver.reports.scope import Selections
from tests.web.seeded import OWN, SeededSite


class Computed:
    """Computes here; the names of what it was asked for, one after another."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def __call__(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.names.append(work.__name__)
        return work(*args, **kwargs)


@pytest.fixture(name="computed")
def _computed() -> Computed:
    return Computed()


async def test_the_usual_window_computes_nothing(seeded: SeededSite, computed: Computed) -> None:
    selection = await Selections(seeded.store, seeded.catalog, OWN).find("kintowe")
    read = History(seeded.store, computed)
    points = await read.points(selection, "art")
    (change,) = await read.changes(selection, selection.metric("art"), points)
    assert change.release == "1.2.0"
    assert change.effect == pytest.approx(0.25, abs=0.05)
    assert await read.changes(selection, selection.metric("art"), points[-3:], limit=3) == []
    assert computed.names == []


async def test_a_chosen_window_is_computed_once_until_its_project_changes(
    seeded: SeededSite, computed: Computed
) -> None:
    selection = await Selections(seeded.store, seeded.catalog, OWN).find("kintowe")
    metric, read = selection.metric("art"), History(seeded.store, computed)
    since = (await read.points(selection, "art"))[0].at
    points = await read.points(selection, "art", since=since)
    first = await read.changes(selection, metric, points, since=since)
    assert [change.release for change in first] == ["1.2.0"]
    assert await read.changes(selection, metric, points, since=since) is first
    assert computed.names == ["comparable_changes"]
    await seeded.history("elsewhere", releases=(("1", 1.0),), runs=1, seed=2)
    assert await read.changes(selection, metric, points, since=since) is first
    assert await seeded.store.transitions.set_excluded(points[0].run, "of no use")
    assert await read.changes(selection, metric, points, since=since) is not first


async def test_no_more_results_are_kept_than_there_is_room_for() -> None:
    made = []
    kept = Kept(2)
    for name in ("art", "cpu", "art", "rps", "art", "cpu"):

        async def make(name: str = name) -> str:
            made.append(name)
            return name

        assert await kept.get(name, 1, make) == name
    assert made == ["art", "cpu", "rps", "cpu"]

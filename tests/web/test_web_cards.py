"""What pages and API show at a usual selection was computed when the runs were judged; no request computes it."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver import verdict
from dogdriver.model import Catalog, Problem, Release, Schedule, Scope
from dogdriver.reports.project import Reports
from dogdriver.storage import open_store
from dogdriver.storage.migrations import migrations
from tests.web.conftest import Client, read
from tests.web.seeded import OWN, START, Clock, SeededSite

STATISTICS = Path(verdict.__file__).parent
WORDS = frozenset({
    "__init__", "comparability", "headline", "headline_wording", "wording", "sequential", "sizes", "scale",
    "false_alarms",
})  # fmt: skip
"""Modules that say things about numbers that are there."""
SCOPE = Scope("kintowe", "stage", "dogdriver", OWN)
USUAL = (
    "/", "/p/kintowe", "/p/kintowe?runs=10000", "/api/v1/projects", "/api/v1/projects/kintowe",
    "/api/v1/series/kintowe/art", "/api/v1/series/kintowe/art?limit=5", "/api/v1/verdicts/kintowe",
    "/api/v1/releases/kintowe", "/api/trend/kintowe", "/api/runs/kintowe/rps",
)  # fmt: skip


async def refuse(work: Any, /, *_args: Any, **_kwargs: Any) -> Any:
    raise AssertionError(f"{work.__name__} is computed for a request")


@contextmanager
def computing() -> Iterator[set[str]]:
    """The modules of statistics that are entered meanwhile."""
    entered: set[str] = set()

    def look(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.parent == STATISTICS and path.stem not in WORDS:
            entered.add(path.stem)

    sys.setprofile(look)
    try:
        yield entered
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("path", USUAL)
async def test_no_request_at_a_usual_selection_computes_statistics(seeded: SeededSite, path: str) -> None:
    async with TestClient(TestServer(seeded.app(compute=refuse))) as client:
        with computing() as entered:
            answer = await client.get(path)
            assert answer.status == 200, await answer.text()
    assert not entered


async def test_a_chosen_pair_is_computed_elsewhere_and_once(seeded: SeededSite) -> None:
    asked: list[str] = []

    async def compute(work: Any, /, *args: Any, **kwargs: Any) -> Any:
        asked.append(work.__name__)
        return work(*args, **kwargs)

    path = "/api/v1/verdicts/kintowe?release=1.2.0&baseline=1.0.0"
    async with TestClient(TestServer(seeded.app(compute=compute))) as client:
        with computing() as entered:
            first = await read(client, path)
        assert "mixed_model" in entered
        await seeded.history("elsewhere", releases=(("1", 1.0),), runs=1, seed=2)  # the response is not kept any more
        assert await read(client, path) == first
        assert len(asked) == 1


async def _documents(client: Client) -> list[Any]:
    paths = ("/api/v1/projects", "/api/v1/series/kintowe/art", "/api/v1/verdicts/kintowe")
    return [await read(client, path) for path in paths]


def _as_before_cards(data: Path) -> None:
    """The database as the schema before had it."""
    with closing(sqlite3.connect(data / "dogdriver.db")) as database:
        objects = database.execute(
            "SELECT type, name FROM sqlite_master WHERE"
            " name IN ('card', 'stale', 'change', 'point_added', 'point_deleted')"
            " OR name LIKE 'change\\_%' ESCAPE '\\' ORDER BY type DESC"
        ).fetchall()
        assert len(objects) > 10
        for kind, name in objects:
            database.execute(f"DROP {kind} {name}")
        number = next(step.number for step in migrations() if step.name.endswith("_cards.sql"))
        assert number == len(migrations()), "later schemas have to be taken back first"
        database.execute(f"PRAGMA user_version = {number - 1}")
        database.commit()


async def test_an_upgraded_database_gets_its_cards_and_announces_nothing(kept_history: Path, tmp_path: Path) -> None:
    data, clock = tmp_path / "data", Clock(START + timedelta(hours=18))
    shutil.copytree(kept_history, data, ignore=shutil.ignore_patterns("*.lock"))
    async with open_store(data) as store, TestClient(TestServer(SeededSite(store, clock).app())) as client:
        before = await _documents(client)
        looks = await store.verdicts.newest(SCOPE)
    _as_before_cards(data)
    async with open_store(data) as store:
        site = SeededSite(store, clock)
        async with TestClient(TestServer(site.app(compute=refuse))) as client:
            (project,) = (await read(client, "/api/v1/projects"))["projects"]
            assert project["headline"] == "slower"  # what stands is there at once,
            assert {metric["trend"] for metric in project["metrics"]} == {None}  # what is not made yet is not made up
            assert await site.pipeline.show_next()
            assert not await site.pipeline.show_next()
            assert await _documents(client) == before
        assert await store.verdicts.newest(SCOPE) == looks
        assert await store.outbox.list() == []


async def test_another_margin_makes_the_cards_anew(seeded: SeededSite) -> None:
    assert not await seeded.pipeline.show_next()
    entry = seeded.catalog.current.projects["kintowe"]
    wider = replace(entry, metrics=tuple(replace(metric, margin=0.9) for metric in entry.metrics))
    seeded.catalog.current = Catalog({"kintowe": wider})
    assert await seeded.pipeline.show_next()
    assert not await seeded.pipeline.show_next()
    cards = await seeded.store.cards.of(SCOPE)
    trend = cards["art"].trend
    assert trend is not None
    assert trend.margin == 0.9


async def test_only_what_has_changed_is_read_again(seeded: SeededSite) -> None:
    await seeded.history("other", releases=(("1", 1.0),), runs=3, seed=2)
    reports = Reports(seeded.store, seeded.catalog, OWN)
    first = {view.selection.project: view for view in await reports.projects()}
    assert first.keys() == {"kintowe", "other"}
    await seeded.history("other", releases=(("2", 1.0),), runs=1, seed=3, start=START + timedelta(hours=4))
    second = {view.selection.project: view for view in await reports.projects()}
    assert second["kintowe"] is first["kintowe"]
    assert second["other"].newest != first["other"].newest
    assert await reports.document(second["kintowe"]) is await reports.document(second["kintowe"])

    seeded.catalog.current = Catalog(
        {"kintowe": replace(seeded.catalog.current.projects["kintowe"], schedule=Schedule(every=60.0))},
        (Problem("other", "it has no test"),),
    )
    third = {view.selection.project: view for view in await reports.projects()}
    entry = third["kintowe"].selection.entry
    assert entry is not None
    assert entry.schedule == Schedule(every=60.0)
    assert third["other"].problems == ("it has no test",)


async def test_a_release_that_is_seen_without_a_run_is_read(seeded: SeededSite) -> None:
    reports = Reports(seeded.store, seeded.catalog, OWN)
    (first,) = await reports.projects()
    assert first.release.waiting is None
    at = START + timedelta(days=9)
    assert await seeded.store.releases.see("kintowe", "stage", Release("9.0", "9.0", None), at)
    (second,) = await reports.projects()
    assert second.release.waiting is not None
    assert second.release.waiting.name == "9.0"

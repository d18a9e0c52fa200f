"""What version 0.1.0 wrote stays readable, is announced no second time, and is tested from now on."""

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.storage import open_store
from dogdriver.storage.export import Counts, export_csv, import_lines
from tests.web import seeded
from tests.web.conftest import Client
from tests.written_before import (
    ENDED,
    EXPECTED,
    MADE,
    NEWEST,
    PROJECTS,
    TOLD,
    Later,
    announced,
    daemon,
    database,
    export,
    exported,
    heard,
    lacks,
    lost,
    messages,
    of_kind,
)

HOUR, DAY = 3600.0, 86400.0
NOW = datetime(2100, 1, 1, tzinfo=UTC)
OF_THE_KEEPER = ("trigger", "links", "verdicts")
"""Fields of a run that each daemon has for itself."""


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    return database(tmp_path / "paris")


@pytest.fixture(name="site")
async def _site(data: Path) -> AsyncIterator[seeded.SeededSite]:
    async with open_store(data) as store:
        yield seeded.SeededSite(store, seeded.Clock(ENDED), seeded.FixedCatalog(*PROJECTS.values()))


@pytest.fixture(name="reader")
async def _reader(site: seeded.SeededSite) -> AsyncIterator[Client]:
    async with TestClient(TestServer(site.app())) as client:
        yield client


@pytest.fixture(name="paris")
async def _paris(data: Path) -> AsyncIterator[Later]:
    """The daemon that made it, of now."""
    async with daemon(data) as world:
        yield world


@pytest.fixture(name="empty")
async def _empty(tmp_path: Path) -> AsyncIterator[Later]:
    """The same without its data."""
    async with daemon(tmp_path / "empty") as world:
        yield world


async def read(client: Client, path: str, **query: str | int) -> Any:
    answer = await client.get(f"/api/v1/{path}", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


# The database


async def test_every_run_look_and_release_reads_as_it_was_written(data: Path) -> None:
    async with open_store(data):
        pass  # it has the newest schema now
    for kind in ("run", "verdict", "release"):
        wanted = of_kind(kind, export())
        assert lost(exported(data, kind), wanted) == []
        assert len(exported(data, kind)) == len(wanted) > 0


async def test_the_api_answers_with_the_same_run_documents(reader: Client) -> None:
    for wanted in EXPECTED["documents"]:
        assert lacks((await read(reader, f"runs/{wanted['id']}"))["run"], wanted) == []
    counts: dict[str, Counter[str]] = {}
    for run in (await read(reader, "runs", limit=200))["runs"]:
        counts.setdefault(run["project"], Counter())[run["status"]] += 1
    assert counts == EXPECTED["runs"]


async def test_every_series_holds_what_was_measured(reader: Client) -> None:
    wanted: dict[tuple[str, ...], dict[str, float | None]] = {}
    for row in csv.DictReader(io.StringIO((MADE / "export.csv").read_text(encoding="utf-8"))):
        if row["status"] == "done":
            series = tuple(row[name] for name in ("project", "metric", "deployment", "test", "source"))
            wanted.setdefault(series, {})[row["run"]] = float(row["value"]) if row["value"] else None
    assert len(wanted) > 30
    for (project, metric, deployment, test, source), values in wanted.items():
        found = await read(reader, f"series/{project}/{metric}", deployment=deployment, test=test, source=source)
        assert {one["run"]: one["value"] for one in found["points"] if one["status"] == "done"} == values


async def test_what_stood_of_each_release_stands(reader: Client) -> None:
    wanted: dict[tuple[str, ...], dict[str, tuple[str, str]]] = {}
    for one in EXPECTED["verdicts"]:
        place = tuple(one[name] for name in ("project", "deployment", "test", "source", "release"))
        wanted.setdefault(place, {})[one["metric"]] = (one["outcome"], one["state"])
    for (project, deployment, test, source, release), verdicts in wanted.items():
        found = await read(
            reader, f"verdicts/{project}", deployment=deployment, test=test, source=source, release=release
        )
        assert {one["metric"]: (one["outcome"], one["state"]) for one in found["verdicts"]} == verdicts


async def test_its_pages_are_shown(reader: Client) -> None:
    for path in ("/", "/p/shop", "/p/login", f"/r/{EXPECTED['documents'][0]['id']}"):
        answer = await reader.get(path)
        assert answer.status == 200, await answer.text()


async def test_it_is_backed_up_and_exported(site: seeded.SeededSite, data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    await site.store.backup(tmp_path / "copy" / "dogdriver.db")
    async with open_store(tmp_path / "copy"):
        pass
    for kind in ("run", "verdict", "release"):
        assert exported(tmp_path / "copy", kind) == exported(data, kind)
    out = io.StringIO(newline="")
    export_csv(data, out)
    assert out.getvalue().encode() == (MADE / "export.csv").read_bytes()


# What has been announced


async def test_the_outbox_is_what_it_was(paris: Later) -> None:
    counts: dict[str, Counter[str]] = {}
    for one in await messages(paris.store):
        counts.setdefault(one.kind, Counter())[one.state] += 1
    told = counts.pop("notice")  # what stood before there were notifications counts as told, and nobody is
    assert set(told) == {"sent"}
    assert counts == EXPECTED["outbox"]
    assert await paris.in_outbox() == sorted(TOLD)


async def test_what_could_not_be_told_then_is_told_once(paris: Later) -> None:
    for seconds in (HOUR, DAY):
        paris.clock.forward(seconds)
        await paris.deliver()
    assert heard(paris.standin) == [one for one, state in TOLD.items() if state == "waiting"]


async def test_a_look_at_every_release_again_announces_nothing_anew(paris: Later) -> None:
    before, outbox = announced(paris.data), await messages(paris.store)
    for _ in range(2):  # a second look agrees with the first
        await paris.look_again()
        assert await messages(paris.store) == outbox
        assert announced(paris.data) == before


@pytest.mark.parametrize("project", NEWEST)
async def test_runs_that_agree_announce_nothing_anew(paris: Later, project: str) -> None:
    before = announced(paris.data)
    for _ in range(2):
        run = await paris.one_more(project)
        assert run.release == NEWEST[project][0]
    await paris.look_again()
    paris.clock.forward(DAY)
    await paris.deliver()
    assert await paris.in_outbox() == sorted(TOLD)
    assert heard(paris.standin) == [one for one, state in TOLD.items() if state == "waiting"]
    assert before <= announced(paris.data)


@pytest.mark.parametrize("restored", ["export", "bucket"])
async def test_a_daemon_that_is_restored_tells_nothing_a_second_time(empty: Later, restored: str) -> None:
    if restored == "export":
        await empty.close()
        await import_lines(empty.data, export(), now=NOW)
        await empty.start()
    else:
        await empty.sync()
    for _ in range(2):
        await empty.one_more("login")
    assert heard(empty.standin) == []


# From now on


async def test_what_was_queued_and_what_waited_goes_on(paris: Later) -> None:
    [(key, queued)] = EXPECTED["asked"].items()
    waiting = {run["source"]: run for run in exported(paris.data, "run") if run["status"] == "pending"}
    assert waiting.keys() == {"paris", "ci"}
    for run in waiting.values():
        paris.points("shop", datetime.fromisoformat(run["started"]))
    assert (await paris.pipeline.trigger("shop", idempotency_key=key)).id == queued
    assert (await paris.one_more("shop")).id == queued
    assert (await paris.pipeline.trigger("shop", idempotency_key=key)).id == queued
    await paris.collect_all()
    done = {run["id"]: run for run in paris.done()}
    for run_id in (queued, *(run["id"] for run in waiting.values())):
        assert done[run_id]["metrics"]["art"]["value"] == pytest.approx(360.0)


async def test_a_run_of_now_is_judged_with_those_of_then(paris: Later) -> None:
    run = await paris.one_more("login")
    looks = [one for one in exported(paris.data, "verdict") if run.id in one["inputs"].get("runs", ())]
    then = {one["metric"] for one in EXPECTED["verdicts"]}
    assert {
        (one["key"]["metric"], one["release"], one["look"], len(one["inputs"]["runs"]))
        for one in looks
        if one["key"]["metric"] in then
    } == {
        (one["metric"], "1.1", one["look"] + 1, 8)
        for one in EXPECTED["verdicts"]
        if (one["project"], one["release"]) == ("login", "1.1")
    }


# The bucket


async def test_its_own_daemon_reads_nothing_of_the_bucket_again(paris: Later) -> None:
    before = paris.bucket.keys
    await paris.sync()
    assert paris.bucket.read == 2  # the delivered run that nobody has claimed, and the job
    runs = {run["id"] for run in exported(paris.data, "run")} - {run["id"] for run in of_kind("run", export())}
    assert len(runs) == 2
    await paris.one_more("shop")
    await paris.collect_all()
    await paris.upload()
    assert {key for key in before if not _passing(key)} <= set(paris.bucket.keys)
    assert not any(_passing(key) for key in paris.bucket.keys)


def _passing(key: str) -> bool:
    return key.startswith(("dogdriver/v1/inbox/", "dogdriver/v1/claims/", "job-"))


@pytest.mark.parametrize("source", ["paris", "rome"])
async def test_a_daemon_without_history_gets_all_of_it_from_the_bucket(tmp_path: Path, source: str) -> None:
    async with daemon(tmp_path / "empty", source=source) as fresh:
        fresh.clock.forward(2 * HOUR)  # what was claimed then is free again
        before = fresh.bucket.keys
        await fresh.sync()
        wanted = [run for run in of_kind("run", export()) if run["status"] != "pending" and run["source"] != "ci"]
        found = exported(fresh.data, "run")
        assert lost(found, wanted, but=OF_THE_KEEPER) == []
        assert len(found) == len(wanted) + 4
        assert Counter(run["status"] for run in found if run["source"] == "ci") == {"done": 1, "pending": 2}
        [job] = [run for run in found if run["source"] == "marseille" and run["status"] == "pending"]
        assert (job["project"], job["release"]) == ("shop", "1.0")
        assert exported(fresh.data, "verdict") != []
        await fresh.collect_all()
        await fresh.upload()
        assert {run["status"] for run in exported(fresh.data, "run")} == {"done", "failed", "aborted", "invalid"}
        assert {key for key in before if not _passing(key)} <= set(fresh.bucket.keys)
        assert [key for key in fresh.bucket.keys if _passing(key)] == []
        assert len(fresh.bucket.keys) == len(before) - 4 + 3
        assert await fresh.in_outbox() == heard(fresh.standin) == []


# The export


async def test_the_export_comes_into_an_empty_store_as_it_was(tmp_path: Path) -> None:
    brought = await import_lines(tmp_path, export(), now=NOW)
    [end] = [json.loads(line) for line in export()][-1:]
    assert brought.there == Counts()
    assert brought.new == Counts(runs=end["runs"], verdicts=end["verdicts"], releases=end["releases"])
    for kind in ("run", "verdict", "release"):
        assert lost(exported(tmp_path, kind), of_kind(kind, export())) == []


async def test_a_second_import_adds_nothing(tmp_path: Path, data: Path) -> None:
    await import_lines(tmp_path / "empty", export(), now=NOW)
    for kept in (tmp_path / "empty", data):
        before = {kind: exported(kept, kind) for kind in ("run", "verdict", "release")}
        again = await import_lines(kept, export(), now=NOW)
        assert again.new == Counts()
        assert {kind: exported(kept, kind) for kind in before} == before

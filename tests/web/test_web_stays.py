"""Which release a page speaks of: rollbacks, backfilled runs and two commits of one version, by PUT."""

import random  # noqa: TID251 - a seeded history
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dogdriver.model import Release
from tests.web.conftest import Client, page, read
from tests.web.seeded import SeededSite, ended_run

START = datetime(2026, 4, 1, tzinfo=UTC)
DICE = random.Random(7)  # noqa: S311 - a seeded history


def delivery(hour: int, release: str, art: float, **others: Any) -> dict[str, Any]:
    """A run of a CI's own, all of whose values are known."""
    at = START + timedelta(hours=hour)
    return {
        "project": "kintowe", "deployment": "stage", "test": "dogdriver", "source": "lab", "release": release,
        "status": "done", "started": at.isoformat(), "ended": (at + timedelta(minutes=5)).isoformat(),
        "load": {"workers": 2, "processes": 1, "duration": 300}, "tally": {"ok": 10, "requests": 20},
        "metrics": {"art": {"state": "settled", "value": art}}, **others,
    }  # fmt: skip


async def deliver(owner: Client, hour: int, release: str, level: float, runs: int, **others: Any) -> int:
    """*runs* runs an hour apart; the hour after the last."""
    for place in range(hour, hour + runs):
        body = delivery(place, release, round(level * DICE.gauss(1, 0.004), 4), **others)
        answer = await owner.put(f"/api/v1/runs/r{place:04d}", json=body)
        assert answer.status == 201, await answer.text()
    return hour + runs


async def history(owner: Client, *releases: tuple[str, float], runs: int = 6, hour: int = 0) -> None:
    for release, level in releases:
        hour = await deliver(owner, hour, release, level, runs)


async def verdict(owner: Client, release: str | None = None) -> dict[str, Any]:
    wanted = f"&release={release}" if release else ""
    answer: dict[str, Any] = await read(owner, f"/api/v1/verdicts/kintowe?source=lab{wanted}")
    return answer | {"art": next(v for v in answer["verdicts"] if v["metric"] == "art")}


async def lines(owner: Client) -> Sequence[str]:
    answer = await read(owner, "/api/v1/series/kintowe/art?source=lab")
    return [one["release"] for one in answer["releases"]]


async def test_after_a_rollback_the_page_speaks_of_what_runs_now(owner: Client) -> None:
    await history(owner, ("0.8", 100), ("0.9", 100), ("1.0", 100), ("2.0", 115), ("1.0", 100))
    found = await verdict(owner)
    assert (found["release"], found["stay"]) == ("1.0@2", 2)
    assert found["art"]["outcome"] == "unchanged"
    assert found["art"]["recovered"] is True
    assert [(one["release"], one["kind"], one["outcome"]) for one in found["art"]["references"]] == [
        ("1.0", "last_good", "unchanged"),
        ("2.0", "previous", "improved"),
    ]
    assert await lines(owner) == ["0.8", "0.9", "1.0", "2.0", "1.0@2"]
    assert (await verdict(owner, "1.0"))["release"] == "1.0@2", "its newest stay"
    assert (await verdict(owner, "1.0@1"))["release"] == "1.0"
    assert "1.0@2" in await page(owner, "/p/kintowe?source=lab")
    ladder = (await read(owner, "/api/v1/releases/kintowe?source=lab"))["releases"]
    assert [(one["release"], one["stay"], one["current"], one["runs"]) for one in ladder] == [
        ("1.0", 2, True, 6),
        ("2.0", 1, False, 6),
        ("1.0", 1, False, 6),
        ("0.9", 1, False, 6),
        ("0.8", 1, False, 6),
    ]
    assert ladder[1]["headline"] == "slower"
    assert ladder[1]["leading"]["metric"] == "art"
    assert ladder[1]["leading"]["effect"] == pytest.approx(0.15, abs=0.02)
    run = (await read(owner, "/api/v1/runs/r0024"))["run"]
    assert (run["release"], run["stay"]) == ("1.0", 2)
    listed = await read(owner, "/api/v1/runs?release=1.0@2")
    assert len(listed["runs"]) == 6


async def test_two_releases_that_take_turns_have_one_stay_each(owner: Client) -> None:
    for hour in range(12):
        await deliver(owner, hour, ("a", "b")[hour // 2 % 2], 100, 1)
    assert await lines(owner) == ["a", "b"]


async def test_backfilled_releases_stand_where_they_belong_and_what_rests_on_them_is_judged_again(
    owner: Client,
) -> None:
    await history(owner, ("1.9", 100), ("2.0", 112), runs=8, hour=100)
    assert (await verdict(owner))["release"] == "2.0"
    await history(owner, ("1.0", 100), ("1.1", 100), ("1.2", 100))
    found = await verdict(owner)
    assert (found["release"], found["headline"]) == ("2.0", "slower")
    assert found["art"]["baseline_runs"] == 26
    assert await lines(owner) == ["1.0", "1.1", "1.2", "1.9", "2.0"]


async def test_two_commits_of_one_version_are_two_releases(owner: Client) -> None:
    hour = await deliver(owner, 0, "2.0", 100, 6, version="2.0", commit="a" * 40)
    await deliver(owner, hour, "2.0", 150, 6, version="2.0", commit="b" * 40)
    found = await verdict(owner)
    assert (found["release"], found["baseline"], found["headline"]) == ("2.0+bbbbbbb", "2.0", "slower")
    assert await lines(owner) == ["2.0", "2.0+bbbbbbb"]
    again = delivery(hour, "2.0", 0, version="2.0", commit="b" * 40)
    kept = (await read(owner, f"/api/v1/runs/r{hour:04d}"))["run"]
    again["metrics"]["art"]["value"] = kept["metrics"]["art"]["value"]
    assert (await owner.put(f"/api/v1/runs/r{hour:04d}", json=again)).status == 200, "the same run, sent again"


async def test_a_corrected_value_is_another_run(owner: Client) -> None:
    body = delivery(0, "1.0", 100.0)
    assert (await owner.put("/api/v1/runs/one", json=body)).status == 201
    assert (await owner.put("/api/v1/runs/one", json=body)).status == 200
    answer = await owner.put("/api/v1/runs/one", json=delivery(0, "1.0", 200.0))
    assert answer.status == 409
    assert "exclude that run, and send this one under a new id" in (await answer.json())["error"]["message"]


async def test_values_are_kept_in_the_projects_unit_or_refused(owner: Client) -> None:
    """Art is in ms: 0.9 s are 900 ms, and 3 MiB are none."""
    for place, (unit, value) in enumerate((("ms", 900.0), ("s", 0.9), (None, 900.0), ("us", 900_000.0))):
        body = delivery(place, "1.0", value)
        body["metrics"]["art"]["unit"] = unit
        for status in (201, 200):
            answer = await owner.put(f"/api/v1/runs/u{place}", json=body)
            assert answer.status == status
        kept = (await answer.json())["run"]["metrics"]["art"]
        assert kept["value"] == pytest.approx(900.0)
    body = delivery(9, "1.0", 3.0)
    body["metrics"]["art"]["unit"] = "MiB"
    answer = await owner.put("/api/v1/runs/u9", json=body)
    assert answer.status == 422
    message = (await answer.json())["error"]["message"]
    assert message == "art is delivered in MiB, and the project has it in ms; deliver it in ms"


async def test_the_page_says_what_runs_now_and_is_not_judged_yet(site: SeededSite, owner: Client) -> None:
    await history(owner, ("0.9", 100), ("1.0", 100), ("2.0", 115))
    for path in ("/", "/p/kintowe?source=lab"):
        assert "not judged yet" not in await page(owner, path)
    seen, back = START + timedelta(hours=20), START + timedelta(hours=22)
    assert await site.store.releases.see("kintowe", "stage", Release("2.1", "2.1"), seen)
    text = await page(owner, "/p/kintowe?source=lab")
    assert "2.1 is there since 2026-04-01 20:00 UTC, no run yet; not judged yet." in text
    assert "2.0, the newest" in text
    run = ended_run("back", "kintowe", back, "1.0", source="lab", version=None, commit=None, stay=2, fingerprint=None)
    await site.keep(run, judge=False)
    for path in ("/", "/p/kintowe?source=lab", "/p/kintowe?source=lab&release=0.9"):
        assert "1.0 is back since 2026-04-01 22:00 UTC, 1 run so far; not judged yet." in await page(owner, path)
    await deliver(owner, 23, "1.0", 100, 1)
    assert "not judged yet" not in await page(owner, "/p/kintowe?source=lab")

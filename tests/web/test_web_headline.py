"""A headline as people and programs are given it: on the page, in the API, in Datadog."""

import random  # noqa: TID251 - a seeded history
from datetime import timedelta

from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model import MetricState, MetricValue, OutboxMessage, Run, Scope
from dogdriver.pipeline.announcements import Announcements
from dogdriver.reports.needed import Timetable
from tests.web.conftest import Client, page, read
from tests.web.seeded import OWN, START, FixedCatalog, SeededSite, ended_run, project

SHOP = project("shop")
GOOD = tuple((f"1.2.{i}", 1.0, 1.0, 5) for i in range(4))
Plan = tuple[tuple[str, float, float, int], ...]
"""Of each release: its label, how slow it is, how much CPU it takes, its runs."""


async def made(site: SeededSite, plan: Plan) -> Run:
    """The newest run of a history in which latency is about 20 ms and CPU 40 %, within 1 %."""
    site.catalog.current = FixedCatalog(SHOP).current
    dice, hours, run = random.Random(5), 0, None  # noqa: S311 - a seeded history
    for label, slow, cpu, runs in plan:
        for place in range(runs):
            values = {
                name: MetricValue(MetricState.SETTLED, level * dice.gauss(1, 0.01), unit=unit)
                for name, level, unit in (
                    ("art", 20 * slow, "ms"), ("cpu", 40 * cpu, "%"), ("client.error_ratio", 0.01, "ratio"),
                )
            }  # fmt: skip
            hours += 1
            run = ended_run(f"{hours:032x}", "shop", START + timedelta(hours=hours), label)
            await site.keep(run, values, judge=place >= runs - 2)
    assert run is not None
    return run


async def told(site: SeededSite, run: Run) -> OutboxMessage | None:
    return await Announcements(site.context).message(run, [])


async def test_a_release_after_a_bad_one_is_against_the_last_good_one(site: SeededSite, client: Client) -> None:
    run = await made(site, (*GOOD, ("2.0.0", 1.2, 1.0, 5), ("2.0.1", 1.0, 1.0, 5)))
    document = await read(client, "/api/v1/verdicts/shop")
    assert (document["headline"], document["release"], document["stay"]) == ("no_change", "2.0.1", 1)
    assert document["baseline"] == "1.2.3"
    assert "faster than 2.0.0, as 1.2.3 was." in document["sentence"]
    assert (document["judged"], document["of"], document["step"]) == (3, 4, None)
    assert document["reasons"] == [{"metric": "rps", "reason": "It has no value of this release."}]
    decide = {one["metric"] for one in document["verdicts"] if one["decides"]}
    assert decide == {"art", "client.error_ratio"}
    [same] = [one for one in (await read(client, "/api/v1/projects"))["projects"] if one["name"] == "shop"]
    assert {name: same[name] for name in ("headline", "sentence", "baseline", "judged", "of", "reasons")} == {
        name: document[name] for name in ("headline", "sentence", "baseline", "judged", "of", "reasons")
    }
    text = await page(client, "/p/shop")
    assert "Judged 3 of 4 metrics." in text
    assert "against 4 earlier releases, 1.2.0 to 1.2.3" in text
    [in_its_run] = [
        v for v in (await read(client, f"/api/v1/runs/{run.id}"))["run"]["verdicts"] if v["metric"] == "art"
    ]
    assert in_its_run["decides"] is True


async def test_a_regression_that_does_not_decide_is_told_beside_the_headline(site: SeededSite, client: Client) -> None:
    run = await made(site, (*GOOD, ("1.3.0", 1.0, 1.5, 6)))
    document = await read(client, "/api/v1/verdicts/shop")
    assert document["headline"] == "no_change"
    assert document["sentence"].startswith("No change; cpu +")
    home = await page(client, "/")
    assert "1 project: 1 unchanged. 1 of them with a metric that is worse, though it does not decide." in home
    assert 'class="card same attention"' in home
    message = await told(site, run)
    assert message is not None
    assert message.key.endswith("/1.3.0/no_change:attention")
    assert message.payload["alert_type"] == "warning"
    assert "CPU +" in message.payload["text"]


async def test_what_is_only_probable_is_shown_and_nobody_is_told(site: SeededSite, client: Client) -> None:
    run = await made(site, (*GOOD, ("1.3.0", 1.2, 1.0, 3)))
    document = await read(client, "/api/v1/verdicts/shop")
    assert document["headline"] == "probably_slower"
    assert document["sentence"].endswith("; one more run has to agree.")
    [latency] = [one for one in document["verdicts"] if one["metric"] == "art"]
    assert (latency["outcome"], latency["needed"]) == ("undecided", {"runs": 1, "at": None})
    text = await page(client, "/p/shop")
    assert "Probably slower" in text
    assert "Probably worse" in text
    assert "1 probably slower" in await page(client, "/")
    assert await told(site, run) is None


async def test_a_step_inside_a_release_names_its_run(site: SeededSite, client: Client) -> None:
    await made(site, (*GOOD, ("1.3.0", 1.0, 1.0, 6), ("1.3.0", 1.15, 1.0, 6)))
    document = await read(client, "/api/v1/verdicts/shop")
    step = document["step"]
    assert (step["metric"], step["run"]) == ("art", f"{27:032x}")
    assert 0.1 < step["effect"] < 0.2
    assert (await read(client, f"/api/v1/runs/{step['run']}"))["run"]["started"] == step["at"]
    assert "stepped +" in document["sentence"]
    assert "at run 7, on" in await page(client, "/p/shop")


async def test_a_schedule_says_until_when(site: SeededSite) -> None:
    class Hourly:
        def nth_run(self, project: str, number: int) -> object:
            return START + timedelta(days=2, hours=number)

    await made(site, (*GOOD, ("1.3.0", 1.2, 1.0, 3)))
    timetable = Timetable(Hourly(), site.catalog, OWN, 600.0)  # type: ignore[arg-type]
    async with TestClient(TestServer(site.app(timetable=timetable))) as client:
        [latency] = [one for one in (await read(client, "/api/v1/verdicts/shop"))["verdicts"] if one["metric"] == "art"]
    assert latency["needed"] == {"runs": 1, "at": "2026-05-06T13:10:00Z"}
    there = Scope("shop", "stage", "dogdriver", OWN)
    assert timetable.due(there, 3) == START + timedelta(days=2, hours=3, minutes=10)
    for elsewhere in (
        Scope("shop", "stage", "dogdriver", "lab"), Scope("shop", "stage", "other", OWN),
        Scope("shop", "prod", "dogdriver", OWN), Scope("gone", "stage", "dogdriver", OWN),
    ):  # fmt: skip
        assert timetable.due(elsewhere, 3) is None


async def test_a_headline_has_one_event_however_often_it_is_said(site: SeededSite) -> None:
    run = await made(site, (*GOOD, ("1.3.0", 1.2, 1.0, 5)))
    first, again = await told(site, run), await told(site, run)
    assert first is not None
    assert again is not None
    assert first.key == again.key == "verdict:shop/stage/dogdriver/1.3.0/slower"

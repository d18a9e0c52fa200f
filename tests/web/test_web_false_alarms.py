"""How often the verdicts are wrong, checked on halves of releases: the API and the page say it."""

import random  # noqa: TID251 - a seeded history
from datetime import timedelta

from dogdriver.model import Better, Metric, MetricState, MetricValue
from tests.web.conftest import Client, page, read
from tests.web.seeded import START, FixedCatalog, SeededSite, ended_run, project

LATENCY = Metric("latency", "Latency", "ms", Better.LOWER, query="avg:x")
RUNS, RELEASES = 8, 3


async def keep(site: SeededSite, *, steps: bool) -> None:
    """Releases of the same level; where it *steps*, it rises by a third in the middle of each and falls back after."""
    site.catalog.current = FixedCatalog(project("kintowe", metrics=(LATENCY,))).current
    dice = random.Random(5)  # noqa: S311 - a seeded history
    for number in range(RELEASES * RUNS):
        at, late = START + timedelta(hours=number), steps and number % RUNS >= RUNS // 2
        value = round(100 * (1.3 if late else 1.0) * (1 + dice.gauss(0, 0.005)), 3)
        run = ended_run(f"{number:032x}", "kintowe", at, f"1.{number // RUNS}.0", client=None, started=at)
        settled = {"latency": MetricValue(MetricState.SETTLED, value, 5, 5, "latency", "ms", 60.0)}
        await site.keep(run, settled)


async def test_a_project_says_how_often_halves_of_its_releases_were_called_different(
    site: SeededSite, client: Client
) -> None:
    await keep(site, steps=False)
    found = (await read(client, "/api/v1/verdicts/kintowe"))["false_alarms"]
    assert (found["called"], found["halves"], found["rate"], found["low"]) == (0, RELEASES, 0.0, 0.0)
    assert 0.6 < found["high"] < 0.65  # .05 ** (1 / 3) of a success each
    text = await page(client, "/p/kintowe")
    assert "Checked on itself: 0 of 3 halves of releases were called different (at most 63 %)." in text


async def test_a_rate_that_is_surely_too_high_is_a_warning(site: SeededSite, client: Client) -> None:
    await keep(site, steps=True)
    found = (await read(client, "/api/v1/verdicts/kintowe"))["false_alarms"]
    assert found["called"] >= 1
    assert found["low"] > 0.01
    assert "trust the verdicts less here" in await page(client, "/p/kintowe")


async def test_without_halves_nothing_is_said(site: SeededSite, client: Client) -> None:
    site.catalog.current = FixedCatalog(project("kintowe", metrics=(LATENCY,))).current
    found = (await read(client, "/api/v1/verdicts/kintowe"))["false_alarms"]
    assert found == {"called": 0, "halves": 0, "rate": None, "low": None, "high": None}
    assert "Checked on itself" not in await page(client, "/p/kintowe")

"""A project's page: the answer first, what it rests on, and what else can be picked."""

import re

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model import Better, Filter, Headline, Judged, Metric, Noise, Outcome, SeriesKey, Standing, Verdict
from dogdriver.verdict import About, standing
from tests.web.conftest import Client, page
from tests.web.seeded import OWN, START, TOKEN, FixedCatalog, SeededSite, project


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({}, "Its first run starts by its schedule"),
        ({"test": None}, "it has no test"),
        ({"allowed": False}, "matches nothing in allowed_tests"),
        ({"deployments": ()}, "it has no deployment"),
    ],
)
async def test_a_project_that_never_ran_says_why(site: SeededSite, others: dict[str, object], said: str) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(project("new", **others)))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(again.app()), headers=headers) as client:
        assert said in await page(client, "/")
        text = await page(client, "/p/new")
    assert said in text
    assert ("Run now" in text) is (others == {})


async def test_the_project_page_has_verdicts_charts_runs_and_a_fallback(seeded: SeededSite, reader: Client) -> None:
    text = await page(reader, "/p/kintowe")
    assert "The verdicts on 1.2.0, metric by metric" in text
    assert text.count('data-series="/api/v1/series/kintowe/') == 8
    assert "so this is worse" in text
    for run in (await seeded.store.runs.list(Filter(), limit=10)).runs:
        assert f"/r/{run.id}" in text
    assert "In words and numbers" in text
    addresses = re.findall(r'data-series="([^"]+)"', text)
    for address in addresses:
        assert (await reader.get(address.replace("&amp;", "&"))).status == 200


async def test_the_answer_is_in_words_with_what_it_rests_on_and_how_sure_it_is(reader: Client) -> None:
    text = await page(reader, "/p/kintowe")
    answer = text[text.index('aria-label="The answer"') : text.index("Over the runs")]
    assert "Slower" in answer
    assert "against 2 earlier releases, 1.0.0 to 1.1.0" in answer
    assert "client.p95" not in re.sub(r"<[^>]+>", "", answer), "people have titles, not names"
    row = re.search(r"<tr class=\"worse\">\s*<th scope=\"row\">Average response time\b.*?</tr>", answer, re.DOTALL)
    assert row is not None
    assert re.search(r">\+2\d\.\d %<", row[0]), row[0]
    assert re.search(r">\+\d+\.\d % to \+\d+\.\d %<", row[0]), row[0]
    assert "decides" in row[0]
    assert ">6 vs 12<" in row[0]
    assert ">sure<" in row[0]
    assert '<svg class="interval"' in row[0]


async def test_an_earlier_release_and_another_baseline_can_be_picked(reader: Client) -> None:
    text = await page(reader, "/p/kintowe")
    assert '<option value="" selected>1.2.0, the newest</option>' in text
    assert '<option value="" selected>the releases before it</option>' in text
    assert "not the newest release" not in text
    earlier = await page(reader, "/p/kintowe?release=1.1.0")
    assert "<option selected>1.1.0</option>" in earlier
    assert "This is not the newest release" in earlier
    pinned = await page(reader, "/p/kintowe?release=1.2.0&baseline=1.0.0")
    assert "against 1.0.0" in pinned
    assert "6 vs 6" in pinned
    assert (await page(reader, "/p/kintowe?release=&baseline=")).count("1.2.0, the newest") == 1
    for wrong in ("release=9", "baseline=9"):
        answer = await reader.get(f"/p/kintowe?{wrong}")
        assert answer.status == 404
        assert "the newest are 1.0.0, 1.1.0, 1.2.0" in await answer.text()


async def test_a_chart_says_in_words_where_the_level_changed(reader: Client) -> None:
    text = await page(reader, "/p/kintowe")
    assert re.search(r"The level changed <time.*?</time>: \+2\d\.\d % \(.*?\), with 1\.2\.0", text)


async def test_what_is_the_same_for_all_metrics_is_said_once(site: SeededSite, client: Client) -> None:
    await site.history(runs=2, releases=(("1.0.0", 1.0), ("1.1.0", 1.0)))
    text = await page(client, "/p/kintowe")
    assert "<b>All 8 metrics</b>" in text
    assert text.count("There are only 2 runs to compare release 1.1.0 with; a verdict takes 3.") == 1


async def test_sources_can_be_chosen_and_each_has_its_voice(seeded: SeededSite, reader: Client) -> None:
    await seeded.history(releases=(("1.1.0", 1.0), ("1.2.0", 1.25)), runs=5, source="oregon", seed=7)
    text = await page(reader, "/p/kintowe")
    assert f"<option selected>{OWN}</option>" in text
    assert "<option>oregon</option>" in text
    assert 'class="voices"' in text
    other = await page(reader, "/p/kintowe?source=oregon&runs=50")
    assert "<option selected>oregon</option>" in other
    assert "source=oregon" in other


def called(metric: str, *, p: float) -> Judged:
    """A metric that one look calls regressed, and that waits for another."""
    noise = Noise(sd=0.02, autocorrelation=0.0, wobble=0.0)
    verdict = Verdict(
        Outcome.REGRESSED, 0.2, 0.1, 0.3, p, 5, 20, ("1",), None, 0.05, noise, 0.03, "m", 0, "It is worse."
    )  # fmt: skip
    key = SeriesKey("kintowe", "stage", "dogdriver", OWN, metric)
    return Judged(
        key, "2", 1, START, verdict, Standing.PROVISIONAL, Outcome.UNDECIDED, "One more look has to agree: it is worse."
    )


def test_what_waits_for_one_run_to_agree_is_probable() -> None:
    said = standing([called("a", p=0.0001), called("b", p=0.0001)])
    assert said is not None
    assert said.headline is Headline.PROBABLY_SLOWER
    assert said.sentence == "Probably worse: a +20.0 %, b +20.0 %; one more run has to agree."
    unsure = standing([called("a", p=0.009)])
    assert unsure is not None
    assert unsure.sentence == "Probably worse: a +20.0 %; more runs have to make it surer."


def test_metrics_of_one_title_are_told_apart() -> None:
    alike = [Metric(name, "Latency", "ms", Better.LOWER) for name in ("a", "b")]
    said = standing([called("a", p=0.1), called("b", p=0.1)], About.of(alike, alike, {"a", "b"}))
    assert said is not None
    assert "a +20.0 %, b +20.0 %" in said.sentence


async def test_column_heads_explain_themselves_to_hover_focus_and_readers(reader: Client) -> None:
    text = await page(reader, "/p/kintowe")
    heads = re.findall(
        r'class="explained" tabindex="0" data-tip="([^"]+)">([^<]+)<span class="hidden">: ([^<]+)<', text
    )
    assert [name for _, name, _ in heads] == ["Change", "Surely between", "Runs", "How sure", "Would notice"]
    assert all(tip == said for tip, _, said in heads)

"""A release against a pinned baseline: the page, the API and the client say what `judge_release` says."""

import random  # noqa: TID251 - a seeded history
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.cli.verdict import OwnVerdicts
from dogdriver.model import Better, Headline, Metric, MetricState, MetricValue, Outcome, Run, Sample, Verdict
from dogdriver.reports.project import Reports
from dogdriver.verdict import judge_release
from dogdriver.verdict.judge import judge
from dogdriver.web.pages.format import HEADLINES, OUTCOMES
from tests.web.conftest import Client, page, read
from tests.web.seeded import OWN, START, FixedCatalog, SeededSite, ended_run, project, values

RELEASES = ("1.0.0", "1.1.0", "1.2.0")
RUNS = 8
METRICS = tuple(Metric(f"latency{n:02}", f"Latency {n:02}", "ms", Better.LOWER, query=f"avg:x{n}") for n in range(20))
CHANGED, CHANGE = "latency07", 0.038  # by so much that its p alone is about 0.006
BETTER = dict.fromkeys((metric.name for metric in METRICS), Better.LOWER)


def series(number: int) -> list[Sample]:
    """The values of one metric: the same noise in each release, in another order; one metric is higher in the last."""
    dice = random.Random(number)  # noqa: S311 - a seeded history
    noise = [dice.gauss(0, 0.02) for _ in range(RUNS)]
    made = []
    for place, label in enumerate(RELEASES):
        level = 1 + CHANGE * (METRICS[number].name == CHANGED and label == RELEASES[-1])
        for run in range(RUNS):
            value = 100 * level * (1 + noise[(3 * run + place) % RUNS] + dice.gauss(0, 0.002))
            made.append(Sample(START + timedelta(hours=RUNS * place + run), label, round(value, 3)))
    return made


SERIES: Mapping[str, list[Sample]] = {metric.name: series(number) for number, metric in enumerate(METRICS)}


@pytest.fixture(name="judged", scope="module")
def _judged() -> dict[str, Verdict]:
    """What the one rule says of the last release against the first."""
    return judge_release(SERIES, RELEASES[-1], better=BETTER, baseline=RELEASES[0])


@pytest.fixture(name="last")
async def _last(site: SeededSite) -> Run:
    """The last run of a history of three releases."""
    site.catalog.current = FixedCatalog(project("kintowe", metrics=METRICS)).current
    for number, sample in enumerate(SERIES[CHANGED]):
        run = ended_run(f"{number:032x}", "kintowe", sample.at, sample.release, client=None, started=sample.at)
        settled = {
            name: MetricValue(MetricState.SETTLED, found[number].value, 5, 5, name, "ms", 60.0)
            for name, found in SERIES.items()
        }
        await site.keep(run, settled, judge=False)
    return run


def outcomes(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    return {name: verdict.outcome.value for name, verdict in verdicts.items()}


def test_one_of_twenty_would_be_called_alone_and_is_not_among_the_others(judged: dict[str, Verdict]) -> None:
    alone = judge(SERIES[CHANGED], RELEASES[-1], better=Better.LOWER, baseline=RELEASES[0])
    assert alone.outcome is Outcome.REGRESSED
    assert alone.p is not None
    assert 0.003 < alone.p < 0.01
    assert judged[CHANGED].outcome is Outcome.UNDECIDED
    assert judged[CHANGED].p == alone.p
    others = {name: verdict.p for name, verdict in judged.items() if name != CHANGED}
    assert all(p is not None and p > 0.2 for p in others.values())


async def test_the_api_the_page_and_the_client_say_what_the_one_rule_says(
    site: SeededSite, client: Client, last: Run, judged: dict[str, Verdict]
) -> None:
    expected = outcomes(judged)
    release, baseline = RELEASES[-1], RELEASES[0]
    document = await read(client, f"/api/v1/verdicts/kintowe?release={release}&baseline={baseline}")
    assert {one["metric"]: one["outcome"] for one in document["verdicts"]} == expected
    assert {one["metric"]: one["reason"] for one in document["verdicts"]} == {
        name: verdict.reason for name, verdict in judged.items()
    }
    assert document["headline"] == "undecided"

    text = await page(client, f"/p/kintowe?release={release}&baseline={baseline}")
    rows = re.findall(r'<th scope="row">Latency (\d\d)</th>\s*<td data-label="Verdict">(.*?)</td>', text, re.DOTALL)
    shown = {f"latency{number}": re.sub(r"<span class=\"arrow\".*?</span>|<[^>]+>", "", cell) for number, cell in rows}
    assert shown == {name: OUTCOMES[Outcome(outcome)].word for name, outcome in expected.items()}
    assert "Can’t tell yet" in text[text.index('aria-label="The answer"') :][:300]

    own = OwnVerdicts(site.pipeline, site.store, site.catalog, site.clock, baseline=baseline)
    found = await own.wait(last)
    assert {one["metric"]: one["outcome"] for one in found.verdicts} == expected
    assert (found.headline, found.sentence) == (document["headline"], document["sentence"])


async def test_each_source_votes_against_the_baseline_of_the_headline_above(site: SeededSite, client: Client) -> None:
    # The other source has no run of 1.1.0: against that release it cannot tell, whatever it says without a baseline.
    for source, quick, seed in (("oregon", ("1.0.0",), 4), (OWN, ("1.0.0", "1.1.0"), 3)):
        await site.history(source=source, releases=(*((label, 1.0) for label in quick), ("1.2.0", 1.25)), seed=seed)
    for source in (OWN, "oregon"):
        for pinned, together in (
            ("", "2 of 2 sources: slower."),
            ("&baseline=1.0.0", "2 of 2 sources: slower."),
            ("&baseline=1.1.0", "1 of 2 sources: slower; can’t tell yet: oregon."),
        ):
            asked = await client.get(f"/api/v1/verdicts/kintowe?source={source}&release=1.2.0{pinned}")
            headline = Headline((await asked.json())["headline"])
            text = await page(client, f"/p/kintowe?source={source}&release=1.2.0{pinned}")
            assert together in text
            assert votes(text)[source] == HEADLINES[headline].word
            assert votes(text)[OWN] == "Slower"


async def test_a_metric_that_the_catalog_has_no_more_stays_judged_against_a_pinned_baseline(seeded: SeededSite) -> None:
    """Or the headline would change because a project, or one of its metrics, went from the projects file."""
    for entry in ((), (project("kintowe", "stage", metrics=()),)):
        seeded.catalog.current = FixedCatalog(*entry).current
        reports = Reports(seeded.store, seeded.catalog, OWN)
        usual = await reports.project("kintowe", release="1.2.0")
        pinned = await reports.project("kintowe", release="1.2.0", baseline="1.1.0")
        assert [one.key.metric for one in pinned.release.verdicts] == [one.key.metric for one in usual.release.verdicts]
        assert "art" in {one.key.metric for one in pinned.release.verdicts}


def votes(text: str) -> dict[str, str]:
    """What each source says of the release, by the badges beside the headline."""
    (voices,) = re.findall(r'<p class="voices">(.*?)</p>', text, re.DOTALL)
    plain = re.sub(r'<span class="arrow".*?</span>', "", voices)
    return dict(re.findall(r'<span>(\w+) <span class="badge[^>]*>([^<]*)</span>', plain))


async def test_a_pinned_baseline_is_judged_against_alone(site: SeededSite, client: Client) -> None:
    await site.history(runs=5, releases=(("1.0.0", 1.0), ("1.1.0", 1.24), ("1.2.0", 1.25)))
    step = await read(client, "/api/v1/verdicts/kintowe?release=1.2.0")
    whole = await read(client, "/api/v1/verdicts/kintowe?release=1.2.0&baseline=1.0.0")
    assert whole["baseline"] == "1.0.0"
    (art,) = (v for v in whole["verdicts"] if v["metric"] == "art")
    assert art["baseline_releases"] == ["1.0.0"]
    assert art["effect"] > 0.15
    (small,) = (v for v in step["verdicts"] if v["metric"] == "art")
    good, previous = small["references"]
    assert (good["release"], good["kind"], previous["release"], previous["kind"]) == (
        "1.0.0", "last_good", "1.1.0", "previous",
    ), "1.1.0 stands announced as slower"  # fmt: skip
    assert abs(previous["effect"]) < art["effect"] / 2


async def test_a_pinned_baseline_is_compared_with_the_runs_on_its_hosts(site: SeededSite, client: Client) -> None:
    """Release 1.0.0 ran behind 3 hosts, 1.1.0 behind 6, and 1.2.0 behind 3 again at first."""
    await several(site, ("1.0.0", 3.0), ("1.1.0", 6.0), ("1.2.0", 3.0), ("1.2.0", 6.0))
    pinned = {}
    for baseline in ("1.0.0", "1.1.0"):
        document = await read(client, f"/api/v1/verdicts/kintowe?release=1.2.0&baseline={baseline}")
        (pinned[baseline],) = (v for v in document["verdicts"] if v["metric"] == "art")
    assert (pinned["1.0.0"]["runs"], pinned["1.0.0"]["baseline_runs"]) == (5, 5), "those on 3 hosts"
    assert (pinned["1.1.0"]["runs"], pinned["1.1.0"]["baseline_runs"]) == (5, 5), "those on 6 hosts"
    assert pinned["1.0.0"]["baseline_releases"] == ["1.0.0"]
    assert pinned["1.1.0"]["baseline_releases"] == ["1.1.0"]


async def test_a_pinned_baseline_says_that_the_infrastructure_changed(site: SeededSite, client: Client) -> None:
    await several(site, ("1.0.0", 3.0), ("1.1.0", 6.0))
    document = await read(client, "/api/v1/verdicts/kintowe?release=1.1.0&baseline=1.0.0")
    (art,) = (v for v in document["verdicts"] if v["metric"] == "art")
    assert (art["outcome"], art["baseline_runs"]) == ("undecided", 0)
    assert art["reason"].startswith("the infrastructure changed since 1.0.0 (not comparable: 3 → 6 hosts with 1.1.0)")


async def test_a_pinned_baseline_compares_infrastructures_as_far_as_the_project_tolerates(
    site: SeededSite, client: Client
) -> None:
    site.catalog = FixedCatalog(project("kintowe", "stage", "prod", fingerprint_tolerance=0.5))
    await several(site, ("1.0.0", 3.0), ("1.1.0", 6.0))
    document = await read_of(site, "/api/v1/verdicts/kintowe?release=1.1.0&baseline=1.0.0")
    (art,) = (v for v in document["verdicts"] if v["metric"] == "art")
    assert (art["runs"], art["baseline_runs"]) == (5, 5)


async def several(site: SeededSite, *stretches: tuple[str, float]) -> None:
    """Five runs of each release, behind so many hosts; one is faster where there are more."""
    dice = random.Random(5)  # noqa: S311 - a seeded history
    at = START
    for label, hosts in stretches:
        for place in range(5):
            run = ended_run(f"{dice.getrandbits(128):032x}", "kintowe", at, label, 3 / hosts, fingerprint=hosts)
            await site.keep(run, values(run, 3 / hosts, dice), judge=place == 4)
            at += timedelta(hours=1)
    site.clock.now = at


async def read_of(site: SeededSite, path: str) -> Any:
    async with TestClient(TestServer(site.app())) as client:
        return await read(client, path)

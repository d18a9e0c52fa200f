"""What a project's page and document say of the evidence for its newest release."""

from dataclasses import replace
from datetime import timedelta

from aiohttp.test_utils import TestClient, TestServer

from dogdriver.model.evidence import EvidenceBudget, EvidencePlan, EvidenceState
from dogdriver.web.pages.evidence import evidence_line
from tests.web.conftest import Client, page, read
from tests.web.seeded import START, SeededSite
from tests.world import shop


async def test_where_it_is_off_the_page_proposes_it(reader: Client) -> None:
    document = (await read(reader, "/api/v1/projects/kintowe"))["evidence"]
    assert (document["state"], document["runs"], document["most"], document["next"]) == ("off", 0, None, None)
    assert "<code>[project.evidence]</code>" in await page(reader, "/p/kintowe")


async def test_where_it_is_on_the_plan_is_shown(seeded: SeededSite) -> None:
    projects = dict(seeded.catalog.current.projects)
    projects["kintowe"] = replace(projects["kintowe"], evidence=EvidenceBudget(most=5))
    seeded.catalog.current = replace(seeded.catalog.current, projects=projects)
    async with TestClient(TestServer(seeded.app())) as client:
        document = (await read(client, "/api/v1/projects/kintowe"))["evidence"]
        shown = await page(client, "/p/kintowe")
    assert (document["state"], document["most"]) == ("decided", 5)
    assert f"Evidence for {document['release']}: " in shown
    assert "[project.evidence]" not in shown


def test_the_sentence_says_how_far_it_is_and_what_the_runs_show() -> None:
    plan = EvidencePlan("1.1", EvidenceState.COLLECTING, 3, 12, START + timedelta(minutes=4), 0.05)
    line = evidence_line(plan, shop())
    assert line
    assert (line.text, line.next, line.enough) == (
        "Evidence for 1.1: 3 of at most 12 runs", plan.next, "enough to see +5.0 %"
    )  # fmt: skip
    assert evidence_line(EvidencePlan(None, EvidenceState.OFF), None) is None

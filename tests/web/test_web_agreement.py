"""What several sources say of one release: counted, compared, never mixed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.model import Headline
from dogdriver.reports.agreement import agreement_document, agreement_of
from tests.web.conftest import Client
from tests.web.seeded import OWN, START, TOKEN, FixedCatalog, SeededSite, project

SLOWER, FASTER, SAME, OPEN, MIXED = (
    Headline.SLOWER, Headline.FASTER, Headline.NO_CHANGE, Headline.UNDECIDED, Headline.MIXED,
)  # fmt: skip
VOICES = st.lists(
    st.tuples(st.text(min_size=1), st.sampled_from([SLOWER, FASTER, SAME, OPEN, MIXED])),
    max_size=6, unique_by=lambda voice: voice[0],
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "headline", "disagreeing", "sentence"),
    [
        ([SLOWER, SLOWER, SLOWER], SLOWER, (), "3 of 3 sources: slower."),
        ([SLOWER, FASTER, SLOWER], SLOWER, ("b",), "2 of 3 sources: slower; disagreeing: b: faster."),
        ([SLOWER, OPEN, SLOWER], SLOWER, (), "2 of 3 sources: slower; can’t tell yet: b."),
        ([OPEN, SAME, MIXED, SAME], SAME, ("c",),
         "2 of 4 sources: no change; disagreeing: c: some slower, some faster; can’t tell yet: a."),
        ([SLOWER, FASTER], None, ("a", "b"), "The sources disagree. a: slower, b: faster."),
        ([OPEN, OPEN], None, (), "No source can tell yet."),
        ([Headline.PROBABLY_SLOWER, SAME], SAME, (), "1 of 2 sources: no change; can’t tell yet: a (probably slower)."),
        ([OPEN, FASTER], FASTER, (), "1 of 2 sources: faster; can’t tell yet: a."),
    ],
)  # fmt: skip
def test_what_they_say_together(
    said: list[Headline], headline: Headline | None, disagreeing: tuple[str, ...], sentence: str
) -> None:
    found = agreement_of("1.0", list(zip("abcd", said, strict=False)))
    assert found is not None
    assert (found.headline, found.disagreeing, found.sentence) == (headline, disagreeing, sentence)


@pytest.mark.parametrize("voices", [[], [("a", SLOWER)]])
def test_one_alone_agrees_with_nobody(voices: list[tuple[str, Headline]]) -> None:
    assert agreement_of("1.0", voices) is None
    assert agreement_document(None) is None


@given(VOICES)
def test_every_voice_agrees_disagrees_or_cannot_tell(voices: list[tuple[str, Headline]]) -> None:
    found = agreement_of("1.0", voices)
    if found is None:
        assert len(voices) < 2
        return
    open_ = sum(voice == OPEN for _, voice in voices)
    assert found.agree + len(found.disagreeing) + open_ == len(voices)
    others = [sum(voice == word for _, voice in voices) for word in (SLOWER, FASTER, SAME, MIXED)]
    assert found.agree == (max(others) if found.headline else 0)


async def test_the_api_and_the_page_say_who_agrees_and_who_does_not(seeded: SeededSite, reader: Client) -> None:
    alone = await (await reader.get("/api/v1/projects/kintowe")).json()
    assert alone["agreement"] is None
    since = START + timedelta(hours=6)  # when 1.1.0 came
    slow, quick = (("1.1.0", 1.0), ("1.2.0", 1.25)), (("1.1.0", 1.25), ("1.2.0", 1.0))
    await seeded.history(releases=slow, runs=6, source="oregon", seed=7, start=since)
    await seeded.history(releases=quick, runs=6, source="tokyo", seed=8, start=since)
    (listed,) = (await (await reader.get("/api/v1/projects")).json())["projects"]
    assert listed["agreement"] == {
        "release": "1.2.0",
        "headline": "slower",
        "agree": 2,
        "of": 3,
        "disagreeing": ["tokyo"],
        "voices": [
            {"source": OWN, "headline": "slower"},
            {"source": "tokyo", "headline": "faster"},
            {"source": "oregon", "headline": "slower"},
        ],
        "sentence": "2 of 3 sources: slower; disagreeing: tokyo: faster.",
    }
    # Each verdict rests on the runs of one source alone.
    for source in (OWN, "oregon", "tokyo"):
        document = await (await reader.get(f"/api/v1/verdicts/kintowe?source={source}")).json()
        assert document["headline"] == ("faster" if source == "tokyo" else "slower")
        assert max(verdict["runs"] for verdict in document["verdicts"]) == 6
    text = await (await reader.get("/p/kintowe")).text()
    assert "2 of 3 sources: slower; disagreeing: tokyo: faster." in text


async def test_what_a_client_must_know_is_for_who_has_the_token(site: SeededSite, client: Client) -> None:
    assert (await client.get("/api/v1/projects/kintowe/test")).status == 401
    token = {"Authorization": f"Bearer {TOKEN}"}
    answer = await client.get("/api/v1/projects/kintowe/test", headers=token)
    assert (await answer.json())["project"]["deployments"] == [
        {"name": "stage", "endpoint": "https://stage.example.com"}, {"name": "prod", "endpoint": "https://prod.example.com"},
    ]  # fmt: skip
    assert (await client.get("/api/v1/projects/other/test", headers=token)).status == 404
    site.catalog.current = FixedCatalog(project("none", test=None), project("outside", allowed=False)).current
    for name, said in ("none", "has no test"), ("outside", "not among the allowed ones"):
        refused = await client.get(f"/api/v1/projects/{name}/test", headers=token)
        assert refused.status == 409
        assert said in (await refused.json())["error"]["message"]

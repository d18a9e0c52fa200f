"""`wait=` on verdicts: the answer comes with the announcement, and says 404 where the release was never seen."""

import asyncio

from aiohttp.test_utils import TestClient, TestServer

from dogdriver.cli.arguments import ExitCode, make_parser
from dogdriver.cli.wait import Question, ask, code_of
from tests.web.conftest import Client
from tests.web.seeded import SeededSite


async def test_who_waits_is_answered_when_it_is_announced(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app())) as client:
        url = "/api/v1/verdicts/kintowe?deployment=stage&release=1.2.0&wait=60"
        waiting = asyncio.ensure_future(client.get(url))
        await site.history()
        answer = await waiting
        assert answer.status == 200
        assert (await answer.json())["headline"] == "slower"


async def test_a_release_that_never_comes_is_not_found(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app())) as client:
        before = await client.get("/api/v1/verdicts/kintowe?release=9.9.9")
        assert (before.status, (await before.json())["error"]["code"]) == (404, "release_not_seen")  # no run at all
        await site.history(releases=(("1.0.0", 1.0),))
        for wait in ("", "&wait=0", "&wait=1"):
            answer = await client.get(f"/api/v1/verdicts/kintowe?release=9.9.9{wait}")
            assert answer.status == 404
            assert (await answer.json())["error"]["code"] == "release_not_seen"


async def test_a_wait_that_is_none_is_refused(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app())) as client:
        for wait in ("61", "-1", "soon"):
            answer = await client.get(f"/api/v1/verdicts/kintowe?wait={wait}")
            assert answer.status == 400
            assert "wait must be a whole number from 0 to 60" in (await answer.json())["error"]["message"]


def question(client: Client, release: str, *more: str, timeout: str = "0", project: str = "kintowe") -> Question:
    address = str(client.make_url("")).rstrip("/")
    words = ["wait", project, "--release", release, "--ask", address, "--timeout", timeout, *more]
    return Question.of(make_parser().parse_args(words))


async def test_the_exit_code_tells_what_became_of_a_release(site: SeededSite) -> None:
    await site.history(releases=(("1.0.0", 1.0), ("1.1.0", 1.0), ("1.2.0", 1.3)))
    async with TestClient(TestServer(site.app())) as client:
        slower = await ask(question(client, "1.2.0", "--deployment", "stage", timeout="30"), None, {})
        assert slower.code is ExitCode.REGRESSED
        assert slower.lines[0].startswith("kintowe 1.2.0: slower. ")
        first = await ask(question(client, "1.0.0"), None, {})
        assert first.code is ExitCode.NEVER_COMPARED
        unseen = await ask(question(client, "9.9.9"), None, {})
        assert (unseen.code, unseen.document) == (ExitCode.NEVER_COMPARED, None)
        assert unseen.lines == ["kintowe 9.9.9 was not seen within 0 s, so it was never compared."]


def test_what_is_only_probable_is_undecided() -> None:
    verdicts = [{"runs": 3, "baseline_runs": 20}]
    for headline, code in (
        ("faster", 0), ("no_change", 0), ("slower", 1), ("mixed", 1), ("probably_slower", 2), ("probably_faster", 2),
        ("undecided", 2), (None, 2),
    ):  # fmt: skip
        assert code_of({"headline": headline, "verdicts": verdicts}) == code
    assert code_of({"headline": "no_change", "verdicts": []}) is ExitCode.NEVER_COMPARED

"""Projects from ServiceBook: the real answer, pages, dirt, and a book that is down."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from dogdriver.catalog import ProjectCatalog
from dogdriver.metrics.query import DEFAULT_METRICS
from dogdriver.model import Deployment
from dogdriver.settings import load

from .conftest import DEFAULT, NOW, Book, Make, Memory


async def test_the_real_answer_lists_the_projects_that_have_a_dogdriver_test(make: Make, book: Book) -> None:
    catalog = await make().refresh()
    assert list(catalog.projects) == ["Firefox Screenshots", "kintowe", "Shavar", "Symbol"]
    kintowe = catalog.projects["kintowe"]
    assert kintowe.deployments == (Deployment("stage", "https://webextensions-settings.stage.mozaws.net"),)
    assert kintowe.test
    assert (kintowe.test.url, kintowe.test.name) == ("https://github.com/tarekziade/kinto-loadtests", "dogdriver")
    assert kintowe.metrics == (DEFAULT,)
    assert str(kintowe.schedule) == "every 1h"
    assert catalog.projects["Shavar"].deployments == (Deployment("stage", "https://shavar.stage.mozaws.net"),)
    assert catalog.stale is None
    assert len(book.asked) == 1, "the filter finds them in one request"
    assert book.asked[0].query["page[size]"] == "100"
    assert book.asked[0].headers["Accept"] == "application/vnd.api+json"


async def test_what_servicebook_alone_knows_is_listed_and_not_allowed(make: Make) -> None:
    catalog = await make().refresh()
    assert not any(project.allowed for project in catalog.projects.values())
    assert any("outside `allowed_tests`" in problem.message for problem in catalog.problems)
    assert {problem.subject for problem in catalog.problems} == set(catalog.projects)


async def test_allowed_tests_decide_for_servicebook_s_projects(make: Make) -> None:
    toml = '[defaults]\nallowed_tests = ["https://github.com/tarekziade/kinto-*"]\n'
    catalog = await make(toml).refresh()
    assert [name for name, project in catalog.projects.items() if project.allowed] == ["kintowe"]


@pytest.mark.parametrize("total", [True, False])
async def test_all_pages_are_read_without_following_the_links(make: Make, book: Book, *, total: bool) -> None:
    book.total = total
    test = {"name": "dogdriver", "url": "https://github.com/o/r"}
    for i in range(250):
        book.add(f"project {i}", tests=[test])
    catalog = await make().refresh()
    assert len(catalog.projects) == 254
    assert [request.query["page[number]"] for request in book.asked] == ["1", "2", "3"]
    assert {json.dumps(dict(r.query) | {"page[number]": ""}) for r in book.asked} == {
        json.dumps(dict(book.asked[0].query) | {"page[number]": ""})
    }


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "has no address"),
        (None, "has no address"),
        ("http://example.org", "names a host and no repository"),
        ("https://github.com/o/a, https://github.com/o/b", "holds a space: are these several addresses?"),
        ("https://github.com/o/r/tree/master/load", "is a page inside the repository https://github.com/o/r"),
        ("https://example.org/index.php?/suites/overview/48", "has a query"),
        ("ext::sh -c id", "is not an address but an instruction to git"),
        ("/etc", "names a place on this machine"),
        ("file:///etc", "names a place on this machine"),
    ],
)
async def test_a_bad_test_is_reported_by_name_and_stops_no_other(make: Make, book: Book, url: Any, why: str) -> None:
    book.add("Dirty (one)", tests=[{"name": "dogdriver", "url": url}])
    catalog = await make('[defaults]\nallowed_tests = ["*"]\n').refresh()
    dirty = catalog.projects["Dirty (one)"]
    assert dirty.test is None
    assert not dirty.allowed
    assert any(why in sentence for sentence in dirty.problems), dirty.problems
    assert any(p.subject == "Dirty (one)" and why in p.message for p in catalog.problems)
    assert catalog.projects["kintowe"].allowed


async def test_a_bad_deployment_is_reported_and_the_others_stay(make: Make, book: Book) -> None:
    book.find("kintowe")["deployments"] += [
        {"name": "Stage", "endpoint": "https://second.example"},
        {"name": "prod", "endpoint": "see the wiki"},
        {"name": "", "endpoint": "https://nameless.example"},
        {"name": "dev", "endpoint": "https://dev.example/v1//"},
        "nonsense",
    ]
    kintowe = (await make().refresh()).projects["kintowe"]
    assert [d.name for d in kintowe.deployments] == ["stage", "dev"]
    assert kintowe.deployments[1].endpoint == "https://dev.example/v1"
    assert any("'prod' ('see the wiki')" in sentence for sentence in kintowe.problems)
    assert any("'' ('https://nameless.example')" in sentence for sentence in kintowe.problems)


async def test_bad_entries_are_reported(make: Make, book: Book) -> None:
    test = {"name": "dogdriver", "url": "https://github.com/o/r"}
    book.add("kintowe", tests=[test])
    book.add("a/b", tests=[test])
    book.add(None, tests=[test])
    book.add(17, tests=[test])
    catalog = await make().refresh()
    problems = [(p.subject, p.message) for p in catalog.problems]
    assert ("kintowe", "ServiceBook has it twice; the second (1047) is left out.") in problems
    assert any(subject == "a/b" and "left out" in message for subject, message in problems)
    assert any(subject == "ServiceBook's project 1049" for subject, _ in problems)
    assert any(subject == "ServiceBook's project 1050" for subject, _ in problems)
    assert len(catalog.projects) == 4


async def test_garbage_items_are_survived(make: Make, book: Book) -> None:
    book.projects += [None, 3, [], {"name": "x", "tests": 5, "deployments": {"a": 1}}]
    catalog = await make('[[project]]\nname = "kintowe"\n').refresh()
    assert "kintowe" in catalog.projects
    assert any(p.subject == "ServiceBook's project no. 48" for p in catalog.problems)


async def test_nobody_s_address_is_kept(make: Make, book: Book, memory: Memory) -> None:
    book.find("kintowe") | {"qa_primary": {"email": "primary@example.com"}}
    book.find("kintowe")["qa_primary"] = {"email": "primary@example.com", "name": "A Person"}
    catalog = await make().refresh()
    assert "@" not in memory.kept["servicebook"]
    assert "Person" not in memory.kept["servicebook"]
    assert "@" not in repr(catalog)


async def status(code: int) -> web.Response:
    return web.Response(status=code)


async def test_a_fault_that_passes_is_tried_again(make: Make, book: Book) -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    book.faults = [lambda _: status(503), cut]
    made = make()
    assert len((await made.refresh()).projects) == 4
    assert made.status["state"] == "ok"
    assert len(book.asked) == 3


async def test_when_it_is_down_the_last_answer_stays_and_says_so(make: Make, book: Book) -> None:
    made = make()
    before = await made.refresh()
    book.down = True
    catalog = await made.refresh()
    assert catalog.projects == before.projects
    assert catalog.stale
    assert "answers 502" in catalog.stale
    assert "2017-06-07 12:00 UTC" in catalog.stale
    assert made.status["state"] == "failing"
    assert made.status["last_success"] == made.status["last_error_at"] == NOW
    book.down = False
    assert (await made.refresh()).stale is None


async def test_the_last_answer_survives_a_restart(make: Make, book: Book, memory: Memory) -> None:
    await make().refresh()
    assert memory.writes == 1
    book.down = True
    made = make()
    assert (dict(made.current.projects), made.current.complete) == ({}, False)
    asked = len(book.asked)
    begun = await made.restore()
    assert (len(begun.projects), begun.complete, made.status["state"]) == (4, True, "unknown")
    late = f"ServiceBook at {book.base[:-1]} has not answered yet."
    assert begun.stale == f"{late} Its answer of 2017-06-07 12:00 UTC is used until then."
    assert len(book.asked) == asked, "a start asks nobody"
    catalog = await made.refresh()
    assert catalog.projects == begun.projects
    assert catalog.stale
    assert made.status["last_success"] == NOW


async def test_before_the_first_answer_the_file_s_projects_are_partial_and_not_accused(make: Make, book: Book) -> None:
    made = make('[[project]]\nname = "kintowe"\n[project.deployments]\nprod = "https://kinto.example"\n')
    begun = await made.restore()
    assert not begun.complete
    assert begun.stale
    assert "What only ServiceBook knows is missing until then." in begun.stale
    kintowe = begun.projects["kintowe"]
    assert (kintowe.partial, kintowe.problems, kintowe.deployment(None)) == (True, (), None)
    book.down = True
    assert not (await made.refresh()).complete
    book.down = False
    catalog = await made.refresh()
    assert (catalog.complete, catalog.stale) == (True, None)
    kintowe = catalog.projects["kintowe"]
    assert not kintowe.partial
    found = kintowe.deployment(None)
    assert found
    assert found.name == "stage"


async def test_without_a_book_the_file_is_everything(make: Make) -> None:
    begun = await make('[[project]]\nname = "a"\n', servicebook=False).restore()
    assert (begun.complete, begun.projects["a"].partial, begun.stale) == (True, False, None)


@pytest.mark.parametrize("kept", ['{"base": "http://another/api"}', "[]", "3", '{"base": 1, "projects": 2}', "null"])
async def test_what_is_kept_of_another_book_is_no_answer(make: Make, book: Book, memory: Memory, kept: str) -> None:
    memory.kept["servicebook"] = kept
    book.down = True
    catalog = await make().refresh()
    assert not catalog.projects
    assert catalog.stale
    assert "missing until then" in catalog.stale


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        ("<html></html>", 200, "answers no JSON object; DOGDRIVER_SERVICEBOOK must be"),
        ("[]", 200, "answers no JSON object"),
        ("{}", 200, "answers without `data`"),
        ('{"data": {}}', 200, "answers without `data`"),
        ("{}", 404, "answers 404; DOGDRIVER_SERVICEBOOK must be"),
        ("{}", 406, "answers 406"),
        ("[" * 100_000, 200, "answers no JSON object"),
    ],
)
async def test_what_is_no_servicebook_is_named(make: Make, book: Book, body: str, code: int, why: str) -> None:
    async def wrong(_: web.Request) -> web.Response:
        return web.Response(status=code, text=body)

    book.faults = [wrong] * 3
    made = make()
    await made.refresh()
    assert why in made.status["last_error"]
    assert book.base.rstrip("/") in made.status["last_error"]


async def test_a_book_that_never_answers_is_left(make: Make, book: Book) -> None:
    gone = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await gone.wait()
        return web.Response()

    book.faults = [hang] * 3
    made = make(seconds=0.05)
    await made.refresh()
    assert "no answer within 0.05 s" in made.status["last_error"]
    gone.set()


async def test_an_unchanged_catalog_is_the_same_object(make: Make, book: Book, memory: Memory) -> None:
    made = make()
    first = await made.refresh()
    assert await made.refresh() is first
    assert made.current is first
    assert memory.writes == 1
    book.find("kintowe")["name"] = "Kinto"
    assert await made.refresh() is not first


async def test_the_settings_say_which_file_and_which_book(book: Book, memory: Memory, tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    file.write_text('[[project]]\nname = "own"\n')
    settings = load({"DOGDRIVER_PROJECTS": str(file), "DOGDRIVER_SERVICEBOOK": book.base})
    async with aiohttp.ClientSession() as session:
        catalog = await ProjectCatalog.from_settings(settings, session, lambda: NOW, memory).refresh()
    assert {"own", "kintowe"} <= set(catalog.projects)
    assert catalog.projects["kintowe"].metrics == DEFAULT_METRICS
    assert memory.writes == 1

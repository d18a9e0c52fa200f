"""`requests` of [project.test]: what is taken, what is refused and how, and which tests are the same."""

from pathlib import Path

import pytest

from dogdriver.catalog.join import Defaults, join
from dogdriver.catalog.projects_file import parse
from dogdriver.errors import SettingsError
from dogdriver.model.built_in import BuiltInTest, HttpRequest, named

HEAD = '[[project]]\nname = "shop"\ndeployments = { stage = "https://shop.example.org" }\n[project.test]\n'


def read(test: str, before: str = "") -> BuiltInTest:
    file = parse(before + HEAD + test, Path("projects.toml"), margin=0.03)
    project = join(file, [], Defaults())[0]["shop"]
    assert project.test
    assert project.test.built_in
    assert project.allowed
    assert not project.problems
    assert project.test.url == ""
    return project.test.built_in


def test_five_lines_are_enough() -> None:
    assert read('requests = ["/", "/api/items"]') == BuiltInTest((HttpRequest("/"), HttpRequest("/api/items")))


def test_no_pattern_is_needed_for_what_ships_with_dogdriver() -> None:
    read('requests = ["/"]', '[defaults]\nallowed_tests = ["https://github.com/nobody/*"]\n')


def test_a_table_says_more() -> None:
    made = read(
        """
        workers = 2
        duration = "90s"
        requests = [
            "/",
            { method = "post", path = "/items?x=1", headers = { X-Api-Key = "{SHOP_KEY}" }, body = { name = "ä" }, \
weight = 3, expect = [201, 409] },
            { path = "/text", method = "PUT", body = "plain", expect = 204 },
        ]
        env = { SHOP_KEY = "0123456789" }
        """
    )
    assert (made.workers, made.duration) == (2, 90.0)
    assert made.requests[1] == HttpRequest(
        "/items?x=1", "POST", {"Content-Type": "application/json", "X-Api-Key": "{SHOP_KEY}"}, '{"name": "ä"}', 3.0,
        (201, 409),
    )  # fmt: skip
    assert made.requests[2] == HttpRequest("/text", "PUT", body="plain", expect=(204,))


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("requests = []", "`project.test.requests` must be a list of 1 to 50 paths or tables"),
        ('requests = "/"', "must be a list"),
        ('requests = ["items"]', "no. 1: `path` must begin with `/`"),
        ('requests = ["/", "/a b"]', "no. 2: `path` must be at most"),
        ('requests = [{ method = "GET" }]', "no. 1: `path` is missing"),
        ('requests = [{ path = "/", methd = "GET" }]', "no. 1: `methd` is not known here; known are path, method"),
        ('requests = [{ path = "/", method = "BREW" }]', 'no. 1: `method` must be "GET" or "HEAD"'),
        ('requests = [{ path = "/", weight = 0 }]', "no. 1: `weight` must be a number"),
        ('requests = [{ path = "/", expect = "200" }]', "no. 1: `expect` must be a status"),
        ('requests = [{ path = "/", headers = { "a b" = "c" } }]', "no. 1: `headers` names 'a b'"),
        ('requests = [{ path = "/", headers = { a = "b\\nc" } }]', "no. 1: `headers` must be a table of texts"),
        ('requests = [{ path = "/", body = { at = 2026-01-01 } }]', "no. 1: `body` holds a date"),
        ('requests = ["/"]\nurl = "https://github.com/a/b"', "`project.test.url` stands beside `requests`"),
        ('requests = ["/"]\nref = "main"', "`project.test.ref` stands beside `requests`"),
        ('requests = ["/"]\nworkers = 0', "`project.test.workers` must be a whole number from 1 to 1000"),
        ('url = "https://github.com/a/b"\nworkers = 2', "`project.test.workers` goes with `requests`"),
    ],
)
def test_a_mistake_is_named(test: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(HEAD + test, Path("projects.toml"), margin=0.03)
    assert said in refused.value.message
    assert "projects.toml:" in refused.value.message


def test_the_same_load_is_the_same_content_however_it_is_written() -> None:
    one = read('requests = ["/", { path = "/items", expect = [200, 404], headers = { Accept = "a/b" } }]')
    other = read('requests = [{ path = "/items", headers = { accept = "a/b" }, expect = [404, 200], weight = 1 }, "/"]')
    assert one.content == other.content
    assert len(one.content) == 40


@pytest.mark.parametrize(
    "test",
    [
        '["/", "/other"]', '["/"]', '["/", { path = "/items", weight = 2 }]', '["/", { path = "/items", body = "" }]',
        '["/", { path = "/items", method = "POST" }]', '["/", { path = "/items", expect = 200 }]',
        '["/", { path = "/items", headers = { Accept = "a/b" } }]',
    ],
)  # fmt: skip
def test_another_load_is_another_content(test: str) -> None:
    assert read(f"requests = {test}").content != read('requests = ["/", "/items"]').content


def test_the_content_stays_what_it_is_from_one_dogdriver_to_the_next() -> None:
    """Whoever changes what it is made from gives SCHEMA another number, and this line another value."""
    assert read('requests = ["/", "/items"]').content == "6fb1d53830b25a792abd6b03c3cd572ec3e26233"


def test_requests_have_names_of_their_own() -> None:
    requests = (HttpRequest("/a?x=1"), HttpRequest("/a?x=2"), HttpRequest("/a", "POST"))
    assert list(named(requests)) == ["GET /a", "GET /a (2)", "POST /a"]

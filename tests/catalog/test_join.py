"""The two origins together, and what may run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.catalog.allowlist import AllowList
from dogdriver.catalog.projects_file import read
from dogdriver.catalog.schedule import cron
from dogdriver.checkout.address import parse
from dogdriver.errors import CheckoutError, SettingsError
from dogdriver.model import Deployment, Schedule

from .conftest import DEFAULT, FINGERPRINT, Book, Make

KINTOWE = '[[project]]\nname = "kintowe"\n'


async def test_the_file_wins_per_field_and_deployments_merge(make: Make, book: Book) -> None:
    book.find("kintowe")["deployments"].append({"name": "Prod", "endpoint": "https://prod.example/"})
    catalog = await make(
        f"""{KINTOWE}
        deployments = {{ STAGE = "http://127.0.0.1:8888/v1", local = "http://127.0.0.1:1" }}
        test = {{ ref = "main", env = {{ A = "{{endpoint}}" }} }}
        guard = 0.1
        stall = "90s"
        """
    ).refresh()
    kintowe = catalog.projects["kintowe"]
    assert kintowe.deployments == (
        Deployment("STAGE", "http://127.0.0.1:8888/v1"),
        Deployment("local", "http://127.0.0.1:1"),
        Deployment("Prod", "https://prod.example"),
    )
    assert kintowe.test
    assert kintowe.test.url == "https://github.com/tarekziade/kinto-loadtests", "the book's, for the file says none"
    assert (kintowe.test.ref, kintowe.test.env, kintowe.test.guard, kintowe.test.stall) == (
        "main", {"A": "{endpoint}"}, 0.1, 90.0,
    )  # fmt: skip
    assert kintowe.metrics == (DEFAULT,)
    assert list(catalog.projects) == ["Firefox Screenshots", "kintowe", "Shavar", "Symbol"]


async def test_another_test_of_the_book_may_be_wanted(make: Make) -> None:
    catalog = await make(f'{KINTOWE}test.name = "Load Test"\n').refresh()
    test = catalog.projects["kintowe"].test
    assert test
    assert (test.url, test.name) == ("https://github.com/Kinto/kinto-loadtests", "Load Test")


async def test_a_project_without_a_test_in_the_book_takes_its_deployments(make: Make) -> None:
    toml = '[[project]]\nname = "ABSearch"\ntest.url = "https://github.com/o/r"\n'
    absearch = (await make(toml).refresh()).projects["ABSearch"]
    assert [d.name for d in absearch.deployments] == ["stage", "prod"]
    assert absearch.allowed


async def test_a_name_in_another_case_is_pointed_out(make: Make) -> None:
    catalog = await make('[[project]]\nname = "KintoWE"\ntest.url = "https://github.com/o/r"\n').refresh()
    assert any("ServiceBook knows kintowe" in sentence for sentence in catalog.projects["KintoWE"].problems)


async def test_what_is_missing_is_said(make: Make) -> None:
    project = make('[[project]]\nname = "new"\n', servicebook=False).current.projects["new"]
    assert project.test is None
    assert not project.allowed
    assert [sentence.split(";")[0] for sentence in project.problems] == ["It has no test", "It has no deployment"]


@pytest.mark.parametrize(
    ("allowed", "url", "runs"),
    [
        (None, "https://github.com/o/r", True),
        (None, "/srv/loadtest", True),
        ('["https://github.com/o/*"]', "https://github.com/o/r", True),
        ('["https://github.com/o/*"]', "https://github.com/p/r", False),
        ('["https://github.com/o/*"]', "/srv/loadtest", False),
        ('["/srv/*"]', "/srv/loadtest", True),
        ("[]", "https://github.com/o/r", False),
    ],
)
async def test_a_test_of_the_file_runs_if_it_is_on_the_list_or_there_is_none(
    make: Make, allowed: str | None, url: str, *, runs: bool
) -> None:
    defaults = f"[defaults]\nallowed_tests = {allowed}\n" if allowed else ""
    made = make(f'{defaults}[[project]]\nname = "a"\ntest.url = "{url}"\n', servicebook=False)
    assert made.current.projects["a"].allowed is runs


async def test_defaults_hold_where_a_project_says_nothing(make: Make) -> None:
    catalog = make(
        """
        [defaults]
        schedule = "off"
        margin = 0.2
        on_release = true
        isolation = "process"
        [[project]]
        name = "a"
        test.url = "/x"
        [[project]]
        name = "b"
        test.url = "/x"
        schedule = "every 90s"
        on_release = false
        isolation = "thread"
        """,
        servicebook=False,
    ).current
    a, b = catalog.projects["a"], catalog.projects["b"]
    assert (a.schedule, a.on_release, a.metrics[0].margin) == (Schedule(), True, 0.2)
    assert (b.schedule, b.on_release) == (Schedule(every=90), False)
    assert a.test
    assert b.test
    assert (a.test.isolation, b.test.isolation) == ("process", "thread")


METRIC = 'metric = [{ name = "m", query = "avg:m{*}", unit = "ms", better = "lower" }]'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", FINGERPRINT),
        ("fingerprint = 'sum:hosts{*}'", "sum:hosts{*}"),
        (METRIC, None),
        (f"fingerprint = 'sum:hosts{{*}}'\n{METRIC}", "sum:hosts{*}"),
    ],
)
async def test_the_default_fingerprint_goes_with_the_default_metrics(
    make: Make, more: str, expected: str | None
) -> None:
    made = make(f'[[project]]\nname = "a"\ntest.url = "/x"\n{more}\n', servicebook=False)
    assert made.current.projects["a"].fingerprint == expected


@pytest.mark.parametrize(
    ("places", "schedule", "said"),
    [
        ("dev = 'http://127.0.0.1:1', prod = 'http://127.0.0.1:2'", "every 1h", True),
        ("dev = 'http://127.0.0.1:1', prod = 'http://127.0.0.1:2'", "off", False),
        ("dev = 'http://127.0.0.1:1', Stage = 'http://127.0.0.1:2'", "every 1h", False),
        ("prod = 'http://127.0.0.1:2'", "every 1h", False),
    ],
)
async def test_a_schedule_that_does_not_know_where_to_run_is_a_problem(
    make: Make, places: str, schedule: str, *, said: bool
) -> None:
    toml = f'[[project]]\nname = "a"\ntest.url = "/x"\nschedule = "{schedule}"\ndeployments = {{ {places} }}\n'
    catalog = make(toml, servicebook=False).current
    sentence = (
        "It has several deployments (dev, prod) and none called stage, so its schedule never runs it; "
        "call one of them stage, or trigger its runs with the deployment's name."
    )
    assert catalog.projects["a"].problems == ((sentence,) if said else ())
    assert [problem.message for problem in catalog.problems] == ([sentence] if said else [])


async def test_a_bad_file_stops_the_start(make: Make) -> None:
    with pytest.raises(SettingsError, match=r"projects\.toml:2: `project\.name`"):
        make('[[project]]\nname = ""\n')


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read \(No such file .*correct DOGDRIVER_PROJECTS"):
        read(tmp_path / "none.toml", margin=0.03)


async def test_a_file_that_goes_away_stays_in_force(make: Make, tmp_path: Path) -> None:
    made = make('[[project]]\nname = "a"\ntest.url = "/x"\n', servicebook=False)
    (tmp_path / "projects.toml").unlink()
    catalog = await made.refresh()
    assert list(catalog.projects) == ["a"]
    assert "cannot be read (No such file or directory)" in catalog.problems[0].message


async def test_a_file_that_turns_bad_stays_as_it_was_and_is_shown(make: Make, tmp_path: Path) -> None:
    made = make('[[project]]\nname = "a"\ntest.url = "/x"\n', servicebook=False)
    path = tmp_path / "projects.toml"
    path.write_bytes(b'[[project]]\nname = "\xff"\n')
    catalog = await made.refresh()
    assert list(catalog.projects) == ["a"]
    assert catalog.problems[0].subject == str(path)
    assert catalog.problems[0].message.startswith(f"{path}:2: this is not UTF-8")
    path.write_text('[[project]]\nname = "b"\ntest.url = "/x"\n')
    catalog = await made.refresh()
    assert list(catalog.projects) == ["b"]
    assert str(path) not in {p.subject for p in catalog.problems}


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("https://github.com/Kinto/*", "https://github.com/Kinto/kinto-loadtests", True),
        ("https://github.com/Kinto/*", "https://GitHub.com:443/Kinto/kinto-loadtests.git/", True),
        ("https://github.com/Kinto/*", "https://github.com/kinto/kinto-loadtests", False),
        ("https://github.com/Kinto/*", "http://github.com/Kinto/kinto-loadtests", False),
        ("https://github.com/Kinto/*", "https://github.com.evil.org/Kinto/x", False),
        ("https://github.com/Kinto/*", "https://github.com:8443/Kinto/x", False),
        ("https://github.com/Kinto/x", "https://github.com/Kinto/x.git", True),
        ("https://github.com/Kinto/x.git", "https://github.com/Kinto/x", True),
        ("https://github.com/Kinto/x", "https://github.com/Kinto/xy", False),
        ("https://*.mozilla.org/*", "https://git.mozilla.org/a/b/c", True),
        ("https://*.mozilla.org/*", "https://evil.org/x.mozilla.org/b", False),
        ("https://*", "https://anywhere.example/a/b", True),
        ("*", "ssh://git@host/x", True),
        ("ssh://git@github.com/o/*", "git@github.com:o/r.git", True),
        ("ssh://git@github.com/o/*", "other@github.com:o/r.git", False),
        ("file:///srv/*", "file:///srv/repo.git", True),
        ("/srv/*", "/srv//a/b/", True),
        ("/srv/*", "/srvx/a", False),
        ("file:///srv/a[*]b[[]c/*", "file:///srv/a*b[c/r", True),
        ("file:///srv/a[*]b", "file:///srv/axb", False),
        ("https://github.com/[Kk]into/*", "https://github.com/Kinto/x", False),
    ],
)
def test_patterns(pattern: str, url: str, *, matches: bool) -> None:
    assert AllowList([pattern]).allows(parse(url)) is matches


@given(
    st.lists(st.sampled_from(["..", ".", "%2e%2e", "%2E.", "a", "x@evil", "", "\\", "@", "//", "%2f", "%5c", "Kinto"]))
)
def test_nothing_climbs_out_of_a_pattern(parts: list[str]) -> None:
    """Whatever is taken at all stays where it seems to be, for a reader that resolves dots and escapes as well."""
    try:
        address = parse("https://git.example/Kinto/x/" + "/".join(parts))
    except CheckoutError:
        return
    assert address.canonical.startswith("https://git.example/Kinto/x")
    assert not any(bad in address.text for bad in ("..", "%2e", "%2E", "@", "\\", "%5c"))


@pytest.mark.parametrize(
    ("line", "as_kept"),
    [
        ("7 * * * *", "7 * * * *"),
        ("*/15 0-6,22 1 JAN-mar *", "*/15 0-6,22 1 jan-mar *"),
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("0 3 * * 5-7", "0 3 * * sun,fri,sat"),
        ("0 3 * * */2", "0 3 * * sun,tue,thu,sat"),
        ("0 3 * * mon-fri", "0 3 * * mon,tue,wed,thu,fri"),
        ("0 3/6 * * *", "0 3/6 * * *"),
        ("0 0 29 2 sun", "0 0 29 2 sun"),
    ],
)
def test_days_of_the_week_become_names(line: str, as_kept: str) -> None:
    assert cron(line) == Schedule(cron=as_kept)

"""projects.toml: what it gives, and every way in which it can be wrong."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.catalog.projects_file import parse
from dogdriver.catalog.toml_values import line_of
from dogdriver.errors import SettingsError
from dogdriver.model import Better, Deployment, Kind, Metric, Schedule

FILE = Path("/etc/dogdriver/projects.toml")

WHOLE = """\
[defaults]
schedule = "every 2h"
allowed_tests = ["https://github.com/Kinto/*"]
margin = 0.05
guard = 0.2
stall = "2s"

[[project]]
name = "kintowe"
on_release = true
isolation = "process"
fingerprint = "count_nonzero(sum:system.cpu.user{app:{project}} by {host})"
fingerprint_tolerance = 0.5
cron = "7 */2 * * 1-5"

[project.deployments]
stage = "https://webextensions-settings.stage.mozaws.net/"
"dev (two)" = "http://127.0.0.1:8888/v1"

[project.test]
url = "https://github.com/Kinto/kinto-loadtests.git/"
ref = "main"
name = "dogdriver"
path = "load/"
env = { KINTO_WE_SERVER = "{endpoint}" }
env_from = ["KINTO_PASSWORD"]

[[project.metric]]
name = "latency"
title = "Backend latency"
query = "avg:aws.elb.latency{app:{project},env:{deployment}}"
reduce = "p99.9"
unit = "ms"
better = "lower"
every = "5m"
margin = 0.03

[[project.metric]]
name = "rps"
query = "sum:requests{*}.as_rate()"
unit = "1/s"
better = "higher"
kind = "count"

[[project]]
name = "addons.mozilla.org (new)"
"""


def test_the_whole_format() -> None:
    file = parse(WHOLE, FILE, margin=0.01)
    assert file.options.schedule == Schedule(every=7200)
    assert (file.options.guard, file.options.stall) == (0.2, 2.0)
    assert file.margin == 0.05
    kintowe, addons = file.projects
    assert kintowe.options.schedule == Schedule(cron="7 */2 * * mon,tue,wed,thu,fri")
    assert (kintowe.options.on_release, kintowe.options.isolation) == (True, "process")
    assert kintowe.options.fingerprint_tolerance == 0.5
    assert kintowe.deployments == (
        Deployment("stage", "https://webextensions-settings.stage.mozaws.net"),
        Deployment("dev (two)", "http://127.0.0.1:8888/v1"),
    )
    assert kintowe.test.address
    assert kintowe.test.address.text == "https://github.com/Kinto/kinto-loadtests.git"
    assert file.allowed.allows(kintowe.test.address)
    assert (kintowe.test.ref, kintowe.test.path) == ("main", "load")
    assert kintowe.test.env == {"KINTO_WE_SERVER": "{endpoint}"}
    assert kintowe.test.env_from == ("KINTO_PASSWORD",)
    assert kintowe.metrics == (
        Metric(
            "latency", "Backend latency", "ms", Better.LOWER, reduce="p99.9", every=300, margin=0.03,
            query="avg:aws.elb.latency{app:{project},env:{deployment}}",
        ),
        Metric("rps", "rps", "1/s", Better.HIGHER, query="sum:requests{*}.as_rate()", margin=0.05, kind=Kind.COUNT),
    )  # fmt: skip
    assert addons.metrics == ()
    assert addons.test.address is None


def test_a_relative_folder_counts_from_the_file(tmp_path: Path) -> None:
    file = parse('[[project]]\nname = "a"\ntest.url = "../loadtest"', tmp_path / "conf" / "projects.toml", margin=0.03)
    assert file.projects[0].test.address
    assert file.projects[0].test.address.text == str(tmp_path / "loadtest")
    assert file.projects[0].test.address.folder


HEAD = '[[project]]\nname = "a"\n'
METRIC = f'{HEAD}[[project.metric]]\nname = "m"\nquery = "q"\nunit = "s"\nbetter = "lower"\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "why"),
    [
        (f"{HEAD}schedul = 'off'", 3, "project.schedul", "did you mean `schedule`?"),
        (f"{HEAD}colour = 'red'", 3, "project.colour", "is not known here; known are schedule, cron,"),
        ("[default]\n", 1, "default", "did you mean `defaults`?"),
        (f"{HEAD}allowed_tests = []", 3, "project.allowed_tests", "belongs under [defaults]"),
        (f"{HEAD}margin = 0.1", 3, "project.margin", "belongs under [defaults] or [[project.metric]]"),
        (f"{HEAD}release = 1", 3, "project.release", "must be a table of path, pointer and header"),
        (f"{HEAD}release = {{}}", 3, "project.release", "must be a table of path, pointer and header"),
        (f'{HEAD}release = {{ url = "/a" }}', 3, "project.release", "must be a table of path, pointer and header"),
        (f'{HEAD}release = {{ path = "info" }}', 3, "project.release", "`path` below the endpoint"),
        (f'{HEAD}release = {{ path = "//other/info" }}', 3, "project.release", "`path` below the endpoint"),
        (f'{HEAD}release = {{ pointer = "version" }}', 3, "project.release", "a JSON `pointer` that begins with /"),
        (f'{HEAD}release = {{ header = "X: Y" }}', 3, "project.release", "the name of a `header`"),
        (f'{HEAD}release = {{ header = "X", pointer = "/v" }}', 3, "project.release", "keep one of them"),
        (f"{HEAD}evidence = 3", 3, "project.evidence", "must be a table of runs_per_day, most, spacing, quiet"),
        (f"{HEAD}evidence = {{ most = 0 }}", 3, "project.evidence", "it must be a whole number from 1"),
        (f'{HEAD}evidence = {{ quiet = ["00:00-12:00", "12:00-00:00"] }}', 3, "project.evidence", "leave no time"),
        (f'{HEAD}evidence = {{ quiet = ["01:00-01:00"] }}', 3, "project.evidence", "never ends"),
        (f"{HEAD}load = {{}}", 3, "project.load", "must be a table with `longest`"),
        (f'{HEAD}load = {{ longest = "soon" }}', 3, "project.load", ""),
        (f"{HEAD}on_release = 1", 3, "project.on_release", "must be true or false"),
        (f"{HEAD}guard = 50", 3, "project.guard", "must be a number from 0 to 1"),
        (f"{HEAD}stall = 2", 3, "project.stall", "must be a text"),
        (f"{HEAD}guard = nan", 3, "project.guard", "must be a number from 0 to 1"),
        (f"{HEAD}[project.test]\nenv_from = 'A'", 4, "project.test.env_from", "must be a list of names of variables"),
        (f"{HEAD}[project.test]\nenv_from = ['A-B']", 4, "project.test.env_from", "must be a list of names"),
        (f"{HEAD}[project.test]\nenv_from = ['DOGDRIVER_TOKEN']", 4, "project.test.env_from", "of dogDriver's own"),
        (f"{HEAD}[project.test]\nenv = {{ A = '' }}\nenv_from = ['A']", 5, "project.test.env_from", "which `env` sets"),
        (f"{HEAD}isolation = 'vm'", 3, "project.isolation", 'must be "thread" or "process"'),
        (f"{HEAD}schedule = 'hourly'", 3, "project.schedule", "'hourly' must be \"every 1h\""),
        (f"{HEAD}schedule = '7 * * * *'", 3, "project.schedule", "belongs under the key `cron`"),
        (f"{HEAD}schedule = 'every 0s'", 3, "project.schedule", "is not between 1s and 366d"),
        (f"{HEAD}schedule = 5", 3, "project.schedule", "must be a text"),
        (f"{HEAD}cron = '* * *'", 3, "project.cron", "has 3 fields where a cron line has five"),
        (f"{HEAD}cron = '61 * * * *'", 3, "project.cron", "'61' is not within 0-59 (minute)"),
        (f"{HEAD}cron = '5-2 * * * *'", 3, "project.cron", "'5-2' is not within"),
        (f"{HEAD}cron = '*/0 * * * *'", 3, "project.cron", "'*/0' is not within"),
        (f"{HEAD}cron = '* * * * boo'", 3, "project.cron", "'boo' is neither a number nor a name"),
        (f"{HEAD}cron = '0 0 1 1-jun *'", 3, "project.cron", "'0 0 1 1-jun *' is not understood"),
        (f"{HEAD}cron = '0 0 31 2 *'", 3, "project.cron", "'0 0 31 2 *' names a date that never comes; correct"),
        ("[defaults]\ncron = '0 0 30-31 feb mon'", 2, "defaults.cron", "names a date that never comes"),
        (f"{HEAD}cron = '* * * * *'\nschedule = 'off'", 3, "project.cron", "stands beside `schedule`"),
        ("[defaults]\ncron = '* * * * *'\nschedule = 'off'", 2, "defaults.cron", "stands beside `schedule`"),
        ("project = 3", 1, "project", "must be tables"),
        ("[project]\nname = 'a'", 1, "project", "must be tables"),
        ("[[project]]\nguard = 0.5", 1, "project.name", "is missing; add it"),
        ("[[project]]\nname = 'a/b'", 2, "project.name", "without `/`"),
        ("[[project]]\nname = '..'", 2, "project.name", "printable characters"),
        (f"{HEAD}\n[[project]]\nname = 'a'", 5, "project.name", "stands in line 2 already (a); keep one"),
        (f"{HEAD}[project.deployments]\nstage = 'x'", 4, "project.deployments.stage", "must be one address"),
        (f"{HEAD}[project.deployments]\nstage = 'https://u:p@h'", 4, "project.deployments.stage", "without user"),
        (f"{HEAD}deployments = {{ stage = 'x' }}", 3, "project.deployments.stage", "must be one address"),
        (
            f"{HEAD}[project.deployments]\nstage = 'http://a'\nStage = 'http://b'",
            5, "project.deployments.Stage", "stands in line 4 already",
        ),
        (f"{HEAD}[project.test]\nurl = 'ext::sh -c id'", 4, "project.test.url", "an instruction to git"),
        (f"{HEAD}[project.test]\nurl = 'https://u:p@github.com/a/b'", 4, "project.test.url", "user or a password"),
        (f"{HEAD}[project.test]\nref = '--upload-pack=x'", 4, "project.test.ref", "is not a git ref"),
        (f"{HEAD}[project.test]\npath = '../x'", 4, "project.test.path", "must be a folder inside the repository"),
        (f"{HEAD}[project.test]\nenv = {{ 'A B' = 'x' }}", 4, "project.test.env", "is not the name of a variable"),
        (f"{HEAD}[project.test]\nenv = {{ A = 1 }}", 4, "project.test.env", "must be a table of texts"),
        (f"{METRIC}reduce = 'median'", 8, "project.metric.reduce", "must be mean, max, min, sum, last or p0 to p100"),
        (f"{METRIC}reduce = 'p101'", 8, "project.metric.reduce", "must be mean"),
        (f"{METRIC}every = '60'", 8, "project.metric.every", "is not a duration"),
        (f"{METRIC}margin = 0", 8, "project.metric.margin", "must be a number"),
        (f"{METRIC}every = 60", 8, "project.metric.every", "must be a text"),
        (METRIC.replace("'lower'", "").replace('"lower"', '"up"'), 7, "project.metric.better", '"lower" or "higher"'),
        (METRIC.replace('"m"', '"client.p50"'), 4, "project.metric.name", "must not begin with `client.`"),
        (METRIC.replace('"m"', '"a b"'), 4, "project.metric.name", "letters, digits"),
        (METRIC.replace('query = "q"\n', ""), 3, "project.metric.query", "is missing; add it"),
        (
            METRIC + METRIC.removeprefix(HEAD),
            9, "project.metric.name", "names a metric that stands in line 4 already (m)",
        ),
        ("[defaults]\nallowed_tests = 'x'", 2, "defaults.allowed_tests", "must be a list of patterns"),
        ("[defaults]\nallowed_tests = ['github.com/x']", 2, "defaults.allowed_tests", "is not a pattern such as"),
        ("[defaults]\nallowed_tests = ['https://github.com*']", 2, "defaults.allowed_tests", "has no path; write"),
        ("[defaults]\nallowed_tests = ['https://git*/x']", 2, "defaults.allowed_tests", "only begin like it"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_key_and_remedy(text: str, line: int, key: str, why: str) -> None:
    tomllib.loads(text)
    with pytest.raises(SettingsError) as caught:
        parse(text, FILE, margin=0.03)
    assert caught.value.message.startswith(f"{FILE}:{line}: `{key}` "), caught.value.message
    assert why in caught.value.message
    assert "p@" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "line"),
    [("[[project]\n", 1), ("\n\na = ", 3), ("\n\na = [\n1 2\n]\n", 4), ("a = 1\na = 2", 2), (f"a = {'9' * 5000}", 1)],
)
def test_a_syntax_error_names_the_line(text: str, line: int) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text, FILE, margin=0.03)
    assert caught.value.message.startswith(f"{FILE}:{line}: this is not TOML: ")
    assert caught.value.message.endswith("; correct it there.")


def test_all_mistakes_are_found_at_once() -> None:
    text = f"{METRIC}reduce = 'x'\nevery = 'y'\nmargin = 'z'\n[defaults]\nguard = 7\n"
    with pytest.raises(SettingsError) as caught:
        parse(text, FILE, margin=0.03)
    assert [m.split(": ")[0].removeprefix(f"{FILE}:") for m in caught.value.details["mistakes"]] == [
        "12",
        "8",
        "9",
        "10",
    ]


def test_lines_are_found_whatever_stands_between() -> None:
    text = '''\
# [[project]]
[defaults]
allowed_tests = [
    "https://github.com/a/*",  # name = "no"
]
[[project]]
name = """
[[project]]
name = 'inside'
"""
[[ "project" ]] # the second
"na me" = 1
 test . url = 2
[project.metric]
name = 3
[[project]]
[[project.metric]]
[[project.metric]]
name = 4
'''
    assert line_of(text, ("project", 0, "name")) == 7
    assert line_of(text, ("project", 1, "na me")) == 12
    assert line_of(text, ("project", 1, "test", "url")) == 13
    assert line_of(text, ("project", 1, "metric", "name")) == 15
    assert line_of(text, ("project", 2, "metric", 1, "name")) == 19
    assert line_of(text, ("project", 2, "nothing")) == 16
    assert line_of(text, ("elsewhere",)) is None


WORDS = st.sampled_from(
    ["name", "schedule", "cron", "guard", "test", "url", "metric", "deployments", "query", "project", "defaults", "env"]
) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def toml(value: object) -> str:
    """A TOML value; None becomes an empty table."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{quoted(k)} = {toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return quoted(value)
        case None:
            return "{}"
        case _:
            return str(value)


def quoted(text: str) -> str:
    plain = (c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text if not 0xD800 <= ord(c) < 0xE000)
    return f'"{"".join(plain)}"'


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    refused_or_read(text)


@given(st.dictionaries(WORDS, VALUES, max_size=4), st.dictionaries(WORDS, VALUES, max_size=4))
def test_any_document_is_read_or_refused_with_a_sentence(
    defaults: dict[str, object], project: dict[str, object]
) -> None:
    text = f"defaults = {toml(defaults)}\nproject = [{toml(project)}]\n"
    refused_or_read(text)


def refused_or_read(text: str) -> None:
    try:
        parse(text, FILE, margin=0.03)
    except SettingsError as error:
        assert error.message.startswith(str(FILE))  # noqa: PT017 - either is right

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dogdriver.demo.standin.query import parse
from dogdriver.metrics import query
from dogdriver.metrics.query import DEFAULT_FINGERPRINT, DEFAULT_METRICS
from dogdriver.model import Run

TOKENS = {
    "project": "kintowe",
    "deployment": "stage",
    "source": "office",
    "release": "1.2.3",
    "endpoint": "https://kinto.example.org",
}


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("avg:a.b{app:{project},env:{deployment}}", "avg:a.b{app:kintowe,env:stage}"),
        ("avg:a.b{version:{release},url:{endpoint}}", "avg:a.b{version:1.2.3,url:https://kinto.example.org}"),
        ("avg:a.b{*} by {deployment}", "avg:a.b{*} by {deployment}"),
        ("avg:a.b{*}by{project}", "avg:a.b{*}by{project}"),
        ("avg:a.b{app:{project}} by {host}", "avg:a.b{app:kintowe} by {host}"),
        ("avg:a.b{app:{project}} by {project}", "avg:a.b{app:kintowe} by {project}"),
        ("avg:{project}.latency{*}", "avg:kintowe.latency{*}"),
        ("avg:a.b{{project}}", "avg:a.b{kintowe}"),
        ("avg:a.b{app:{Project}}", "avg:a.b{app:{Project}}"),
        ("avg:a.b{app:{ project }}", "avg:a.b{app:{ project }}"),
        ("avg:a.b{app:{unknown}}", "avg:a.b{app:{unknown}}"),
        ("avg:a.b{nearby:{project}}", "avg:a.b{nearby:kintowe}"),
        ("avg:a.standby{project}", "avg:a.standbykintowe"),
        ("} { {project}", "} { kintowe"),
    ],
)
def test_only_the_exact_tokens_are_replaced_and_never_after_by(template: str, rendered: str) -> None:
    assert query.render(template, TOKENS) == rendered


def test_outside_a_scope_a_value_is_a_part_of_a_name() -> None:
    tokens = {**TOKENS, "project": "kinto-we/2"}
    assert query.render("avg:{project}.x{app:{project}}", tokens) == "avg:kinto_we_2.x{app:kinto-we/2}"


@given(st.sampled_from(sorted(TOKENS)), st.text())
def test_no_value_breaks_out_of_the_scope(name: str, text: str) -> None:
    rendered = query.render("avg:a.b{app:{" + name + "},env:x} by {host}", {**TOKENS, name: text})
    assert rendered.startswith("avg:a.b{app:")
    assert rendered.endswith(",env:x} by {host}")
    assert [letter for letter in rendered if letter in "{},"] == ["{", ",", "}", "{", "}"]
    assert not set(rendered.removeprefix("avg:a.b{app:").removesuffix(",env:x} by {host}")) & set(" ()*!\"'\n")


@given(st.text(alphabet="{}by hostprojectdeployment,:.", max_size=60))
def test_any_template_renders_and_text_around_tokens_stays(template: str) -> None:
    rendered = query.render(template, TOKENS)
    for token, word in TOKENS.items():
        template = template.replace("{" + token + "}", "\0")
        rendered = rendered.replace("{" + token + "}", "\0").replace(word, "\0")
    assert [part for part in template.split("\0") if part] == [part for part in rendered.split("\0") if part]


def test_tokens_come_from_the_run(run: Run) -> None:
    assert query.token_values(run)["release"] == "21.1.0"
    bare = replace(run, release=None, endpoint=None)
    assert query.token_values(bare)["release"] == query.token_values(bare)["endpoint"] == "unknown"
    assert query.token_values(replace(run, release="1+abc"))["release"] == "1+abc"


@pytest.mark.parametrize("metric", DEFAULT_METRICS, ids=lambda metric: metric.name)
def test_default_metrics_are_queries_for_any_project(metric: object, run: Run) -> None:
    template = getattr(metric, "query", "")
    rendered = query.run_query(template, replace(run, project="Kinto (web)", deployment="us-east"))
    assert "app:kinto_web,env:us-east" in rendered
    assert parse(rendered)


def test_the_default_metrics_are_those_of_the_first_dogdriver() -> None:
    assert [(m.name, m.unit, m.better.value) for m in DEFAULT_METRICS] == [
        ("cpu", "%", "lower"),
        ("rps", "1/s", "higher"),
        ("art", "ms", "lower"),
    ]
    assert parse(query.render(DEFAULT_FINGERPRINT, TOKENS))


def test_queries_compare_without_white_space() -> None:
    assert query.is_same("avg:a{*} by {host}", "avg:a{*}by{host}")
    assert not query.is_same("avg:a{*}", "avg:b{*}")


@pytest.mark.parametrize(
    ("text", "is_list"),
    [("avg:a{b,c}", False), ("top(avg:a{*}, 10, 'mean', 'desc')", False), ("avg:a{*},avg:b{*}", True)],
)
def test_a_list_of_queries_is_known_by_its_comma(text: str, is_list: bool) -> None:
    assert query.is_list(text) is is_list

"""The query language: what it means, and that anything else is its own error."""

import contextlib
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.demo.standin.answers import written
from dogdriver.demo.standin.errors import QueryError
from dogdriver.demo.standin.query import (
    AGGREGATORS,
    MAX_DEPTH,
    MAX_OPERATIONS,
    Arithmetic,
    DefaultZero,
    Expression,
    Form,
    Number,
    Reference,
    Rollup,
    Selection,
    parse,
    parse_formula,
)
from tests.demo.standin.conftest import UNHURRIED

A, B, C = Selection("a"), Selection("b"), Selection("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("system.cpu.idle{*}", Selection("system.cpu.idle")),
        (
            "test.metric_single.1580746696{host:h.1}",
            Selection("test.metric_single.1580746696", None, (("host:h.1", True),)),
        ),
        (
            "max:a{env:stage,!host:x} by {host, az}",
            Selection("a", "max", (("env:stage", True), ("host:x", False)), ("host", "az")),
        ),
        ("avg:a{bar:baz}by{host}", Selection("a", "avg", (("bar:baz", True),), ("host",))),
        ("sum:a{*}.rollup(max)", Selection("a", "sum", rollup=Rollup("max"))),
        ("sum:a{*}.rollup(avg, 60)", Selection("a", "sum", rollup=Rollup("avg", 60))),
        ("sum:a{*}.as_count()", Selection("a", "sum", form="count")),
        ("sum:a{*}.as_rate().rollup(sum,60)", Selection("a", "sum", rollup=Rollup("sum", 60), form="rate")),
        ("default_zero(avg:a{*})", DefaultZero(Selection("a", "avg"))),
        ("a{*}+b{*}*c{*}", Arithmetic("+", A, Arithmetic("*", B, C))),
        ("(a{*}+b{*})*c{*}", Arithmetic("*", Arithmetic("+", A, B), C)),
        ("a{*}-b{*}-c{*}", Arithmetic("-", Arithmetic("-", A, B), C)),
        ("a{*}/b{*}/c{*}", Arithmetic("/", Arithmetic("/", A, B), C)),
        ("a{*}/(b{*}/c{*})", Arithmetic("/", A, Arithmetic("/", B, C))),
        (" 100 - 1.5 * a{*} ", Arithmetic("-", Number(100), Arithmetic("*", Number(1.5), A))),
    ],
)
def test_one_query(text: str, expected: Expression) -> None:
    assert parse(text) == (expected,)


def test_queries_are_separated_by_commas() -> None:
    assert parse("a{*}, b{x:1,y:2} by {h,i},c{*}.rollup(avg,60)") == (
        A,
        Selection("b", None, (("x:1", True), ("y:2", True)), ("h", "i")),
        Selection("c", rollup=Rollup("avg", 60)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "a",
        "a{}",
        "a{*",
        "a{*}}",
        "avg:foo@bar{*}",
        "p95:a{*}",
        "avg:{*}",
        "a{host:*}",
        "a{host:web*}",
        "a{*,env:x}",
        "a{env:x AND host:y}",
        "a{env:x OR host:y}",
        "a{host IN (x,y)}",
        "a{$env}",
        "a{app:{project}}",
        "a{env:x,}",
        "a{!!env:x}",
        "a{*} by {}",
        "a{*} by {*}",
        "a{*} by {host,host}",
        "a{*} by {host:x}",
        "a{*} by host",
        "a{*}.rollup()",
        "a{*}.rollup(60)",
        "a{*}.rollup(p95)",
        "a{*}.rollup(avg, 0)",
        "a{*}.rollup(avg, 1.5)",
        "a{*}.rollup(avg, -60)",
        "a{*}.rollup(avg, 60, from)",
        "a{*}.rollup(avg).rollup(max)",
        "a{*}.as_count().as_rate()",
        "a{*}.as_count().rollup(max)",
        "count:a{*}.rollup(max)",
        "a{*}.as_count",
        "a{*}.fill(zero)",
        "a{*}.weighted()",
        "(a{*}+b{*}).rollup(avg)",
        "-a{*}",
        "a{*}+",
        "a{*} b{*}",
        "a{*}**b{*}",
        "a{*}%2",
        "a{*},",
        ",a{*}",
        "(a{*}",
        "a{*})",
        "abs(a{*})",
        "top(a{*}, 10, 'mean', 'desc')",
        "default_zero()",
        "default_zero(a{*}, 1)",
        "9" * 400 + "*a{*}",
        "1e9*a{*}",
        "a{*}.rollup(avg, " + "9" * 5000 + ")",
        "(" * (MAX_DEPTH + 1) + "a{*}" + ")" * (MAX_DEPTH + 1),
        "(" * 100_000,
        "+".join(["a{*}"] * (MAX_OPERATIONS + 2)),
        "\x00",
        "a{*}\ud800",
    ],
)
def test_what_is_not_known_is_a_parse_error(text: str) -> None:
    with pytest.raises(QueryError, match=re.escape("Error parsing query: \n unable to parse ")):
        parse(text)


def test_the_error_is_worded_as_datadogs() -> None:
    with pytest.raises(QueryError) as caught:
        parse("avg:foo@bar{*}")
    assert str(caught.value) == (
        "Error parsing query: \n unable to parse avg:foo@bar{*}: "
        "Rule 'scope_expr' didn't match at '@bar' (line 1, column 8)."
    )


def test_nesting_up_to_the_limit_is_understood() -> None:
    assert parse("(" * MAX_DEPTH + "a{*}" + ")" * MAX_DEPTH) == (A,)
    assert parse("+".join(["a{*}"] * (MAX_OPERATIONS + 1)))


def test_a_formula_refers_to_queries_by_name() -> None:
    assert parse_formula("100 * a / (a + b1)", {"a", "b1"}) == Arithmetic(
        "/", Arithmetic("*", Number(100), Reference("a")), Arithmetic("+", Reference("a"), Reference("b1"))
    )


@pytest.mark.parametrize("text", ["c", "a{*}", "avg:a{*}", "a,b", "a b", "", "1+", "a.rollup(avg)"])
def test_a_formula_knows_nothing_else(text: str) -> None:
    with pytest.raises(QueryError):
        parse_formula(text, {"a", "b"})


ALPHABET = st.sampled_from([*"{}(),.:!*+-/ \t\n@%$'\"\\_é\x00", *string.ascii_letters, *string.digits])
MARKS = st.sampled_from(["{*}", "{host:x}", "{", "}", "{host}", ")", "(", "+", "-", "*", "/", ",", "!", " ", ":"])
WORDS = st.sampled_from(
    ["a", "avg:", " by ", ".rollup(", "avg", ",60", ".as_count()", "default_zero(", "1", "2.5", "a.b"]
)


@UNHURRIED
@given(st.one_of(st.text(), st.text(ALPHABET), st.lists(st.one_of(MARKS, WORDS)).map("".join)))
def test_any_text_is_understood_or_a_parse_error(text: str) -> None:
    for read in (parse, lambda words: parse_formula(words, {"a"})):
        with contextlib.suppress(QueryError):
            read(text)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}(\.[a-z0-9_]{1,5}){0,3}", fullmatch=True).filter(lambda name: name != "by")
TAGS = st.from_regex(r"[a-z][a-z0-9_./-]{0,5}(:[a-z0-9_./-]{1,5})?", fullmatch=True)
KEYS = st.from_regex(r"[a-z][a-z0-9_./-]{0,5}", fullmatch=True)


FORMS: st.SearchStrategy[Form | None] = st.sampled_from([None, "count", "rate"])


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    form = draw(FORMS)
    aggregator = draw(st.sampled_from([None, *AGGREGATORS]))
    methods = ["sum"] if form or aggregator == "count" else list(AGGREGATORS)
    seconds = st.one_of(st.none(), st.integers(1, 10**6))
    return Selection(
        draw(NAMES),
        aggregator,
        tuple(draw(st.lists(st.tuples(TAGS, st.booleans()), max_size=3))),
        tuple(draw(st.lists(KEYS, max_size=2, unique=True))),
        draw(st.one_of(st.none(), st.builds(Rollup, st.sampled_from(methods), seconds))),
        form,
    )


NUMBERS = st.integers(0, 999).map(lambda number: Number(float(number)))
EXPRESSIONS = st.recursive(
    st.one_of(selections(), NUMBERS),
    lambda inner: st.one_of(
        st.builds(DefaultZero, inner), st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner)
    ),
    max_leaves=8,
)


def _ungrouped(expression: Expression) -> Expression:
    match expression:
        case Selection(metric, aggregator, scope, _, rollup, form):
            return Selection(metric, aggregator, scope, (), rollup, form)
        case DefaultZero(inner):
            return DefaultZero(_ungrouped(inner))
        case Arithmetic(sign, left, right):
            return Arithmetic(sign, _ungrouped(left), _ungrouped(right))
        case _:
            return expression


@UNHURRIED
@given(EXPRESSIONS)
def test_what_is_written_is_read_again(expression: Expression) -> None:
    assert parse(written(expression)) == (_ungrouped(expression),)

"""Datadog's metric query language, as far as the stand-in speaks it: text in, a tree out.

    queries    = expression ("," expression)*
    expression = term (("+" | "-") term)*
    term       = factor (("*" | "/") factor)*
    factor     = number | "(" expression ")" | "default_zero" "(" expression ")" | selection
    selection  = [aggregator ":"] metric "{" scope "}" ["by" "{" key ("," key)* "}"] modifier*
    scope      = "*" | ["!"] tag ("," ["!"] tag)*
    modifier   = ".rollup(" method ["," seconds] ")" | ".as_count()" | ".as_rate()"

In a formula (API v2) a selection is the name of another query instead. Everything else is a QueryError.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from dogdriver.demo.standin.errors import QueryError

AGGREGATORS = ("avg", "min", "max", "sum", "count")
MAX_DEPTH = 30
MAX_OPERATIONS = 100

Form = Literal["count", "rate"]


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of another query, in a formula."""

    name: str


@dataclass(frozen=True, slots=True)
class Rollup:
    """How the points of one bucket become one value; *seconds* None: the interval that goes with the window."""

    method: str
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """One metric under one scope. *scope* holds (tag, wanted) pairs, empty for `*`."""

    metric: str
    aggregator: str | None = None
    scope: tuple[tuple[str, bool], ...] = ()
    by: tuple[str, ...] = ()
    rollup: Rollup | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class DefaultZero:
    inner: "Expression"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: str
    left: "Expression"
    right: "Expression"


Expression = Number | Reference | Selection | DefaultZero | Arithmetic


def parse(text: str) -> tuple[Expression, ...]:
    """The comma-separated queries of *text*. Raises QueryError, and nothing else, whatever the text is."""
    parser = _Parser(text)
    expressions = [parser.expression()]
    while parser.take(","):
        expressions.append(parser.expression())
    parser.end()
    return tuple(expressions)


def parse_formula(text: str, names: Collection[str]) -> Expression:
    """One formula over the queries called *names*. Raises QueryError."""
    parser = _Parser(text, names)
    expression = parser.expression()
    parser.end()
    return expression


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number | name | tag | end, or the mark itself
    text: str
    at: int


_OUTSIDE = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z]\w*(?:\.\w+)*)|(?P<mark>[-+*/(),:.{]))", re.ASCII
)
_INSIDE = re.compile(r"\s*(?:(?P<tag>\w[\w.:/-]*)|(?P<mark>[,!*}]))")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end, pattern = 0, len(text.rstrip()), _OUTSIDE
    while at < end:
        match = pattern.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            found.append(_Token("unknown", text[start], start))
            return found
        kind, word = match.lastgroup, match[match.lastgroup]
        found.append(_Token(word if kind == "mark" else kind, word, match.start(match.lastgroup)))
        at = match.end()
        pattern = {"{": _INSIDE, "}": _OUTSIDE}.get(word, pattern)
    found.append(_Token("end", "", len(text)))
    return found


class _Parser:
    def __init__(self, text: str, names: Collection[str] | None = None) -> None:
        self._text = text
        self._names = names
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._operations = 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _ahead(self) -> str:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)].kind

    def _fail(self, rule: str) -> NoReturn:
        at = self._token.at
        rest = re.split(r"[\s{]", self._text[at : at + 20] or "the end", maxsplit=1)[0] or self._text[at]
        raise QueryError(self._text, f"Rule '{rule}' didn't match at '{rest}' (line 1, column {at + 1}).")

    def take(self, kind: str) -> _Token | None:
        token = self._token
        if token.kind != kind or kind in {"end", "unknown"}:
            return None
        self._next += 1
        return token

    def _want(self, kind: str, rule: str) -> _Token:
        return self.take(kind) or self._fail(rule)

    def end(self) -> None:
        if self._token.kind != "end":
            self._fail("query")

    def expression(self) -> Expression:
        left = self._term()
        while operator := self.take("+") or self.take("-"):
            left = self._operation(operator.kind, left, self._term())
        return left

    def _term(self) -> Expression:
        left = self._factor()
        while operator := self.take("*") or self.take("/"):
            left = self._operation(operator.kind, left, self._factor())
        return left

    def _operation(self, operator: str, left: Expression, right: Expression) -> Expression:
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            self._fail("expression_length")
        return Arithmetic(operator, left, right)

    def _factor(self) -> Expression:
        if number := self.take("number"):
            value = float(number.text)
            return Number(value) if math.isfinite(value) else self._fail("number")
        if self.take("("):
            return self._nested()
        if self._token.kind == "name" and self._ahead() == "(":
            if self._token.text != "default_zero":
                self._fail("function")
            self._next += 2
            return DefaultZero(self._nested())
        if self._names is not None:
            name = self._want("name", "formula")
            if name.text not in self._names:
                self._next -= 1
                self._fail("query_name")
            return Reference(name.text)
        return self._selection()

    def _nested(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail("expression_depth")
        inner = self.expression()
        self._want(")", "closing_parenthesis")
        self._depth -= 1
        return inner

    def _selection(self) -> Selection:
        aggregator: str | None = None
        if self._token.kind == "name" and self._ahead() == ":":
            if self._token.text not in AGGREGATORS:
                self._fail("aggregator")
            aggregator = self._token.text
            self._next += 2
        metric = self._want("name", "metric_name").text
        self._want("{", "scope_expr")
        scope = self._scope()
        by: tuple[str, ...] = ()
        if self._token.kind == "name" and self._token.text == "by":
            self._next += 1
            self._want("{", "group_by")
            by = self._keys()
        selection = Selection(metric, aggregator, scope, by)
        while self.take("."):
            selection = self._modified(selection)
        return selection

    def _scope(self) -> tuple[tuple[str, bool], ...]:
        if self.take("*"):
            self._want("}", "scope_expr")
            return ()
        tags = []
        while True:
            wanted = not self.take("!")
            tags.append((self._want("tag", "scope_expr").text, wanted))
            if self.take("}"):
                return tuple(tags)
            self._want(",", "scope_expr")

    def _keys(self) -> tuple[str, ...]:
        keys: list[str] = []
        while True:
            key = self._want("tag", "group_by").text
            if key in keys or ":" in key:
                self._next -= 1
                self._fail("group_by")
            keys.append(key)
            if self.take("}"):
                return tuple(keys)
            self._want(",", "group_by")

    def _modified(self, selection: Selection) -> Selection:
        name = self._want("name", "modifier").text
        self._want("(", "modifier")
        if name in {"as_count", "as_rate"} and selection.form is None:
            modified = replace(selection, form="count" if name == "as_count" else "rate")
        elif name == "rollup" and selection.rollup is None:
            modified = replace(selection, rollup=self._rollup())
        else:
            self._next -= 2
            self._fail("modifier")
        # These sum by themselves; what another method would then mean is not known.
        sums = modified.form is not None or modified.aggregator == "count"
        if sums and modified.rollup is not None and modified.rollup.method != "sum":
            self._fail("rollup_method")
        self._want(")", "modifier")
        return modified

    def _rollup(self) -> Rollup:
        method = self._want("name", "rollup_method").text
        if method not in AGGREGATORS:
            self._next -= 1
            self._fail("rollup_method")
        if not self.take(","):
            return Rollup(method)
        seconds = float(self._want("number", "rollup_interval").text)
        if not (math.isfinite(seconds) and seconds.is_integer() and seconds >= 1):
            self._next -= 1
            self._fail("rollup_interval")
        return Rollup(method, int(seconds))

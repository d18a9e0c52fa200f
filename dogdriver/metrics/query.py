"""Queries: templates and their tokens, what the text of a query says of its answer, and how Datadog writes tags."""

import re
from collections.abc import Mapping
from enum import StrEnum

from dogdriver.model import UNKNOWN, Better, Metric, Run

TOKENS = ("project", "deployment", "source", "release", "endpoint")
LONGEST_TAG = 200

_PART = re.compile(r"\{(" + "|".join(TOKENS) + r")\}|[{}]")
_BY = re.compile(r"\bby\s*\Z")
_GROUPED = re.compile(r"\bby\s*\{([^{}]*)\}")
_SINGLE = re.compile(r"\s*(?:\w+\s*:)?\s*[\w.]+\s*\{[^{}]*\}(?:\s*by\s*\{[^{}]*\})?(?:\s*\.\w+\([^()]*\))*\s*")
_COUNTED = re.compile(r"\bcount_(nonzero|not_null)\s*\(")
_OPERAND = re.compile(r"[\w.:]+\{[^{}]*\}(?:by\{[^{}]*\})?(?:\.\w+\([^()]*\))*")
_FILLED = re.compile(r"\.fill\((zero|last|0)\b")
_NOT_IN_TAGS = re.compile(r"[^\w.:/-]+")

_SCOPE = "app:{project},env:{deployment}"
_CPU_IDLE = f"avg:system.cpu.idle{{{_SCOPE}}} by {{host}}"
_CPU_STOLEN = f"avg:system.cpu.stolen{{{_SCOPE}}} by {{host}}"


def default_metrics(every: int = 60) -> tuple[Metric, ...]:
    """CPU, RPS and ART of the first dogDriver, for any project whose hosts and balancers are tagged `app:` and `env:`.

    *every*: seconds between two points of the balancer, CloudWatch's 60 or another that is known.
    """
    return (
        Metric(
            name="cpu",
            title="CPU in use, busiest host",
            unit="%",
            better=Better.LOWER,
            # Some hosts never report stolen time; without the zero they would drop out of the difference.
            query=f"100 - {_CPU_IDLE} - default_zero({_CPU_STOLEN})",
            reduce="max",
            every=min(15.0, every),
        ),
        Metric(
            name="rps",
            title="Requests per second",
            unit="1/s",
            better=Better.HIGHER,
            # A rate is a bucket's count by the bucket's length: in buckets shorter than the time between two points
            # the count of a minute would be divided by a few seconds.
            query=f"sum:aws.elb.request_count{{{_SCOPE}}}.as_rate().rollup(sum, {every})",
            reduce="mean",
            every=float(every),
        ),
        Metric(
            name="art",
            title="Average response time",
            unit="ms",
            better=Better.LOWER,
            query=f"avg:aws.elb.latency{{{_SCOPE}}}",
            reduce="mean",
            every=float(every),
        ),
    )


DEFAULT_METRICS = default_metrics()
DEFAULT_FINGERPRINT = _CPU_IDLE


# Templates


def metric_query(metric: Metric, run: Run) -> str:
    """The query of *metric* for *run*. Raises ValueError for a metric of the load generator's own, which has none."""
    if metric.query is None:
        raise ValueError(f"{metric.name} is measured by the load generator; it has no query")
    return run_query(metric.query, run)


def run_query(template: str, run: Run) -> str:
    """*template* with its tokens replaced by what they stand for in *run*."""
    return render(template, token_values(run))


def token_values(run: Run) -> Mapping[str, str]:
    """What each of TOKENS stands for in *run*."""
    return {
        "project": run.project,
        "deployment": run.deployment,
        "source": run.source,
        "release": run.release or UNKNOWN,
        "endpoint": run.endpoint or UNKNOWN,
    }


def render(template: str, tokens: Mapping[str, str]) -> str:
    """*template* with its tokens replaced, written as Datadog writes tag values.

    A token right after `by` is Datadog's own group, as is every other brace. Outside a scope a value becomes part of
    a metric's name, where even a hyphen would be arithmetic.
    """
    out: list[str] = []
    depth = end = 0
    for part in _PART.finditer(template):
        out.append(template[end : part.start()])
        end = part.end()
        token = part.group(1)
        if token is None:
            depth = max(0, depth + (1 if part.group() == "{" else -1))
            out.append(part.group())
        elif _BY.search(template, 0, part.start()):
            out.append(part.group())
        else:
            out.append((tag_value if depth else metric_name)(tokens[token]))
    out.append(template[end:])
    return "".join(out)


# What a query says of itself


def is_same(query: str, other: str) -> bool:
    """Whether the two differ in white space only."""
    return "".join(query.split()) == "".join(other.split())


def is_list(query: str) -> bool:
    """Whether *query* is itself a list of queries: a comma outside all braces and brackets."""
    depth = 0
    for letter in query:
        if letter in "{([":
            depth += 1
        elif letter in "})]":
            depth -= 1
        elif letter == "," and depth <= 0:
            return True
    return False


def is_plain(query: str) -> bool:
    """Whether *query* is one metric under one scope, with neither arithmetic nor a function around it."""
    return _SINGLE.fullmatch(query) is not None


def gives_counts(query: str) -> bool:
    """Whether its values, or some that they come from, are counts over a bucket's length."""
    return ".as_count()" in "".join(query.split())


def gives_rates(query: str) -> bool:
    """Whether its values come from rates over a bucket's length."""
    return ".as_rate()" in "".join(query.split())


def is_grouped(query: str) -> bool:
    """Whether the answer has one series per group."""
    return bool(_GROUPED.search(query)) and not _COUNTED.search(query)


def groups(query: str) -> frozenset[str]:
    """The tag keys that *query* groups by, of all its `by {…}` together."""
    keys = (key.strip() for group in _GROUPED.findall(query) for key in group.split(","))
    return frozenset(key for key in keys if key)


class MadeUp(StrEnum):
    """What a query puts where Datadog has nothing."""

    ZEROS = "zeros"  # as default_zero() gives them
    REPEATED = "repeated"  # one value again and again


def makes_up(query: str) -> frozenset[MadeUp]:
    """What *query* makes up for buckets without data: by default_zero(…), .fill(zero) or .fill(last).

    Nothing where one of its metrics is not filled: arithmetic gives no value where that has none. A constant that is
    added makes another value of a zero.
    """
    rest, wrapped = _without_default_zero("".join(query.split()).lower())
    filled = frozenset(how for part in _OPERAND.finditer(rest) for how in _FILLED.findall(part.group()))
    rest = _OPERAND.sub(lambda part: "" if _FILLED.search(part.group()) else part.group(), rest)
    if "{" in rest or not (wrapped or filled):
        return frozenset()
    zeros = {MadeUp.ZEROS} if wrapped or filled - {"last"} else set()
    repeated = {MadeUp.REPEATED} if "last" in filled or set(rest) & {"+", "-"} else set()
    return frozenset(zeros | repeated)


def _without_default_zero(query: str) -> tuple[str, bool]:
    """*query* without what stands in default_zero(…), and whether there was any."""
    begin = query.find("default_zero(")
    if begin < 0:
        return query, False
    depth = 0
    for at in range(begin, len(query)):
        depth += {"(": 1, ")": -1}.get(query[at], 0)
        if query[at] == ")" and depth == 0:
            return _without_default_zero(query[:begin] + query[at + 1 :])[0], True
    return query[:begin], True


# Tags: what Datadog would rewrite is rewritten here, so that queries find it again


def tag_value(text: str) -> str:
    """*text* in lower case, everything that no tag can hold turned into an underscore; `unknown` for nothing.

    Letters of any script, digits, `_ - . : /` stay; underscores in a row become one, those at the end go. What comes
    out can be written into a query's scope: it holds no brace, comma, space, quote, star or bracket.
    """
    clean = re.sub(r"__+", "_", _NOT_IN_TAGS.sub("_", text.strip().lower()))
    return clean[:LONGEST_TAG].rstrip("_:") or "unknown"


def metric_name(text: str) -> str:
    """*text* as a part of a metric's name: letters of ASCII, digits, `_` and `.`."""
    return re.sub(r"[^a-z0-9_.]+", "_", tag_value(text)).strip("_.") or "unknown"


def tag_list(tags: Mapping[str, str]) -> list[str]:
    """`key:value`, each at most 200 characters, in the order given."""
    return [f"{key}:{tag_value(text)}"[:LONGEST_TAG].rstrip("_:") for key, text in tags.items()]
